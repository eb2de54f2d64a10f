//! Pull a block along the table, towards the robot, to a goal.

use super::puck::too_close;
use super::puck_to_goal::{PuckToGoal, Rules, State};
use super::sided_caging::SidedCaging;
use crate::env::metaworld::geometry::distance;
use crate::env::metaworld::handling::{Handling, Plan};
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// How near the gripper must be to the block to hold it, m.
const HELD: f64 = 0.01;
/// The opening of the gripper below which it may hold the block.
const HOLDING: f64 = 0.55;
/// How much closer to the goal the block must have moved, m.
const MOVED: f64 = 0.01;

const CAGING: SidedCaging =
    SidedCaging { object_radius: 0.007, grip_slack: 0.003, xz_threshold: 0.01 };

pub(super) static DEFINITION: Definition = Definition {
    name: "push-back-v3",
    description: "move the block along the table towards the robot to the goal marker",
    model: "sawyer_xyz/sawyer_push_back_v3.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.8, 0.02, -0.1, 0.6, 0.0199],
        high: &[0.1, 0.85, 0.02, 0.1, 0.7, 0.0201],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.6, 0.0199], [0.1, 0.7, 0.0201]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| PuckToGoal::find(model, &RULES),
    expert: Some(|| Box::new(Handling::new(&Plan::ALONG_THE_TABLE))),
};

/// The model names the block like the puck of other tasks.
static RULES: Rules = Rules { on_the_table: true, success_radius: 0.07, reward };

fn reward(state: &State<'_>) -> f64 {
    let &State { world, puck: block, puck_init: block_init, target, opening, .. } = state;
    let placed = state.in_place();
    let reward = hamacher(CAGING.reward(world, block, block_init), placed);
    let moved = distance(block_init, target) - distance(block, target);
    if state.is_within(HELD) && opening < HOLDING && moved > MOVED {
        return reward + (1.0 + 5.0 * placed);
    }
    reward
}
