//! Move the gripper to a point in the air.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal, too_close};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, towards};
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::in_place;
use crate::env::metaworld::task::{Definition, RawController, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// Where the hand starts, m.
pub(super) const HAND_INIT: Vec3 = [0.0, 0.6, 0.2];

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.05;

pub(super) static DEFINITION: Definition = Definition {
    name: "reach-v3",
    description: "move the gripper to the goal marker in the air",
    model: "sawyer_xyz/sawyer_reach_v3.xml",
    hand_init: HAND_INIT,
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.05],
        high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.8, 0.05], [0.1, 0.9, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Reach::find(model)?)),
    expert: Some(|| Box::new(Expert)),
};

/// A goal in the air, and a puck as an obstacle.
pub(super) struct Reach {
    puck: Puck,
    target: Vec3,
}

impl Reach {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { puck: Puck::find(model)?, target: [0.0; 3] })
    }
}

impl Scene for Reach {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let (puck, target) = object_and_goal(placement);
        world.place_free_object(puck);
        self.target = target;
        world.mark_goal(target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.puck.observe(world)
    }

    fn evaluate(&self, world: &World, _: &RawObservation, _: &[f64; 4]) -> Verdict {
        let tcp = world.tcp();
        Verdict {
            reward: 10.0 * in_place(tcp, self.target, HAND_INIT, RADIUS),
            success: distance(tcp, self.target) <= RADIUS,
        }
    }
}

/// Goes straight to the goal.
struct Expert;

impl RawController for Expert {
    fn act(&mut self, observation: &RawObservation) -> [f64; 4] {
        let goal = observation.goal();
        towards(observation, goal, GripperTo::Close)
    }
}
