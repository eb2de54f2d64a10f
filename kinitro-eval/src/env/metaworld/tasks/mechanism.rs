//! Shared by tasks whose object is fixed to the table and has one joint: doors, drawers, windows,
//! faucets, handles, levers, dials. Their random vector is the object's position.

use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::reward::{tolerance, tolerance_gaussian};
use crate::env::metaworld::world::World;

/// Index of the mechanism's joint among the generalised positions, and among the velocities.
pub(super) const JOINT: usize = 9;

/// The observed orientation of an object without a meaningful one.
pub(super) const NO_ORIENTATION: [f64; 4] = [0.0; 4];

/// The position of the mechanism, from the random vector, m.
pub(super) fn stand(placement: &[f64]) -> Vec3 {
    [placement[0], placement[1], placement[2]]
}

/// Accepts every vector: there is no goal that the object could be too close to.
pub(super) fn none_rejected(_: &[f64]) -> bool {
    false
}

/// Position and orientation of the object, followed by zeros for the missing second object.
pub(super) fn observe(pos: Vec3, orientation: [f64; 4]) -> [f64; 14] {
    let mut block = [0.0; 14];
    block[..3].copy_from_slice(&pos);
    block[3..7].copy_from_slice(&orientation);
    block
}

/// Sets the joint to a position, at rest, and updates the derived quantities.
pub(super) fn set_joint_at_rest(world: &mut World, position: f64) {
    world.set_qpos(JOINT, &[position]);
    world.set_qvel(JOINT, &[0.0]);
    world.forward();
}

/// 1 within `radius`, falling off to 0.1 at the initial distance.
pub(super) fn approach(distance: f64, radius: f64, initially: f64) -> f64 {
    tolerance(distance, (0.0, radius), (initially - radius).abs())
}

/// Like [`approach`], but falling off as a bell curve.
pub(super) fn approach_gaussian(distance: f64, radius: f64, initially: f64) -> f64 {
    tolerance_gaussian(distance, (0.0, radius), (initially - radius).abs())
}
