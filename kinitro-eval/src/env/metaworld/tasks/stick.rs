//! The stick of stick-push and stick-pull, and the thermos with a handle that it moves.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::two_objects;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, quat_from_matrix};
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::world::World;

/// The height at which the stick starts, m.
const STICK_HEIGHT: f64 = 0.02;
/// The index of the thermos' x and y coordinates, after the seven of the stick.
const THERMOS_QPOS: usize = 16;
/// The index of the thermos' velocity along y: the only one of its two that a reset sets to zero.
const THERMOS_QVEL_Y: usize = 16;

pub(super) struct StickAndThermos {
    stick: usize,
    thermos: usize,
    handle: usize,
}

impl StickAndThermos {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let body = |name| object_id(model, MjtObjBase::mjOBJ_BODY, name);
        Ok(Self {
            stick: body("stick")?,
            thermos: body("object")?,
            handle: object_id(model, MjtObjBase::mjOBJ_SITE, "insertion")?,
        })
    }

    /// Places the stick according to the random vector, and the thermos at the given coordinates.
    /// Returns the stick's initial position.
    pub(super) fn place(&self, world: &mut World, placement: &[f64], thermos: [f64; 2]) -> Vec3 {
        let stick = [placement[0], placement[1], STICK_HEIGHT];
        world.set_qpos(THERMOS_QPOS, &thermos);
        world.set_qvel(THERMOS_QVEL_Y, &[0.0]);
        world.place_free_object(stick);
        stick
    }

    pub(super) fn thermos(&self, world: &World) -> Vec3 {
        world.body_pos(self.thermos)
    }

    pub(super) fn handle(&self, world: &World) -> Vec3 {
        world.site_pos(self.handle)
    }

    /// Position and orientation (x, y, z, w) of the stick, and a point of the thermos.
    pub(super) fn observe(&self, world: &World, thermos: Vec3) -> [f64; 14] {
        let stick = quat_from_matrix(world.body_matrix(self.stick));
        two_objects((world.body_pos(self.stick), stick), (thermos, [0.0; 4]))
    }
}
