//! Press a button from above.

use super::button::{ButtonBox, Press, Side};
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// How near to its hole the button is pressed, m.
const RADIUS: f64 = 0.024;

/// How near to the button earns the full reward for reaching it, m.
const REACH_RADIUS: f64 = 0.01;
/// How near to the button the gripper must be for pressing to count, m.
const PRESS_RADIUS: f64 = 0.03;

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
    expert: None,
};

fn reward(press: &Press) -> f64 {
    let reward = 5.0 * hamacher(1.0 - press.opening, press.near(REACH_RADIUS));
    if press.apart <= PRESS_RADIUS { reward + 5.0 * press.pressed } else { reward }
}
