//! What tasks share whose object stands fixed on the table and moves about one joint: doors,
//! drawers, windows, faucets, handles, levers, dials. Their random vector is where it stands.

use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::reward::{tolerance, tolerance_gaussian};
use crate::env::metaworld::world::World;

/// Index of the mechanism's joint among the generalised positions, and among the velocities.
pub(super) const JOINT: usize = 9;

/// What observations have for the orientation of an object that has none to speak of.
pub(super) const NO_ORIENTATION: [f64; 4] = [0.0; 4];

/// Where the random vector says that the mechanism stands, m.
pub(super) fn stand(placement: &[f64]) -> Vec3 {
    [placement[0], placement[1], placement[2]]
}

/// Any place in the box will do: there is no goal that it could be too close to.
pub(super) fn none_rejected(_: &[f64]) -> bool {
    false
}

/// Position and orientation of the one object, and room for a second that is not there.
pub(super) fn observe(pos: Vec3, orientation: [f64; 4]) -> [f64; 14] {
    let mut block = [0.0; 14];
    block[..3].copy_from_slice(&pos);
    block[3..7].copy_from_slice(&orientation);
    block
}

/// Sets the joint to a position, at rest, and computes what follows from it.
pub(super) fn set_joint_at_rest(world: &mut World, position: f64) {
    world.set_qpos(JOINT, &[position]);
    world.set_qvel(JOINT, &[0.0]);
    world.forward();
}

/// 1 within `radius`, and 0.1 at the distance that was there initially.
pub(super) fn approach(distance: f64, radius: f64, initially: f64) -> f64 {
    tolerance(distance, (0.0, radius), (initially - radius).abs())
}

/// Like [`approach`], falling off as a bell curve.
pub(super) fn approach_gaussian(distance: f64, radius: f64, initially: f64) -> f64 {
    tolerance_gaussian(distance, (0.0, radius), (initially - radius).abs())
}
