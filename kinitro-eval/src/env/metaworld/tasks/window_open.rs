//! Slide a window open.

use super::mechanism::{approach, none_rejected};
use super::window::{MODEL, Rules, TRAVEL, Window};
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// Pushes the handle from the left.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([-0.06, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.3, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "window-open-v3",
    description: "slide the window open by its handle",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.7, 0.16], high: &[0.1, 0.9, 0.16], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: Window::<Open>::find,
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

/// The pane is pushed open from the left of its handle.
struct Open;

impl Rules for Open {
    const HANDLE: &'static str = "handleOpenStart";
    const START: f64 = 0.0;
    const END: f64 = TRAVEL;

    fn beginning(stand: Vec3, _: Vec3) -> Vec3 {
        stand
    }

    fn reached(distance: f64, radius: f64, initially: f64) -> f64 {
        approach(distance, radius, initially)
    }
}
