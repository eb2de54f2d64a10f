//! Push a puck along the table, around a wall, to a goal.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal, too_close};
use super::push::CAGING;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::GraspAndCarry;
use crate::env::metaworld::geometry::{Vec3, distance, norm, sub};
use crate::env::metaworld::reward::{in_place, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near is there, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// How near the gripper must be to the puck to have it, m.
const HELD: f64 = 0.02;
/// Where the puck should pass the wall's end, in x and y, m.
const PASSAGE: [f64; 2] = [-0.05, 0.77];
/// From this y on the puck has passed the wall, m.
const PASSED: f64 = 0.75;

pub(super) static DEFINITION: Definition = Definition {
    name: "push-wall-v3",
    description: "push the puck around the wall to the goal marker",
    model: "sawyer_xyz/sawyer_push_wall_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.01],
        high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.02],
        rejects: too_close,
    },
    goal_space: ([-0.05, 0.85, 0.01], [0.05, 0.9, 0.02]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PushWall::find(model)?)),
    expert: Some(|| Box::new(GraspAndCarry::over_the_wall())),
};

struct PushWall {
    puck: Puck,
    puck_init: Vec3,
    target: Vec3,
}

impl PushWall {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { puck: Puck::find(model)?, puck_init: [0.0; 3], target: [0.0; 3] })
    }
}

/// The distance to the passage at the height given, where what lies along the wall counts thrice.
fn to_passage(from: Vec3, height: f64) -> f64 {
    let [x, y, z] = sub(from, [PASSAGE[0], PASSAGE[1], height]);
    norm([x * 3.0, y, z])
}

impl Scene for PushWall {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let (puck, goal) = object_and_goal(placement);
        // The height is the one at which the puck came to rest while the hand was reset.
        let height = self.puck.pos(world)[2];
        self.puck_init = [puck[0], puck[1], height];
        self.target = [goal[0], goal[1], height];
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
        let mut reward = 2.0 * CAGING.reward(world, puck, self.puck_init, action);
        if distance(puck, world.tcp()) < HELD && opening > 0.0 {
            reward += if puck[1] > PASSED {
                5.0 + 3.0 * in_place(puck, self.target, self.puck_init, REWARD_RADIUS)
            } else {
                let margin = to_passage(self.puck_init, puck[2]);
                let near = tolerance(to_passage(puck, puck[2]), (0.0, REWARD_RADIUS), margin);
                1.0 + 4.0 * near
            };
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
