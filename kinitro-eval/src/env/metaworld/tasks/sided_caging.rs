//! Caging in which each pad must be on its own side of the object, for push-back, soccer, sweep and
//! sweep-into.

use crate::env::metaworld::geometry::{Vec3, distance_xz};
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::world::World;

/// How far a pad may be from the object's centre and still count as beside it, m.
const PAD_THRESHOLD: f64 = 0.05;
/// The degree of caging above which the grip counts.
const CAGED: f64 = 0.95;

/// How well the two pads enclose an object and hold it, in `[0, 1]`. Unlike in
/// [`Caging`](crate::env::metaworld::reward::Caging), margins are measured from the object's
/// current position, and pads that touch the object count as gripping it, whatever the action.
pub(super) struct SidedCaging {
    /// Half the width of the object between the pads, m.
    pub(super) object_radius: f64,
    /// How much wider than the object the grip may be on each side, m.
    pub(super) grip_slack: f64,
    /// How far the gripper may be from the object in the x-z plane, m.
    pub(super) xz_threshold: f64,
}

impl SidedCaging {
    /// The reward for an object that started at `object_init`.
    pub(super) fn reward(&self, world: &World, object: Vec3, object_init: Vec3) -> f64 {
        let right = object[1] - world.right_pad()[1];
        let left = world.left_pad()[1] - object[1];
        let within = |limit: f64| {
            let side = |apart: f64| {
                let margin = (apart.abs() - PAD_THRESHOLD).abs();
                tolerance(apart, (self.object_radius, limit), margin)
            };
            hamacher(side(right), side(left))
        };
        let margin = distance_xz(object_init, world.init_tcp()) - self.xz_threshold;
        let xz = distance_xz(world.tcp(), object);
        let caging_xz = tolerance(xz, (0.0, self.xz_threshold), margin.max(0.0));
        let caging = hamacher(within(PAD_THRESHOLD), caging_xz);
        let gripping =
            if caging > CAGED { within(self.object_radius + self.grip_slack) } else { 0.0 };
        f64::midpoint(caging, gripping)
    }
}
