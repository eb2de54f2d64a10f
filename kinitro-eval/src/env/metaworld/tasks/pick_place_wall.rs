//! Pick a puck up, carry it over a wall and hold it at a goal in the air.

use super::puck::too_close;
use super::puck_to_goal::{PuckToGoal, REWARD_RADIUS, Rules, State};
use super::push;
use crate::env::metaworld::geometry::{Vec3, norm, sub};
use crate::env::metaworld::handling::{Handling, Plan};
use crate::env::metaworld::reward::{Caging, Density, hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::HandBox;

/// How near the gripper must be to the puck to hold it, m.
const HELD: f64 = 0.02;
/// The rise above its initial height from which the puck counts as lifted, m.
const LIFTED: f64 = 0.015;
/// Where the puck should pass over the wall, in y and z, m.
const PASSAGE: [f64; 2] = [0.77, 0.25];
/// The y beyond which the puck has passed the wall, m.
const PASSED: f64 = 0.75;

const CAGING: Caging = Caging { density: Density::Low, ..push::CAGING };

pub(super) static DEFINITION: Definition = Definition {
    name: "pick-place-wall-v3",
    description: "pick the puck up, carry it over the wall and hold it at the goal marker",
    model: "sawyer_xyz/sawyer_pick_place_wall_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.05],
        high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.05, 0.85, 0.05], [0.05, 0.9, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| PuckToGoal::find(model, &RULES),
    expert: Some(|| Box::new(Handling::new(&Plan::OVER_THE_WALL))),
};

static RULES: Rules = Rules { on_the_table: false, success_radius: 0.07, reward };

fn reward(state: &State<'_>) -> f64 {
    let &State { world, puck, puck_init, target, action, .. } = state;
    // The distance to the passage right in front of the goal, with differences in height counted
    // three times.
    let to_passage = |from: Vec3| {
        let [x, y, z] = sub(from, [target[0], PASSAGE[0], PASSAGE[1]]);
        norm([x, y, z * 3.0])
    };
    let passing = tolerance(to_passage(puck), (0.0, REWARD_RADIUS), to_passage(puck_init));
    let reward = hamacher(CAGING.reward(world, puck, puck_init, action), passing);
    if !state.is_within(HELD) || puck[2] - LIFTED <= puck_init[2] {
        return reward;
    }
    reward + if puck[1] > PASSED { 5.0 + 3.0 * state.in_place() } else { 1.0 + 4.0 * passing }
}
