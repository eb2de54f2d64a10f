//! A button in a box, pressed into it along one axis.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::task::{Scene, Verdict};
use crate::env::metaworld::world::World;

/// How far the button's face is from the origin of its body, m.
const FACE: f64 = 0.193;
/// How near to its hole a button counts as pressed all the way, m.
const PRESSED: f64 = 0.005;
/// How near to the face the gripper must be for pressing a front button to count, m.
const FRONT_RADIUS: f64 = 0.05;
/// How near to a top button earns the full reward for reaching it, m.
const TOP_REACH_RADIUS: f64 = 0.01;
/// How near to a top button the gripper must be for pressing to count, m.
const TOP_RADIUS: f64 = 0.03;

/// The side of the box that the button is on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Side {
    Front,
    Top,
}

impl Side {
    /// The axis that the button moves along.
    fn axis(self) -> usize {
        match self {
            Self::Front => 1,
            Self::Top => 2,
        }
    }

    /// From the origin of the button's body to its face, m.
    fn face(self) -> Vec3 {
        match self {
            Self::Front => [0.0, -FACE, 0.0],
            Self::Top => [0.0, 0.0, FACE],
        }
    }
}

/// The inputs of the reward for pressing a button.
pub(super) struct Press {
    /// How far the gripper is open, from 0 to 1.
    pub(super) opening: f64,
    /// From the point between the fingertips to the button, m.
    pub(super) apart: f64,
    /// From the initial position of that point to the button, m.
    pub(super) apart_at_start: f64,
    /// How far the button is pressed: 1 all the way, 0.1 not at all.
    pub(super) pressed: f64,
}

impl Press {
    /// `left` is how far the button still has to go, and `depth` how far it had to go at the start,
    /// m.
    pub(super) fn new(world: &World, observation: &RawObservation, left: f64, depth: f64) -> Self {
        let button = observation.object();
        Self {
            opening: observation.opening(),
            apart: distance(button, world.tcp()),
            apart_at_start: distance(button, world.init_tcp()),
            pressed: tolerance(left, (0.0, PRESSED), depth),
        }
    }

    /// How near the gripper is to the button.
    pub(super) fn near(&self, radius: f64) -> f64 {
        tolerance(self.apart, (0.0, radius), self.apart_at_start)
    }

    /// The reward for pressing from the front: for an open gripper near the button and, once there,
    /// for pressing.
    pub(super) fn front_reward(&self) -> f64 {
        let reward = 2.0 * hamacher(self.opening, self.near(FRONT_RADIUS));
        if self.apart <= FRONT_RADIUS { reward + 8.0 * self.pressed } else { reward }
    }

    /// The reward for pressing from above: for a gripper near the button with its fingers as
    /// desired and, once there, for pressing. `fingers` is how well the fingers match that, 0 to 1.
    pub(super) fn top_reward(&self, fingers: f64) -> f64 {
        let reward = 5.0 * hamacher(fingers, self.near(TOP_REACH_RADIUS));
        if self.apart <= TOP_RADIUS { reward + 5.0 * self.pressed } else { reward }
    }
}

/// The button box at a random place.
pub(super) struct ButtonBox {
    side: Side,
    /// How near to its hole the button counts as pressed, m.
    radius: f64,
    reward: fn(&Press) -> f64,
    box_body: usize,
    button: usize,
    start: usize,
    hole: usize,
    /// How far the button has to go, m.
    depth: f64,
    target: Vec3,
}

impl ButtonBox {
    pub(super) fn find(
        model: &MjModel,
        side: Side,
        radius: f64,
        reward: fn(&Press) -> f64,
    ) -> Result<Self, EnvironmentError> {
        Ok(Self {
            side,
            radius,
            reward,
            box_body: object_id(model, MjtObjBase::mjOBJ_BODY, "box")?,
            button: object_id(model, MjtObjBase::mjOBJ_BODY, "button")?,
            start: object_id(model, MjtObjBase::mjOBJ_SITE, "buttonStart")?,
            hole: object_id(model, MjtObjBase::mjOBJ_SITE, "hole")?,
            depth: 0.0,
            target: [0.0; 3],
        })
    }
}

impl Scene for ButtonBox {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        world.move_body(self.box_body, [placement[0], placement[1], placement[2]]);
        // A top button stays where its spring moved it while the hand was reset.
        if matches!(self.side, Side::Front) {
            world.set_qpos(9, &[0.0]);
            world.set_qvel(9, &[0.0]);
        }
        world.forward();
        let axis = self.side.axis();
        self.target = world.site_pos(self.hole);
        self.depth = (self.target[axis] - world.site_pos(self.start)[axis]).abs();
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let mut block = [0.0; 14];
        block[..3].copy_from_slice(&add(world.body_pos(self.button), self.side.face()));
        block[3..7].copy_from_slice(&world.body_quat(self.button));
        block
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let axis = self.side.axis();
        let left = (self.target[axis] - observation.object()[axis]).abs();
        let press = Press::new(world, observation, left, self.depth);
        Verdict { reward: (self.reward)(&press), success: left <= self.radius }
    }
}
