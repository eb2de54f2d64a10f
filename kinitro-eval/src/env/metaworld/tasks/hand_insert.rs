//! Put a block into a hole in the table.

use mujoco_rs::prelude::MjModel;

use super::item::Item;
use super::puck::{object_and_goal, too_close};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_above_goal, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{Caging, Density, hamacher, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.05;
/// The height at which the block starts, m.
const BLOCK_HEIGHT: f64 = 0.05;

const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.05,
    xz_threshold: 0.005,
    effort: 1.0,
    density: Density::High,
};

/// Over the table, and down into the hole.
static PLAN: Plan = Plan {
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.08), near: 0.02 },
        Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], 0.08), near: 0.015 },
        Leg::Carry { to_go: |seen| to_goal(seen, [0.0; 3]), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "hand-insert-v3",
    description: "pick the block up and bring it into the hole in the table",
    model: "sawyer_xyz/sawyer_table_with_hole.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::DEEP,
    space: Space {
        low: &[-0.1, 0.6, 0.05, -0.04, 0.8, -0.0201],
        high: &[0.1, 0.7, 0.05, 0.04, 0.88, -0.0199],
        rejects: too_close,
    },
    goal_space: ([-0.04, 0.8, -0.0201], [0.04, 0.88, -0.0199]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(HandInsert::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct HandInsert {
    block: Item,
    block_init: Vec3,
    target: Vec3,
}

impl HandInsert {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { block: Item::find(model, "obj")?, block_init: [0.0; 3], target: [0.0; 3] })
    }
}

impl Scene for HandInsert {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let (block, target) = object_and_goal(placement);
        self.block_init = [block[0], block[1], BLOCK_HEIGHT];
        self.target = target;
        world.place_free_object(self.block_init);
        world.mark_goal(target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.block.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (block, opening) = (observation.object(), observation.opening());
        let to_target = distance(block, self.target);
        let placed = in_place(block, self.target, self.block_init, RADIUS);
        let mut reward = hamacher(CAGING.reward(world, block, self.block_init, action), placed);
        if distance(block, world.tcp()) < 0.02 && opening > 0.0 {
            reward += 1.0 + 7.0 * placed;
        }
        if to_target < RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= RADIUS }
    }
}
