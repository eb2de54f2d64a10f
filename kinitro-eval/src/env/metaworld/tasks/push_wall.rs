//! Push a puck along the table, around a wall, to a goal.

use super::puck::too_close;
use super::puck_to_goal::{PuckToGoal, REWARD_RADIUS, Rules, State};
use super::push::CAGING;
use crate::env::metaworld::geometry::{Vec3, norm, sub};
use crate::env::metaworld::handling::{Handling, Plan};
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::HandBox;

/// How near the gripper must be to the puck to hold it, m.
const HELD: f64 = 0.02;
/// Where the puck should pass the end of the wall, in x and y, m.
const PASSAGE: [f64; 2] = [-0.05, 0.77];
/// The y beyond which the puck has passed the wall, m.
const PASSED: f64 = 0.75;

pub(super) static DEFINITION: Definition = Definition {
    name: "push-wall-v3",
    description: "push the puck around the wall to the goal marker",
    model: "sawyer_xyz/sawyer_push_wall_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.01],
        high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.02],
        rejects: too_close,
    },
    goal_space: ([-0.05, 0.85, 0.01], [0.05, 0.9, 0.02]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| PuckToGoal::find(model, &RULES),
    expert: Some(|| Box::new(Handling::new(&Plan::OVER_THE_WALL))),
};

static RULES: Rules = Rules { on_the_table: true, success_radius: 0.07, reward };

/// The distance to the passage at the given height, with distances along the wall counted three
/// times.
fn to_passage(from: Vec3, height: f64) -> f64 {
    let [x, y, z] = sub(from, [PASSAGE[0], PASSAGE[1], height]);
    norm([x * 3.0, y, z])
}

fn reward(state: &State<'_>) -> f64 {
    let &State { world, puck, puck_init, action, .. } = state;
    let reward = 2.0 * CAGING.reward(world, puck, puck_init, action);
    if !state.is_within(HELD) {
        return reward;
    }
    if puck[1] > PASSED {
        return reward + (5.0 + 3.0 * state.in_place());
    }
    let margin = to_passage(puck_init, puck[2]);
    reward + (1.0 + 4.0 * tolerance(to_passage(puck, puck[2]), (0.0, REWARD_RADIUS), margin))
}
