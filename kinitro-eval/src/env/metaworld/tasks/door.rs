//! The cupboard whose door is opened and closed by its handle.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{observe, set_joint_at_rest, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::quat_from_matrix;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_door_pull.xml";

pub(super) struct Door {
    cupboard: usize,
    handle: usize,
}

impl Door {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            cupboard: object_id(model, MjtObjBase::mjOBJ_BODY, "door")?,
            handle: object_id(model, MjtObjBase::mjOBJ_GEOM, "handle")?,
        })
    }

    pub(super) fn arrange(&self, world: &mut World, placement: &[f64]) {
        world.move_body(self.cupboard, stand(placement));
    }

    /// Turns the door to an angle, rad: 0 is closed, negative angles are open.
    pub(super) fn turn_to(&self, world: &mut World, angle: f64) {
        set_joint_at_rest(world, angle);
    }

    /// Position and orientation (x, y, z, w) of the handle.
    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        let orientation = quat_from_matrix(world.geom_matrix(self.handle));
        observe(world.geom_pos(self.handle), orientation)
    }
}
