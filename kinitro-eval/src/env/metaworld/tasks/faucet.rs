//! The faucet, whose handle initially points at the robot and is turned to either side.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{approach, approach_gaussian, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::task::Verdict;
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_faucet.xml";

/// How long the handle is, m.
const HANDLE_LENGTH: f64 = 0.175;
/// Height of the goal above the table, m.
const GOAL_HEIGHT: f64 = 0.125;
/// From the site at the handle's end to the observed point, m.
const SITE_TO_OBJECT: Vec3 = [0.0, 0.0, -0.01];
/// How near to the goal is a success, m.
const RADIUS: f64 = 0.07;
/// How near to the handle earns the full reward for reaching it, m.
const REACH_RADIUS: f64 = 0.01;

/// The side to turn the handle to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Open,
    Close,
}

pub(super) struct Faucet {
    turn: Turn,
    faucet: usize,
    handle_end: usize,
    goal_site: usize,
    stand: Vec3,
    target: Vec3,
}

impl Faucet {
    pub(super) fn find(model: &MjModel, turn: Turn) -> Result<Self, EnvironmentError> {
        let site = |name| object_id(model, MjtObjBase::mjOBJ_SITE, name);
        let (handle_end, goal) = match turn {
            Turn::Open => ("handleStartOpen", "goal_open"),
            Turn::Close => ("handleStartClose", "goal_close"),
        };
        Ok(Self {
            turn,
            faucet: object_id(model, MjtObjBase::mjOBJ_BODY, "faucetBase")?,
            handle_end: site(handle_end)?,
            goal_site: site(goal)?,
            stand: [0.0; 3],
            target: [0.0; 3],
        })
    }

    pub(super) fn arrange(&self, world: &mut World, placement: &[f64]) {
        world.move_body(self.faucet, stand(placement));
    }

    /// Places the goal where the handle should end up.
    pub(super) fn place_goal(&mut self, world: &mut World, placement: &[f64]) {
        let along_x = match self.turn {
            Turn::Open => HANDLE_LENGTH,
            Turn::Close => -HANDLE_LENGTH,
        };
        self.stand = stand(placement);
        self.target = add(self.stand, [along_x, 0.0, GOAL_HEIGHT]);
        world.move_site(self.goal_site, self.target);
    }

    pub(super) fn target(&self) -> Vec3 {
        self.target
    }

    /// Position of the handle's end, and orientation (w, x, y, z) of the faucet.
    pub(super) fn observe(&self, world: &World) -> [f64; 14] {
        let end = add(world.site_pos(self.handle_end), SITE_TO_OBJECT);
        observe(end, world.body_quat(self.faucet))
    }

    /// The evaluation of the state, given that the relevant point of the handle is at `object`.
    pub(super) fn evaluate(&self, world: &World, object: Vec3) -> Verdict {
        let to_target = distance(object, self.target);
        // Both margins are measured from the faucet's foot.
        let placed = approach(to_target, RADIUS, distance(self.stand, self.target));
        let reached = approach_gaussian(
            distance(object, world.tcp()),
            REACH_RADIUS,
            distance(self.stand, world.init_tcp()),
        );
        let success = to_target <= RADIUS;
        let reward = if success { 10.0 } else { 2.0 * (2.0 * reached + 3.0 * placed) };
        Verdict { reward, success }
    }
}
