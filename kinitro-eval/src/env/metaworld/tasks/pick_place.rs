//! Pick a puck up and hold it at a goal in the air.

use super::puck::too_close;
use super::puck_to_goal::{PuckToGoal, Rules, State};
use crate::env::metaworld::geometry::distance_xz;
use crate::env::metaworld::handling::{Handling, Plan};
use crate::env::metaworld::reward::{cage_and_grip, hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::HandBox;

/// How near a pad must be to the puck's centre along y, m: at least the puck's radius.
const BESIDE: (f64, f64) = (0.015, 0.05);
/// How near the gripper must be to the puck in the x-z plane, m.
const XZ_THRESHOLD: f64 = 0.005;

pub(super) static DEFINITION: Definition = Definition {
    name: "pick-place-v3",
    description: "pick the puck up and hold it at the goal marker",
    model: "sawyer_xyz/sawyer_pick_place_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.05],
        high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.8, 0.05], [0.1, 0.9, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| PuckToGoal::find(model, &RULES),
    expert: Some(|| Box::new(Handling::new(&Plan::THROUGH_THE_AIR))),
};

static RULES: Rules = Rules { on_the_table: false, success_radius: 0.07, reward };

/// Like [`Caging`](crate::env::metaworld::reward::Caging), but each pad must be on its own side of
/// the puck, and the margin is measured from where the puck is now.
fn caging(state: &State<'_>) -> f64 {
    let &State { world, puck, puck_init, action, .. } = state;
    let beside = |pad_to_puck: f64| {
        let margin = (pad_to_puck.abs() - BESIDE.1).abs();
        tolerance(pad_to_puck, BESIDE, margin)
    };
    let left = beside(world.left_pad()[1] - puck[1]);
    let right = beside(puck[1] - world.right_pad()[1]);
    let margin = distance_xz(puck_init, world.init_tcp()) - XZ_THRESHOLD;
    let xz = distance_xz(world.tcp(), puck);
    let caging_xz = tolerance(xz, (0.0, XZ_THRESHOLD), margin.max(0.0));
    cage_and_grip(hamacher(left, right), caging_xz, action)
}

fn reward(state: &State<'_>) -> f64 {
    let placed = state.in_place();
    let reward = hamacher(caging(state), placed);
    let lifted = state.puck[2] - 0.01 > state.puck_init[2];
    if state.is_within(0.02) && lifted { reward + (1.0 + 5.0 * placed) } else { reward }
}
