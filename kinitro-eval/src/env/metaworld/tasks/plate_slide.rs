//! Slide a plate away from the robot into a net.

use super::plate::{NetAt, Plate, REWARD_RADIUS, Slide};
use crate::env::metaworld::expert::Drag;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// Where the joints of the plate start, m.
const SLID: [f64; 2] = [0.0, 0.0];

/// Where the expert presses on the plate, relative to its centre, m: at the near edge, so that the
/// hand stays out of the net.
const GRIP: Vec3 = [0.0, -0.04, 0.0];

pub(super) static DEFINITION: Definition = Definition {
    name: "plate-slide-v3",
    description: "slide the plate away from the robot into the net",
    model: "sawyer_xyz/sawyer_plate_slide.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.6, 0.0, -0.1, 0.85, 0.0],
        high: &[0.0, 0.6, 0.0, 0.1, 0.9, 0.0],
        rejects: |_| false,
    },
    goal_space: ([-0.1, 0.85, 0.0], [0.1, 0.9, 0.0]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Plate::find(model, NetAt::Goal, SLID, reward)?)),
    expert: Some(|| Box::new(Drag::pressing_at(GRIP))),
};

/// The plate must be near its goal and the gripper near the plate.
fn reward(slide: &Slide) -> f64 {
    let within = (0.0, REWARD_RADIUS);
    let placed = tolerance(slide.to_target, within, slide.to_target_at_start);
    let near = tolerance(slide.apart, within, slide.apart_at_start);
    8.0 * hamacher(near, placed)
}
