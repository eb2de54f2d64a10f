//! Push a puck along the table to a goal.

use super::puck::too_close;
use super::puck_to_goal::{PuckToGoal, REWARD_RADIUS, Rules, State};
use crate::env::metaworld::handling::{Handling, Plan};
use crate::env::metaworld::reward::{Caging, Density};
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::HandBox;

pub(super) const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.05,
    xz_threshold: 0.005,
    effort: 1.0,
    density: Density::High,
};

pub(super) static DEFINITION: Definition = Definition {
    name: "push-v3",
    description: "push the puck along the table to the goal marker",
    model: "sawyer_xyz/sawyer_push_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.01],
        high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.02],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.8, 0.01], [0.1, 0.9, 0.02]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| PuckToGoal::find(model, &RULES),
    expert: Some(|| Box::new(Handling::new(&Plan::ALONG_THE_TABLE))),
};

static RULES: Rules = Rules { on_the_table: true, success_radius: REWARD_RADIUS, reward };

fn reward(state: &State<'_>) -> f64 {
    let reward = 2.0 * CAGING.reward(state.world, state.puck, state.puck_init, state.action);
    if state.is_within(0.02) { reward + (1.0 + reward + 5.0 * state.in_place()) } else { reward }
}
