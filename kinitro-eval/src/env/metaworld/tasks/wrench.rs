//! The wrench of assembly and disassemble: a ring with a handle, and the peg it goes over.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::{Item, one_object};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, vec3};
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::upright;
use crate::env::metaworld::world::World;

/// How far along x from the middle of the handle it may be gripped, m.
const GRIPPED_WITHIN: f64 = 0.01;
/// The orientation of a wrench that lies flat, w, x, y, z.
const FLAT: [f64; 4] = [0.707, 0.0, 0.0, 0.707];
/// The distance from that orientation at which it counts as lost.
const TILTED: f64 = 0.4;

pub(super) struct Wrench {
    body: Item,
    handle: usize,
    ring: usize,
    peg: usize,
    peg_top: usize,
}

impl Wrench {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let site = |name| object_id(model, MjtObjBase::mjOBJ_SITE, name);
        Ok(Self {
            body: Item::find(model, "RoundNut")?,
            handle: site("RoundNut-8")?,
            ring: site("RoundNut")?,
            peg: object_id(model, MjtObjBase::mjOBJ_BODY, "peg")?,
            peg_top: site("pegTop")?,
        })
    }

    /// Moves the peg. The marker on it is given a place of the world, as the reference does, though
    /// the peg carries it.
    pub(super) fn move_peg(&self, world: &mut World, peg: Vec3, marker: Vec3) {
        world.move_body(self.peg, peg);
        world.move_site(self.peg_top, marker);
    }

    /// Position of the handle and orientation (w, x, y, z).
    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        one_object(world.site_pos(self.handle), self.body.quat(world))
    }

    /// The centre of the ring, m.
    pub(super) fn ring(&self, world: &World) -> Vec3 {
        world.site_pos(self.ring)
    }
}

/// What the gripper is to enclose: the handle, at the hand's x where the handle reaches that far.
pub(super) fn grip_point(observation: &[f64; 39]) -> Vec3 {
    let mut handle = vec3(observation, 4);
    if (handle[0] - observation[0]).abs() < GRIPPED_WITHIN {
        handle[0] = observation[0];
    }
    handle
}

/// How flat the wrench lies, in `[0, 1]`.
pub(super) fn flat(observation: &[f64; 39]) -> f64 {
    upright(&observation[7..11], FLAT, TILTED)
}
