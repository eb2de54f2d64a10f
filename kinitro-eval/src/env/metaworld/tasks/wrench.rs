//! The wrench of assembly and disassemble: a ring with a handle, and the peg it goes over.

use std::marker::PhantomData;

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::{Item, one_object};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, upright};
use crate::env::metaworld::task::{Scene, Verdict};
use crate::env::metaworld::world::World;

/// The model of both tasks.
pub(super) const MODEL: &str = "sawyer_xyz/sawyer_assembly_peg.xml";
/// Height of the ring above which it counts as lifted, m.
pub(super) const LIFTED: f64 = 0.02;

/// How far along x from the middle of the handle it may be gripped, m.
const GRIPPED_WITHIN: f64 = 0.01;
/// The orientation of a wrench that lies flat, w, x, y, z.
const FLAT: [f64; 4] = [0.707, 0.0, 0.0, 0.707];
/// The distance from that orientation at which the reward for it reaches 0.
const TILTED: f64 = 0.4;

/// How a wrench is grasped.
pub(super) const fn caging(density: Density) -> Caging {
    Caging { object_radius: 0.015, pad_threshold: 0.02, xz_threshold: 0.01, effort: 1.0, density }
}

/// The initial positions of a scene's parts, m.
pub(super) struct Layout {
    pub(super) wrench: Vec3,
    pub(super) peg: Vec3,
    /// The position given to the marker on the peg.
    pub(super) marker: Vec3,
    pub(super) target: Vec3,
}

/// The rules that differ between the tasks.
pub(super) trait Rules: Send + 'static {
    const CAGING: Caging;

    /// The layout that a random vector stands for.
    fn layout(placement: &[f64]) -> Layout;

    /// Whether the task is solved, and how well the ring is placed, in `[0, 1]`. `ring` is the
    /// ring's centre, `handle` the observed position of the wrench, m.
    fn judge(target: Vec3, ring: Vec3, handle: Vec3) -> (bool, f64);
}

/// The wrench and its peg.
pub(super) struct WrenchAndPeg<R> {
    body: Item,
    handle: usize,
    ring: usize,
    peg: usize,
    peg_top: usize,
    wrench_init: Vec3,
    target: Vec3,
    rules: PhantomData<R>,
}

impl<R: Rules> WrenchAndPeg<R> {
    pub(super) fn find(model: &MjModel) -> Result<Box<dyn Scene>, EnvironmentError> {
        let site = |name| object_id(model, MjtObjBase::mjOBJ_SITE, name);
        Ok(Box::new(Self {
            body: Item::find(model, "RoundNut")?,
            handle: site("RoundNut-8")?,
            ring: site("RoundNut")?,
            peg: object_id(model, MjtObjBase::mjOBJ_BODY, "peg")?,
            peg_top: site("pegTop")?,
            wrench_init: [0.0; 3],
            target: [0.0; 3],
            rules: PhantomData,
        }))
    }
}

impl<R: Rules> Scene for WrenchAndPeg<R> {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        let layout = R::layout(placement);
        (self.wrench_init, self.target) = (layout.wrench, layout.target);
        world.move_body(self.peg, layout.peg);
        // As in the reference, the marker is given a world position even though it is attached to
        // the peg.
        world.move_site(self.peg_top, layout.marker);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        world.place_free_object(self.wrench_init);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    /// Position of the handle and orientation (w, x, y, z).
    fn objects(&self, world: &World) -> [f64; 14] {
        one_object(world.site_pos(self.handle), self.body.quat(world))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let ring = world.site_pos(self.ring);
        let grasp = R::CAGING.reward(world, grip_point(observation), self.wrench_init, action);
        let (success, placed) = R::judge(self.target, ring, observation.object());
        let reward = if success { 10.0 } else { (2.0 * grasp + 6.0 * placed) * flat(observation) };
        Verdict { reward, success }
    }
}

/// The point that the gripper should enclose: on the handle, at the hand's x if the handle reaches
/// that far.
fn grip_point(observation: &RawObservation) -> Vec3 {
    let mut handle = observation.object();
    if (handle[0] - observation.hand()[0]).abs() < GRIPPED_WITHIN {
        handle[0] = observation.hand()[0];
    }
    handle
}

/// How flat the wrench lies, in `[0, 1]`.
fn flat(observation: &RawObservation) -> f64 {
    upright(observation.orientation(), FLAT, TILTED)
}
