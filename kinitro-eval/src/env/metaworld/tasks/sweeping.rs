//! How sweep and sweep-into judge that the gripper holds the block.

use crate::env::metaworld::geometry::{Vec3, distance_xz};
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::world::World;

/// Half the width of the block, m.
const BLOCK_RADIUS: f64 = 0.02;
/// How far a pad may be from the block's centre and still count as beside it, m.
const PAD_THRESHOLD: f64 = 0.05;

/// Like [`Caging`](crate::env::metaworld::reward::Caging), but each pad must be on its own side of
/// the block, the margin is measured from where the block is now, and a grip is told from how near
/// the pads are instead of from the action.
pub(super) struct SweepCage {
    /// How far from the surface of the block a pad may be to grip it, m.
    pub(super) grip_gap: f64,
    /// How far the gripper may be from the block in the x-z plane, m.
    pub(super) xz_threshold: f64,
}

impl SweepCage {
    /// The reward for a block that began at `block_init`, in `[0, 1]`.
    pub(super) fn reward(&self, world: &World, block: Vec3, block_init: Vec3) -> f64 {
        let aside = [world.left_pad()[1] - block[1], block[1] - world.right_pad()[1]];
        let both_within = |reach: f64| {
            let [left, right] = aside.map(|pad_to_block| {
                let margin = (pad_to_block.abs() - PAD_THRESHOLD).abs();
                tolerance(pad_to_block, (BLOCK_RADIUS, reach), margin)
            });
            hamacher(right, left)
        };
        let margin = distance_xz(block_init, world.init_tcp()) - self.xz_threshold;
        let xz = distance_xz(world.tcp(), block);
        let caging_xz = tolerance(xz, (0.0, self.xz_threshold), margin.max(0.0));
        let caging = hamacher(both_within(PAD_THRESHOLD), caging_xz);
        let grip = if caging > 0.95 { both_within(BLOCK_RADIUS + self.grip_gap) } else { 0.0 };
        f64::midpoint(caging, grip)
    }
}
