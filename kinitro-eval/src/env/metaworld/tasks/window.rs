//! The window whose front pane slides along x.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{NO_ORIENTATION, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_window_horizontal.xml";

/// How far the pane slides, m.
pub(super) const TRAVEL: f64 = 0.2;
/// How near along x is there, m.
pub(super) const SUCCESS_DISTANCE: f64 = 0.05;
/// How near to the handle the gripper is to be, m.
pub(super) const HANDLE_RADIUS: f64 = 0.02;

pub(super) struct Window {
    window: usize,
    handle: usize,
}

impl Window {
    /// `handle` names the site at the side of the handle that is pushed.
    pub(super) fn find(model: &MjModel, handle: &str) -> Result<Self, EnvironmentError> {
        Ok(Self {
            window: object_id(model, MjtObjBase::mjOBJ_BODY, "window")?,
            handle: object_id(model, MjtObjBase::mjOBJ_SITE, handle)?,
        })
    }

    pub(super) fn arrange(&self, world: &mut World, placement: &[f64]) {
        world.move_body(self.window, stand(placement));
    }

    /// Where the pushed side of the handle is, m.
    pub(super) fn handle(&self, world: &World) -> Vec3 {
        world.site_pos(self.handle)
    }

    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        observe(self.handle(world), NO_ORIENTATION)
    }
}
