//! Press down a handle at the robot's side.

use super::handle::MODEL_SIDE;
use super::handle_press::{HandlePress, ROUTE};
use super::mechanism::none_rejected;
use crate::env::metaworld::expert::Route;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::HandBox;

pub(super) static DEFINITION: Definition = Definition {
    name: "handle-press-side-v3",
    description: "press the handle at the side down",
    model: MODEL_SIDE,
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.35, 0.65, -0.001],
        high: &[-0.25, 0.75, 0.001],
        rejects: none_rejected,
    },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(HandlePress::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};
