//! The door with a lock that is turned by a quarter.

use std::marker::PhantomData;

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{none_rejected, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::{Scene, Space, Verdict};
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_door_lock.xml";
pub(super) const SPACE: Space =
    Space { low: &[-0.1, 0.8, 0.15], high: &[0.1, 0.85, 0.15], rejects: none_rejected };

/// How long the lock is, m.
const LOCK_LENGTH: f64 = 0.1;
/// How near to the end of the turn earns the full reward, m.
const PRESSED: f64 = 0.005;
/// How near to the end of the turn is a success, m.
const SUCCESS_DISTANCE: f64 = 0.02;
/// The weight of each axis in the distance between gripper and lock.
pub(super) const WEIGHTS: Vec3 = [0.25, 1.0, 0.5];

/// How a lock is turned.
pub(super) trait Rules: Send + 'static {
    /// The site at the side of the lock that is pushed.
    const END: &'static str;
    /// From the lock's axis to the goal of its end, m.
    const AXIS_TO_TARGET: Vec3;
    /// The coordinate in which the end's travel is measured.
    const COORDINATE: usize;

    /// Puts the lock where an episode begins.
    fn place(world: &mut World);

    /// How ready the gripper is to push, in `[0, 1]`, given the positions of the lock's axis and
    /// end, m.
    fn ready(world: &World, observation: &RawObservation, axis: Vec3, end: Vec3) -> f64;
}

/// The door's lock, being locked or unlocked.
pub(super) struct Lock<R> {
    cupboard: usize,
    door: usize,
    axis: usize,
    end: usize,
    target: Vec3,
    rules: PhantomData<R>,
}

impl<R: Rules> Lock<R> {
    pub(super) fn find(model: &MjModel) -> Result<Box<dyn Scene>, EnvironmentError> {
        let body = |name| object_id(model, MjtObjBase::mjOBJ_BODY, name);
        Ok(Box::new(Self {
            cupboard: body("door")?,
            door: body("door_link")?,
            axis: body("lock_link")?,
            end: object_id(model, MjtObjBase::mjOBJ_SITE, R::END)?,
            target: [0.0; 3],
            rules: PhantomData,
        }))
    }

    /// The position of the lock's axis of rotation, m.
    fn axis(&self, world: &World) -> Vec3 {
        world.body_pos(self.axis)
    }
}

impl<R: Rules> Scene for Lock<R> {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        world.move_body(self.cupboard, stand(placement));
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        R::place(world);
        self.target = add(self.axis(world), R::AXIS_TO_TARGET);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    /// Position of the lock's end, and orientation (w, x, y, z) of the door.
    fn objects(&self, world: &World) -> [f64; 14] {
        observe(world.site_pos(self.end), world.body_quat(self.door))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let end = observation.object();
        let ready = R::ready(world, observation, self.axis(world), end);
        let to_target = (self.target[R::COORDINATE] - end[R::COORDINATE]).abs();
        let turned = tolerance(to_target, (0.0, PRESSED), LOCK_LENGTH);
        Verdict { reward: 2.0 * ready + 8.0 * turned, success: to_target <= SUCCESS_DISTANCE }
    }
}
