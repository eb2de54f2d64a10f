//! An object that is observed by one body's position and orientation.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::world::World;

pub(super) struct Item {
    body: usize,
}

impl Item {
    pub(super) fn find(model: &MjModel, body: &str) -> Result<Self, EnvironmentError> {
        Ok(Self { body: object_id(model, MjtObjBase::mjOBJ_BODY, body)? })
    }

    pub(super) fn pos(&self, world: &World) -> Vec3 {
        world.body_pos(self.body)
    }

    /// Orientation as w, x, y, z.
    pub(super) fn quat(&self, world: &World) -> [f64; 4] {
        world.body_quat(self.body)
    }

    /// Position and orientation (w, x, y, z), followed by zeros for the missing second object.
    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        one_object(self.pos(world), self.quat(world))
    }
}

/// The block of an observation for one object.
pub(super) fn one_object(pos: Vec3, quat: [f64; 4]) -> [f64; 14] {
    two_objects((pos, quat), ([0.0; 3], [0.0; 4]))
}

/// The block of an observation for two objects.
pub(super) fn two_objects(first: (Vec3, [f64; 4]), second: (Vec3, [f64; 4])) -> [f64; 14] {
    let mut block = [0.0; 14];
    block[..3].copy_from_slice(&first.0);
    block[3..7].copy_from_slice(&first.1);
    block[7..10].copy_from_slice(&second.0);
    block[10..].copy_from_slice(&second.1);
    block
}
