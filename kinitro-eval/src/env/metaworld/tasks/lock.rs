//! The door with a lock that is turned a quarter.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{none_rejected, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::task::Space;
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_door_lock.xml";
pub(super) const SPACE: Space =
    Space { low: &[-0.1, 0.8, 0.15], high: &[0.1, 0.85, 0.15], rejects: none_rejected };

/// How long the lock is, m.
pub(super) const LOCK_LENGTH: f64 = 0.1;
/// How near to the end of the turn earns the full reward, m.
pub(super) const PRESSED: f64 = 0.005;
/// How near is there, m.
pub(super) const SUCCESS_DISTANCE: f64 = 0.02;

pub(super) struct Lock {
    cupboard: usize,
    door: usize,
    axis: usize,
    end: usize,
}

impl Lock {
    /// `end` names the site at the side of the lock that is pushed.
    pub(super) fn find(model: &MjModel, end: &str) -> Result<Self, EnvironmentError> {
        let body = |name| object_id(model, MjtObjBase::mjOBJ_BODY, name);
        Ok(Self {
            cupboard: body("door")?,
            door: body("door_link")?,
            axis: body("lock_link")?,
            end: object_id(model, MjtObjBase::mjOBJ_SITE, end)?,
        })
    }

    pub(super) fn arrange(&self, world: &mut World, placement: &[f64]) {
        world.move_body(self.cupboard, stand(placement));
    }

    /// Where the axis is that the lock turns about, m.
    pub(super) fn axis(&self, world: &World) -> Vec3 {
        world.body_pos(self.axis)
    }

    /// Position of the lock's end, and orientation (w, x, y, z) of the door.
    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        observe(world.site_pos(self.end), world.body_quat(self.door))
    }
}
