//! Push a puck along the table to a goal.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal, too_close};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::GraspAndCarry;
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::reward::{Caging, Density, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near is there, m.
const RADIUS: f64 = 0.05;

pub(super) const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.05,
    xz_threshold: 0.005,
    effort: 1.0,
    density: Density::High,
};

pub(super) static DEFINITION: Definition = Definition {
    name: "push-v3",
    description: "push the puck along the table to the goal marker",
    model: "sawyer_xyz/sawyer_push_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.02, -0.1, 0.8, 0.01],
        high: &[0.1, 0.7, 0.02, 0.1, 0.9, 0.02],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.8, 0.01], [0.1, 0.9, 0.02]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Push::find(model)?)),
    expert: Some(|| Box::new(GraspAndCarry::along_the_table())),
};

struct Push {
    puck: Puck,
    puck_init: Vec3,
    target: Vec3,
}

impl Push {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { puck: Puck::find(model)?, puck_init: [0.0; 3], target: [0.0; 3] })
    }
}

impl Scene for Push {
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
        if distance(puck, world.tcp()) < 0.02 && opening > 0.0 {
            reward += 1.0 + reward + 5.0 * in_place(puck, self.target, self.puck_init, RADIUS);
        }
        if to_target < RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= RADIUS }
    }
}
