//! Slide a window shut.

use super::mechanism::{approach_gaussian, none_rejected};
use super::window::{MODEL, Rules, TRAVEL, Window};
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// Pushes the handle from the right. The first observation shows the handle in its closed position,
/// so offsets are relative to that.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.26, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([-0.1, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "window-close-v3",
    description: "slide the window shut by its handle",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[0.0, 0.75, 0.2], high: &[0.0, 0.9, 0.2], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: Window::<Close>::find,
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

/// The pane is pushed shut from the right of its handle.
struct Close;

impl Rules for Close {
    const HANDLE: &'static str = "handleCloseStart";
    const START: f64 = TRAVEL;
    const END: f64 = 0.0;

    fn beginning(_: Vec3, handle: Vec3) -> Vec3 {
        handle
    }

    fn reached(distance: f64, radius: f64, initially: f64) -> f64 {
        approach_gaussian(distance, radius, initially)
    }
}
