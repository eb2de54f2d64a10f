//! Put a block on a shelf.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::puck::{Puck, apart, object_and_goal};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, sub};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, hamacher, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// Height below which the block is under the shelf, m.
const SHELF_HEIGHT: f64 = 0.24;
/// Half the width of the shelf, m.
const HALF_WIDTH: f64 = 0.15;
/// How far in front of the goal the space starts through which the block should not be carried, m.
const FRONT: f64 = 3.0 * REWARD_RADIUS;

const CAGING: Caging = Caging {
    object_radius: 0.02,
    pad_threshold: 0.05,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::Low,
};

/// Up in front of the shelf and in.
static PLAN: Plan = Plan {
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.2), near: 0.05 },
        Leg::Carry { to_go: |seen| to_goal(seen, [0.0, -0.25, 0.03]), near: 0.02 },
        Leg::Carry { to_go: |seen| to_goal(seen, [0.0, 0.0, 0.02]), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "shelf-place-v3",
    description: "pick the block up and put it on the shelf",
    model: "sawyer_xyz/sawyer_shelf_placing.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.5, 0.019, -0.1, 0.8, 0.299],
        high: &[0.1, 0.6, 0.021, 0.1, 0.9, 0.301],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([-0.1, 0.8, 0.299], [0.1, 0.9, 0.301]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(ShelfPlace::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct ShelfPlace {
    block: Puck,
    shelf: usize,
    /// From the shelf to the goal on it, m.
    goal_on_shelf: Vec3,
    block_init: Vec3,
    target: Vec3,
}

impl ShelfPlace {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let goal = object_id(model, MjtObjBase::mjOBJ_SITE, "goal")?;
        Ok(Self {
            block: Puck::find(model)?,
            shelf: object_id(model, MjtObjBase::mjOBJ_BODY, "shelf")?,
            goal_on_shelf: model.site_pos()[goal],
            block_init: [0.0; 3],
            target: [0.0; 3],
        })
    }

    /// How well a held block is placed, less a penalty for being where it would hit the shelf.
    fn placed_above(&self, block: Vec3, placed: f64) -> f64 {
        let [x, y, z] = block;
        let low = 0.0 < z && z < SHELF_HEIGHT;
        if !low || (x - self.target[0]).abs() >= HALF_WIDTH {
            return placed;
        }
        let front = self.target[1] - FRONT;
        if y > self.target[1] {
            0.0
        } else if front < y && y < self.target[1] {
            let depth = (y - front) / FRONT;
            (placed - hamacher(depth, (SHELF_HEIGHT - z) / SHELF_HEIGHT)).clamp(0.0, 1.0)
        } else {
            placed
        }
    }
}

impl Scene for ShelfPlace {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        let (_, goal) = object_and_goal(placement);
        let shelf = sub(goal, [0.0, 0.0, 0.3]);
        self.target = add(self.goal_on_shelf, shelf);
        // The marker stands on the shelf and moves with it.
        world.move_body(self.shelf, shelf);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.block_init = [placement[0], placement[1], self.block.pos(world)[2]];
        world.place_free_object(self.block_init);
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
        let placed = in_place(block, self.target, self.block_init, REWARD_RADIUS);
        let mut reward = hamacher(CAGING.reward(world, block, self.block_init, action), placed);
        let lifted = block[2] - 0.01 > self.block_init[2];
        if distance(block, world.tcp()) < 0.025 && opening > 0.0 && lifted {
            reward += 1.0 + 5.0 * self.placed_above(block, placed);
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
