//! Take a ring off a peg.

use mujoco_rs::prelude::MjModel;

use super::puck::apart;
use super::wrench::{Wrench, flat, grip_point};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, vec3};
use crate::env::metaworld::handling::{Handling, Leg, Plan, object, to_height};
use crate::env::metaworld::reward::{Caging, Density, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// Height of the ring above which it counts as lifted, m.
const LIFTED: f64 = 0.02;

const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.02,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::High,
};

/// Straight up.
static PLAN: Plan = Plan {
    grip: object,
    hover: 0.1,
    depth: 0.012,
    grasp_steps: 20,
    way: &[Leg { to_go: |seen| to_height(seen, 0.25), near: 0.0 }],
};

pub(super) static DEFINITION: Definition = Definition {
    name: "disassemble-v3",
    description: "pick the wrench up by its handle and take its ring off the peg",
    model: "sawyer_xyz/sawyer_assembly_peg.xml",
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.6, 0.025, -0.1, 0.6, 0.1699],
        high: &[0.1, 0.75, 0.02501, 0.1, 0.75, 0.1701],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([-0.1, 0.6, 0.1749], [0.1, 0.75, 0.1751]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Disassemble::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct Disassemble {
    wrench: Wrench,
    wrench_init: Vec3,
    target: Vec3,
}

impl Disassemble {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { wrench: Wrench::find(model)?, wrench_init: [0.0; 3], target: [0.0; 3] })
    }
}

impl Scene for Disassemble {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        // The second half of the vector only decides which vectors are rejected.
        self.wrench_init = vec3(placement, 0);
        self.target = add(self.wrench_init, [0.0, 0.0, 0.15]);
        let above = |height| add(self.wrench_init, [0.0, 0.0, height]);
        self.wrench.move_peg(world, above(0.03), above(0.08));
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
        let grasp = CAGING.reward(world, grip_point(observation), self.wrench_init, action);
        let error = distance(add(self.target, [0.0, 0.0, 0.1]), ring);
        let freed = 0.1 * f64::from(ring[2] > LIFTED) + 0.9 * tolerance(error, (0.0, 0.02), 0.2);
        let success = observation[6] > self.target[2];
        let reward = if success { 10.0 } else { (2.0 * grasp + 6.0 * freed) * flat(observation) };
        Verdict { reward, success }
    }
}
