//! Press a button from above, behind a wall.

use super::button::{ButtonBox, Press, Side};
use super::button_press_topdown::{RADIUS, VIA};
use crate::env::metaworld::expert::ApproachAndPress;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

pub(super) static DEFINITION: Definition = Definition {
    name: "button-press-topdown-wall-v3",
    description: "reach over the wall and press the button on top of the box down",
    model: "sawyer_xyz/sawyer_button_press_topdown_wall.xml",
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.8, 0.115], high: &[0.1, 0.9, 0.115], rejects: |_| false },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(ButtonBox::find(model, Side::Top, RADIUS, reward)?)),
    expert: Some(|| Box::new(ApproachAndPress::from_above(VIA))),
};

/// An open gripper is rewarded, unlike in the task without a wall.
fn reward(press: &Press) -> f64 {
    press.top_reward(press.opening)
}
