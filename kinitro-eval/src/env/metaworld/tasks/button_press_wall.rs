//! Press a button from the front, behind a wall.

use super::button::{ButtonBox, Press, Side};
use crate::env::metaworld::expert::ApproachAndPress;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// How near to its hole the button counts as pressed, m.
const RADIUS: f64 = 0.03;

/// How near to the button earns the full reward for reaching it, m.
const REACH_RADIUS: f64 = 0.01;
/// The distance within which the gripper has reached the button, m.
const THERE: f64 = 0.07;

/// The expert's waypoints, relative to the button, m: above the wall, behind it, and down a little.
const VIA: &[Vec3] = &[[0.0, -0.15, 0.15], [0.0, -0.04, 0.15], [0.0, -0.04, 0.03]];

pub(super) static DEFINITION: Definition = Definition {
    name: "button-press-wall-v3",
    description: "reach over the wall and press the button on the front of the box in",
    model: "sawyer_xyz/sawyer_button_press_wall.xml",
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.05, 0.85, 0.1149], high: &[0.05, 0.9, 0.1151], rejects: |_| false },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(ButtonBox::find(model, Side::Front, RADIUS, reward)?)),
    expert: Some(|| Box::new(ApproachAndPress::from_the_front(VIA))),
};

/// Rewards a closed gripper on the way to the button, then an open gripper and pressing.
fn reward(press: &Press) -> f64 {
    if press.apart > THERE {
        2.0 * hamacher((1.0 - press.opening) / 2.0, press.near(REACH_RADIUS))
    } else {
        2.0 + 2.0 * (1.0 + press.opening) + 4.0 * (press.pressed * press.pressed)
    }
}
