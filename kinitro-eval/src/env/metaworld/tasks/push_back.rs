//! Pull a block along the table, towards the robot, to a goal.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal, too_close};
use super::sided_caging::SidedCaging;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::GraspAndCarry;
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::reward::{hamacher, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How near earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near is there, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// How near the gripper must be to the block to have it, m.
const HELD: f64 = 0.01;
/// The opening of the gripper below which it may hold the block.
const HOLDING: f64 = 0.55;
/// How far the block must have come nearer to the goal, m.
const MOVED: f64 = 0.01;

const CAGING: SidedCaging =
    SidedCaging { object_radius: 0.007, grip_slack: 0.003, xz_threshold: 0.01 };

pub(super) static DEFINITION: Definition = Definition {
    name: "push-back-v3",
    description: "move the block along the table towards the robot to the goal marker",
    model: "sawyer_xyz/sawyer_push_back_v3.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.8, 0.02, -0.1, 0.6, 0.0199],
        high: &[0.1, 0.85, 0.02, 0.1, 0.7, 0.0201],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.6, 0.0199], [0.1, 0.7, 0.0201]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PushBack::find(model)?)),
    expert: Some(|| Box::new(GraspAndCarry::along_the_table())),
};

struct PushBack {
    /// The block, which has the puck's names.
    block: Puck,
    block_init: Vec3,
    target: Vec3,
}

impl PushBack {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { block: Puck::find(model)?, block_init: [0.0; 3], target: [0.0; 3] })
    }
}

impl Scene for PushBack {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let (block, goal) = object_and_goal(placement);
        // The height is the one at which the block came to rest while the hand was reset.
        let height = self.block.pos(world)[2];
        self.block_init = [block[0], block[1], height];
        self.target = [goal[0], goal[1], height];
        world.place_free_object(self.block_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.block.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &[f64; 39], _: &[f64; 4]) -> Verdict {
        let block = [observation[4], observation[5], observation[6]];
        let opening = observation[3];
        let to_target = distance(block, self.target);
        let to_target_at_start = distance(self.block_init, self.target);
        let placed = in_place(block, self.target, self.block_init, REWARD_RADIUS);
        let mut reward = hamacher(CAGING.reward(world, block, self.block_init), placed);
        let held = distance(block, world.tcp()) < HELD && 0.0 < opening && opening < HOLDING;
        if held && to_target_at_start - to_target > MOVED {
            reward += 1.0 + 5.0 * placed;
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
