//! The machine with a handle that slides up and down.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{NO_ORIENTATION, approach, observe, set_joint_at_rest, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::Verdict;
use crate::env::metaworld::world::World;

/// The machine facing the robot.
pub(super) const MODEL: &str = "sawyer_xyz/sawyer_handle_press.xml";
/// The machine at the robot's side.
pub(super) const MODEL_SIDE: &str = "sawyer_xyz/sawyer_handle_press_sideways.xml";

/// The initial position of the handle's slide in the pressing tasks, m.
pub(super) const UP: f64 = -0.001;
/// The initial position of the handle's slide in the pulling tasks, m.
pub(super) const DOWN: f64 = -0.1;

/// The difference in height within which the handle counts as pressed, m.
const PRESS_DISTANCE: f64 = 0.02;
/// How near to the handle earns the full reward for reaching it, m.
const PRESS_REACH: f64 = 0.02;

pub(super) struct Handle {
    machine: usize,
    handle: usize,
    goal: usize,
    init: Vec3,
    target: Vec3,
}

impl Handle {
    /// `handle` names the site on the handle that is tracked, and `goal` the site that it should
    /// reach.
    pub(super) fn find(
        model: &MjModel,
        handle: &str,
        goal: &str,
    ) -> Result<Self, EnvironmentError> {
        let site = |name| object_id(model, MjtObjBase::mjOBJ_SITE, name);
        Ok(Self {
            machine: object_id(model, MjtObjBase::mjOBJ_BODY, "box")?,
            handle: site(handle)?,
            goal: site(goal)?,
            init: [0.0; 3],
            target: [0.0; 3],
        })
    }

    pub(super) fn arrange(&self, world: &mut World, placement: &[f64]) {
        world.move_body(self.machine, stand(placement));
    }

    /// Puts the handle where an episode begins.
    pub(super) fn place(&mut self, world: &mut World, slide: f64) {
        set_joint_at_rest(world, slide);
        self.init = world.site_pos(self.handle);
        self.target = world.site_pos(self.goal);
    }

    /// Where the handle was at first, m.
    pub(super) fn init(&self) -> Vec3 {
        self.init
    }

    /// The handle's goal, m.
    pub(super) fn target(&self) -> Vec3 {
        self.target
    }

    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        observe(world.site_pos(self.handle), NO_ORIENTATION)
    }

    /// The evaluation of the state for the pressing tasks, given the handle's position.
    pub(super) fn evaluate_press(&self, world: &World, handle: Vec3) -> Verdict {
        let to_target = (handle[2] - self.target[2]).abs();
        let initially = (self.init[2] - self.target[2]).abs();
        let placed = approach(to_target, PRESS_DISTANCE, initially);
        let reached = approach(
            distance(handle, world.tcp()),
            PRESS_REACH,
            distance(self.init, world.init_tcp()),
        );
        let success = to_target <= PRESS_DISTANCE;
        let reward = if success { 10.0 } else { 10.0 * hamacher(reached, placed) };
        Verdict { reward, success }
    }
}
