//! Sweep a block off the table.

use mujoco_rs::prelude::MjModel;

use super::item::Item;
use super::sided_caging::SidedCaging;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_above_goal};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{hamacher, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.05;
/// The height at which the block starts, m.
const BLOCK_HEIGHT: f64 = 0.02;
/// The x that the block must be swept to, m: the edge of the table.
const GOAL_X: f64 = 0.5;
/// The height of the goal, m.
const GOAL_HEIGHT: f64 = 0.01;

const CAGE: SidedCaging =
    SidedCaging { object_radius: 0.02, grip_slack: 0.01, xz_threshold: 0.005 };

/// Along the table to its edge.
static PLAN: Plan = Plan {
    way: &[Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], 0.02), near: 0.0 }],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "sweep-v3",
    description: "sweep the block along the table to its edge",
    model: "sawyer_xyz/sawyer_sweep_v3.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.6, 0.02], high: &[0.1, 0.7, 0.02], rejects: |_| false },
    goal_space: ([0.49, 0.6, 0.0], [0.51, 0.7, 0.02]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Sweep::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct Sweep {
    block: Item,
    block_init: Vec3,
    target: Vec3,
}

impl Sweep {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { block: Item::find(model, "obj")?, block_init: [0.0; 3], target: [0.0; 3] })
    }
}

impl Scene for Sweep {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.block_init = [placement[0], placement[1], BLOCK_HEIGHT];
        self.target = [GOAL_X, placement[1], GOAL_HEIGHT];
        world.place_free_object(self.block_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.block.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let block = observation.object();
        let to_target = distance(block, self.target);
        let placed = in_place(block, self.target, self.block_init, RADIUS);
        let grasp = CAGE.reward(world, block, self.block_init);
        let mut reward = 2.0 * grasp + 6.0 * hamacher(grasp, placed);
        if to_target < RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= RADIUS }
    }
}
