//! Press a button from above.

use super::button::{ButtonBox, Press, Side};
use crate::env::metaworld::expert::ApproachAndPress;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// How near to its hole the button counts as pressed, m.
pub(super) const RADIUS: f64 = 0.024;

/// The expert's waypoints, relative to the button, m: up in front of it, then above it.
pub(super) const VIA: &[Vec3] = &[[0.0, -0.2, 0.08], [0.0, 0.0, 0.08]];

pub(super) static DEFINITION: Definition = Definition {
    name: "button-press-topdown-v3",
    description: "press the button on top of the box down with the gripper",
    model: "sawyer_xyz/sawyer_button_press_topdown.xml",
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.8, 0.115], high: &[0.1, 0.9, 0.115], rejects: |_| false },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(ButtonBox::find(model, Side::Top, RADIUS, reward)?)),
    expert: Some(|| Box::new(ApproachAndPress::from_above(VIA))),
};

/// A closed gripper is rewarded.
fn reward(press: &Press) -> f64 {
    press.top_reward(1.0 - press.opening)
}
