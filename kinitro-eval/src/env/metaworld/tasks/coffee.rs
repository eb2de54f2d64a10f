//! The coffee machine with its mug, and moving the mug along the table.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::puck::object_and_goal;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, norm, quat_from_matrix, sub};
use crate::env::metaworld::handling::Plan;
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, hamacher, tolerance};
use crate::env::metaworld::task::{Scene, Verdict};
use crate::env::metaworld::world::World;

/// How far the machine stands behind the mug under its spout, m.
const MACHINE_BEHIND_MUG: f64 = 0.22;

/// The height of the mug's middle above its origin, which is at its bottom, m.
const MUG_MIDDLE: f64 = 0.035;

/// Grips the mug at its middle and moves it along the table.
pub(super) static PLAN: Plan =
    Plan { grip: |seen| add(seen.object(), [0.0, 0.0, MUG_MIDDLE]), ..Plan::ALONG_THE_TABLE };

/// The distance from mug to goal, stretched along the table, that earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// How near the gripper must be to the mug to hold it, m.
const HELD: f64 = 0.04;

const CAGING: Caging = Caging {
    object_radius: 0.02,
    pad_threshold: 0.05,
    xz_threshold: 0.05,
    effort: 0.7,
    density: Density::Medium { reach_radius: 0.04 },
};

/// The position of the mug under a machine's spout, m.
pub(super) fn mug_in_front(machine: Vec3) -> Vec3 {
    add(machine, [0.0, -MACHINE_BEHIND_MUG, 0.0])
}

/// The machine and its mug.
pub(super) struct CoffeeMachine {
    machine: usize,
}

impl CoffeeMachine {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { machine: object_id(model, MjtObjBase::mjOBJ_BODY, "coffee_machine")? })
    }

    /// Moves the machine; see [`World::move_body`].
    pub(super) fn place(&self, world: &mut World, pos: Vec3) {
        world.move_body(self.machine, pos);
    }

    /// Places the mug and updates the derived quantities.
    ///
    /// The mug's joint comes first in this model. The reference zeroes the velocities it would have
    /// if it came last, which belong to the arm.
    pub(super) fn place_mug(&self, world: &mut World, pos: Vec3) {
        world.set_qpos(0, &pos);
        world.set_qvel(9, &[0.0; 6]);
        world.forward();
    }
}

/// Where the machine stands when the mug has to be moved.
#[derive(Debug, Clone, Copy)]
pub(super) enum MachineAt {
    /// Behind where the mug starts.
    Start,
    /// Behind the goal.
    Goal,
}

/// Moving a mug along the table, to a machine or away from it.
pub(super) struct MoveMug {
    machine_at: MachineAt,
    machine: CoffeeMachine,
    body: usize,
    geom: usize,
    goal_site: usize,
    mug_init: Vec3,
    target: Vec3,
}

impl MoveMug {
    pub(super) fn find(model: &MjModel, machine_at: MachineAt) -> Result<Self, EnvironmentError> {
        Ok(Self {
            machine_at,
            machine: CoffeeMachine::find(model)?,
            body: object_id(model, MjtObjBase::mjOBJ_BODY, "obj")?,
            geom: object_id(model, MjtObjBase::mjOBJ_GEOM, "mug")?,
            goal_site: object_id(model, MjtObjBase::mjOBJ_SITE, "mug_goal")?,
            mug_init: [0.0; 3],
            target: [0.0; 3],
        })
    }

    /// The distance to the goal, with distances along the table counted twice.
    fn stretched(&self, mug: Vec3) -> f64 {
        let [x, y, z] = sub(mug, self.target);
        norm([x * 2.0, y * 2.0, z])
    }
}

impl Scene for MoveMug {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        (self.mug_init, self.target) = object_and_goal(placement);
        let in_front = match self.machine_at {
            MachineAt::Start => self.mug_init,
            MachineAt::Goal => self.target,
        };
        self.machine.place(world, add(in_front, [0.0, MACHINE_BEHIND_MUG, 0.0]));
        self.machine.place_mug(world, self.mug_init);
        world.move_site(self.goal_site, self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let mut block = [0.0; 14];
        block[..3].copy_from_slice(&world.body_pos(self.body));
        block[3..7].copy_from_slice(&quat_from_matrix(world.geom_matrix(self.geom)));
        block
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let mug = observation.object();
        let opening = observation.opening();
        let to_target = self.stretched(mug);
        let placed = tolerance(to_target, (0.0, REWARD_RADIUS), self.stretched(self.mug_init));
        let mut reward = hamacher(CAGING.reward(world, mug, self.mug_init, action), placed);
        if distance(mug, world.tcp()) < HELD && opening > 0.0 {
            reward += 1.0 + 5.0 * placed;
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: distance(mug, self.target) <= SUCCESS_RADIUS }
    }
}
