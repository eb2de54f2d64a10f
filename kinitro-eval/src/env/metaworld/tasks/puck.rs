//! The puck of reach, push and pick-place: a cylinder of 4 cm in height and diameter.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance_xy, quat_from_matrix};
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::world::World;

pub(super) struct Puck {
    body: usize,
    geom: usize,
}

impl Puck {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            body: object_id(model, MjtObjBase::mjOBJ_BODY, "obj")?,
            geom: object_id(model, MjtObjBase::mjOBJ_GEOM, "objGeom")?,
        })
    }

    pub(super) fn pos(&self, world: &World) -> Vec3 {
        world.body_pos(self.body)
    }

    /// Position and orientation (x, y, z, w), followed by zeros for the missing second object.
    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        let mut block = [0.0; 14];
        block[..3].copy_from_slice(&self.pos(world));
        block[3..7].copy_from_slice(&quat_from_matrix(world.geom_matrix(self.geom)));
        block
    }
}

/// The two halves of a random vector: where the object starts, and the goal.
pub(super) fn object_and_goal(placement: &[f64]) -> (Vec3, Vec3) {
    let at = |start: usize| [placement[start], placement[start + 1], placement[start + 2]];
    (at(0), at(3))
}

/// The distance between object and goal along the table, m.
pub(super) fn apart(placement: &[f64]) -> f64 {
    let (object, goal) = object_and_goal(placement);
    distance_xy(object, goal)
}

/// Object and goal must lie at least 15 cm apart on the table.
pub(super) fn too_close(placement: &[f64]) -> bool {
    apart(placement) < 0.15
}
