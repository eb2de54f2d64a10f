//! Pick a puck up and hold it at a goal in the air.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal, too_close};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::GraspAndCarry;
use crate::env::metaworld::geometry::{Vec3, distance, distance_xz};
use crate::env::metaworld::reward::{cage_and_grip, hamacher, in_place, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near is there, m.
const SUCCESS_RADIUS: f64 = 0.07;

/// How near a pad must be to the puck's centre along y, m: at least the puck's radius.
const BESIDE: (f64, f64) = (0.015, 0.05);
/// How near the gripper must be to the puck in the x-z plane, m.
const XZ_THRESHOLD: f64 = 0.005;

pub(super) static DEFINITION: Definition = Definition {
    name: "pick-place-v3",
    description: "pick the puck up and hold it at the goal marker",
    model: "sawyer_xyz/sawyer_pick_place_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.05],
        high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.8, 0.05], [0.1, 0.9, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PickPlace::find(model)?)),
    expert: Some(|| Box::new(GraspAndCarry::through_the_air())),
};

struct PickPlace {
    puck: Puck,
    puck_init: Vec3,
    target: Vec3,
}

impl PickPlace {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { puck: Puck::find(model)?, puck_init: [0.0; 3], target: [0.0; 3] })
    }

    /// Like [`Caging`](crate::env::metaworld::reward::Caging), but each pad must be on its own side
    /// of the puck, and the margin is measured from where the puck is now.
    fn caging(&self, world: &World, puck: Vec3, action: &[f64; 4]) -> f64 {
        let beside = |pad_to_puck: f64| {
            let margin = (pad_to_puck.abs() - BESIDE.1).abs();
            tolerance(pad_to_puck, BESIDE, margin)
        };
        let left = beside(world.left_pad()[1] - puck[1]);
        let right = beside(puck[1] - world.right_pad()[1]);
        let margin = distance_xz(self.puck_init, world.init_tcp()) - XZ_THRESHOLD;
        let xz = distance_xz(world.tcp(), puck);
        let caging_xz = tolerance(xz, (0.0, XZ_THRESHOLD), margin.max(0.0));
        cage_and_grip(hamacher(left, right), caging_xz, action)
    }
}

impl Scene for PickPlace {
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
        let placed = in_place(puck, self.target, self.puck_init, REWARD_RADIUS);
        let mut reward = hamacher(self.caging(world, puck, action), placed);
        let lifted = puck[2] - 0.01 > self.puck_init[2];
        if distance(puck, world.tcp()) < 0.02 && opening > 0.0 && lifted {
            reward += 1.0 + 5.0 * placed;
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
