//! Pick a puck up, carry it over a wall and hold it at a goal in the air.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal, too_close};
use super::push;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::GraspAndCarry;
use crate::env::metaworld::geometry::{Vec3, distance, norm, sub};
use crate::env::metaworld::reward::{Caging, Density, hamacher, in_place, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near is there, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// How near the gripper must be to the puck to have it, m.
const HELD: f64 = 0.02;
/// How far above where it started the puck counts as lifted, m.
const LIFTED: f64 = 0.015;
/// Where the puck should pass over the wall, in y and z, m.
const PASSAGE: [f64; 2] = [0.77, 0.25];
/// From this y on the puck has passed the wall, m.
const PASSED: f64 = 0.75;

const CAGING: Caging = Caging { density: Density::Low, ..push::CAGING };

pub(super) static DEFINITION: Definition = Definition {
    name: "pick-place-wall-v3",
    description: "pick the puck up, carry it over the wall and hold it at the goal marker",
    model: "sawyer_xyz/sawyer_pick_place_wall_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.05],
        high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.05, 0.85, 0.05], [0.05, 0.9, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PickPlaceWall::find(model)?)),
    expert: Some(|| Box::new(GraspAndCarry::over_the_wall())),
};

struct PickPlaceWall {
    puck: Puck,
    puck_init: Vec3,
    target: Vec3,
}

impl PickPlaceWall {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { puck: Puck::find(model)?, puck_init: [0.0; 3], target: [0.0; 3] })
    }

    /// The distance to the passage right in front of the goal, where height counts thrice.
    fn to_passage(&self, from: Vec3) -> f64 {
        let [x, y, z] = sub(from, [self.target[0], PASSAGE[0], PASSAGE[1]]);
        norm([x, y, z * 3.0])
    }
}

impl Scene for PickPlaceWall {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        (self.puck_init, self.target) = object_and_goal(placement);
        world.place_free_object(self.puck_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.puck.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &[f64; 39], action: &[f64; 4]) -> Verdict {
        let puck = [observation[4], observation[5], observation[6]];
        let opening = observation[3];
        let to_target = distance(puck, self.target);
        let margin = self.to_passage(self.puck_init);
        let passing = tolerance(self.to_passage(puck), (0.0, REWARD_RADIUS), margin);
        let mut reward = hamacher(CAGING.reward(world, puck, self.puck_init, action), passing);
        let lifted = puck[2] - LIFTED > self.puck_init[2];
        if distance(puck, world.tcp()) < HELD && opening > 0.0 && lifted {
            reward += if puck[1] > PASSED {
                5.0 + 3.0 * in_place(puck, self.target, self.puck_init, REWARD_RADIUS)
            } else {
                1.0 + 4.0 * passing
            };
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
