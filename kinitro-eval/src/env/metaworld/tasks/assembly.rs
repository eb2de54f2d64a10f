//! Put a ring over a peg.

use mujoco_rs::prelude::MjModel;

use super::puck::{apart, object_and_goal};
use super::wrench::{Wrench, flat, grip_point};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance_xy, norm, sub};
use crate::env::metaworld::handling::{Handling, Leg, Plan, object, to_goal, to_height};
use crate::env::metaworld::reward::{Caging, Density, funnel, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How far from the peg's axis the ring is over it, m.
const RADIUS: f64 = 0.02;
/// The same for the reward of a ring that is not over the peg yet, m.
const APPROACH_RADIUS: f64 = 0.01;
/// Height of the ring above which it counts as lifted, m.
const LIFTED: f64 = 0.02;

const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.02,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::Medium { reach_radius: 0.01 },
};

/// Up, over the peg, and down.
static PLAN: Plan = Plan {
    grip: object,
    hover: 0.1,
    depth: 0.012,
    grasp_steps: 20,
    way: &[
        Leg { to_go: |seen| to_height(seen, 0.2), near: 0.02 },
        Leg { to_go: |seen| ring_to_goal(seen, 0.06), near: 0.01 },
        Leg { to_go: |seen| ring_to_goal(seen, -0.03), near: 0.0 },
    ],
};

/// From the ring, at the end of a level wrench, to a height above the goal, m.
fn ring_to_goal(observation: &[f64; 39], height: f64) -> Vec3 {
    to_goal(observation, [0.13, 0.0, height])
}

pub(super) static DEFINITION: Definition = Definition {
    name: "assembly-v3",
    description: "pick the wrench up by its handle and put its ring over the peg",
    model: "sawyer_xyz/sawyer_assembly_peg.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.6, 0.02, -0.1, 0.75, 0.1],
        high: &[0.0, 0.6, 0.02, 0.1, 0.85, 0.1],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([-0.1, 0.75, 0.1], [0.1, 0.85, 0.1]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Assembly::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct Assembly {
    wrench: Wrench,
    wrench_init: Vec3,
    target: Vec3,
}

impl Assembly {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { wrench: Wrench::find(model)?, wrench_init: [0.0; 3], target: [0.0; 3] })
    }

    /// How well the ring is placed, in `[0, 1]`: at the surface of a funnel that leads over the
    /// peg and widens once the ring is there.
    fn placed(&self, ring: Vec3, success: bool) -> f64 {
        let [x, y, _] = sub(self.target, ring);
        let radius = norm([x, y]);
        let inner = if success { RADIUS } else { APPROACH_RADIUS };
        let height = funnel(radius, inner, 0.02, 0.2);
        let error = norm([x, y, 3.0 * (height - ring[2])]);
        let lifted = ring[2] > LIFTED || radius < inner;
        0.1 * f64::from(lifted) + 0.9 * tolerance(error, (0.0, 0.02), 0.4)
    }
}

impl Scene for Assembly {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        (self.wrench_init, self.target) = object_and_goal(placement);
        self.wrench.move_peg(world, sub(self.target, [0.0, 0.0, 0.05]), self.target);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        world.place_free_object(self.wrench_init);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.wrench.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &[f64; 39], action: &[f64; 4]) -> Verdict {
        let ring = self.wrench.ring(world);
        let success = distance_xy(self.target, ring) < RADIUS && self.target[2] - ring[2] > 0.0;
        let grasp = CAGING.reward(world, grip_point(observation), self.wrench_init, action);
        let placed = self.placed(ring, success);
        let reward = if success { 10.0 } else { (2.0 * grasp + 6.0 * placed) * flat(observation) };
        Verdict { reward, success }
    }
}
