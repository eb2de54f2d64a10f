//! Press a button from the front.

use super::button::{ButtonBox, Press, Side};

use crate::env::metaworld::expert::ApproachAndPress;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// How near to its hole the button counts as pressed, m.
const RADIUS: f64 = 0.02;

/// Where the expert presses from, relative to the button, m.
const VIA: &[Vec3] = &[[0.0, -0.08, 0.0]];

pub(super) static DEFINITION: Definition = Definition {
    name: "button-press-v3",
    description: "press the button on the front of the box in with the gripper",
    model: "sawyer_xyz/sawyer_button_press.xml",
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.85, 0.115], high: &[0.1, 0.9, 0.115], rejects: |_| false },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(ButtonBox::find(model, Side::Front, RADIUS, Press::front_reward)?)),
    expert: Some(|| Box::new(ApproachAndPress::from_the_front(VIA))),
};
