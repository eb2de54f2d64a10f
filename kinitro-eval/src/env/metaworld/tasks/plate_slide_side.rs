//! Slide a plate to the side into a net.

use super::plate::{NetAt, Plate, Slide};
use crate::env::metaworld::expert::Drag;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// Where the joints of the plate start, m.
const SLID: [f64; 2] = [0.0, 0.0];

/// Where the expert presses on the plate, relative to its centre, m: clear of the net.
const GRIP: Vec3 = [0.03, 0.0, 0.0];

pub(super) static DEFINITION: Definition = Definition {
    name: "plate-slide-side-v3",
    description: "slide the plate to the side into the net",
    model: "sawyer_xyz/sawyer_plate_slide_sideway.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.6, 0.0, -0.3, 0.54, 0.0],
        high: &[0.0, 0.6, 0.0, -0.25, 0.66, 0.0],
        rejects: |_| false,
    },
    goal_space: ([-0.3, 0.54, 0.0], [-0.25, 0.66, 0.0]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Plate::find(model, NetAt::Unmoved, SLID, Slide::drag_reward)?)),
    expert: Some(|| Box::new(Drag::pressing_at(GRIP))),
};
