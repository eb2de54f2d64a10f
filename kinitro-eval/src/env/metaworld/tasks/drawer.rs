//! The chest with one drawer that has a handle.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{none_rejected, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::task::Space;
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_drawer.xml";
pub(super) const SPACE: Space =
    Space { low: &[-0.1, 0.9, 0.0], high: &[0.1, 0.9, 0.0], rejects: none_rejected };

/// From the drawer's body to its handle along y, m.
pub(super) const DRAWER_TO_HANDLE: f64 = -0.16;
/// Height of the goal above the table, m.
pub(super) const GOAL_HEIGHT: f64 = 0.09;

pub(super) struct Drawer {
    chest: usize,
    drawer: usize,
}

impl Drawer {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let body = |name| object_id(model, MjtObjBase::mjOBJ_BODY, name);
        Ok(Self { chest: body("drawer")?, drawer: body("drawer_link")? })
    }

    pub(super) fn arrange(&self, world: &mut World, placement: &[f64]) {
        world.move_body(self.chest, stand(placement));
    }

    /// Where the drawer itself is, m.
    pub(super) fn pos(&self, world: &World) -> Vec3 {
        world.body_pos(self.drawer)
    }

    /// Its orientation, `[w, x, y, z]`.
    pub(super) fn orientation(&self, world: &World) -> [f64; 4] {
        world.body_quat(self.drawer)
    }
}
