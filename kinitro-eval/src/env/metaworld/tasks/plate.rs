//! The plate that slides along the table on two joints, and the net it belongs in.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::puck::object_and_goal;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance, quat_from_matrix};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::{Scene, Verdict};
use crate::env::metaworld::world::World;

/// How near to the goal earns the full reward, m.
pub(super) const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// How low the gripper must be for dragging to count, m.
const LOW: f64 = 0.03;
/// How near the gripper must be to the plate for dragging to count, m.
const TOUCHING: f64 = 0.07;

/// Where the net is placed. If it is not moved, it stays where the model has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum NetAt {
    Start,
    Goal,
    Unmoved,
}

/// The inputs of the reward for a plate. Distances in m.
pub(super) struct Slide {
    /// The distance between the plate and its goal.
    pub(super) to_target: f64,
    /// The same at the start.
    pub(super) to_target_at_start: f64,
    /// The distance between the gripper and the plate.
    pub(super) apart: f64,
    /// The same at the start.
    pub(super) apart_at_start: f64,
    /// The height of the gripper.
    height: f64,
}

impl Slide {
    /// The reward of the tasks whose plate is dragged with a gripper pressed on it.
    pub(super) fn drag_reward(&self) -> f64 {
        let within = (0.0, REWARD_RADIUS);
        if self.height <= LOW && self.apart < TOUCHING {
            2.0 + 7.0 * tolerance(self.to_target, within, self.to_target_at_start - REWARD_RADIUS)
        } else {
            1.5 * tolerance(self.apart, within, self.apart_at_start - REWARD_RADIUS)
        }
    }
}

/// The plate, its net and the goal.
pub(super) struct Plate {
    net_at: NetAt,
    /// The initial positions of the two joints, m.
    slid: [f64; 2],
    /// The reward away from the goal.
    reward: fn(&Slide) -> f64,
    geom: usize,
    net: usize,
    plate_init: Vec3,
    target: Vec3,
}

impl Plate {
    pub(super) fn find(
        model: &MjModel,
        net_at: NetAt,
        slid: [f64; 2],
        reward: fn(&Slide) -> f64,
    ) -> Result<Self, EnvironmentError> {
        Ok(Self {
            net_at,
            slid,
            reward,
            geom: object_id(model, MjtObjBase::mjOBJ_GEOM, "puck")?,
            net: object_id(model, MjtObjBase::mjOBJ_BODY, "puck_goal")?,
            plate_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for Plate {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        (self.plate_init, self.target) = object_and_goal(placement);
        match self.net_at {
            NetAt::Start => world.move_body(self.net, self.plate_init),
            NetAt::Goal => world.move_body(self.net, self.target),
            NetAt::Unmoved => {}
        }
        // Velocities keep their values from the reset of the hand.
        world.set_qpos(9, &self.slid);
        world.forward();
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let mut block = [0.0; 14];
        block[..3].copy_from_slice(&world.geom_pos(self.geom));
        block[3..7].copy_from_slice(&quat_from_matrix(world.geom_matrix(self.geom)));
        block
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let plate = observation.object();
        let tcp = world.tcp();
        let to_target = distance(plate, self.target);
        let reward = if to_target < REWARD_RADIUS {
            10.0
        } else {
            (self.reward)(&Slide {
                to_target,
                to_target_at_start: distance(self.plate_init, self.target),
                apart: distance(tcp, plate),
                apart_at_start: distance(world.init_tcp(), self.plate_init),
                height: tcp[2],
            })
        };
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
