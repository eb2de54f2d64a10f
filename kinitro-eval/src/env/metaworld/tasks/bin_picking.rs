//! Move a block from one bin to another.

use std::cell::Cell;

use mujoco_rs::prelude::MjModel;

use super::item::Item;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance, distance_xy};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_above_goal, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{Caging, Density, funnel, hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.05;
/// Where the open fingers fit between the walls along y, m.
const BETWEEN_WALLS: (f64, f64) = (0.67, 0.73);
/// The smallest opening of the gripper that holds the block, 0 to 1.
const PINCHED: f64 = 0.43;

const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.05,
    xz_threshold: 0.01,
    effort: 0.7,
    density: Density::High,
};

/// The block's position, or the nearest one where the open fingers do not come down on a wall, m.
fn away_from_walls(observation: &RawObservation) -> Vec3 {
    let [x, y, z] = observation.object();
    [x, y.clamp(BETWEEN_WALLS.0, BETWEEN_WALLS.1), z]
}

/// Over the walls of the bins.
static PLAN: Plan = Plan {
    grip: away_from_walls,
    hover: 0.12,
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.15), near: 0.03 },
        Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], 0.15), near: 0.03 },
        Leg::Carry { to_go: |seen| to_goal(seen, [0.0, 0.0, 0.03]), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "bin-picking-v3",
    description: "pick the block up from its bin and put it into the other one",
    model: "sawyer_xyz/sawyer_bin_picking.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::from_low([-0.5, 0.4, 0.07]),
    space: Space {
        low: &[-0.21, 0.65, 0.02, 0.1199, 0.699, -0.001],
        high: &[-0.03, 0.75, 0.02, 0.1201, 0.701, 0.001],
        rejects: |_| false,
    },
    goal_space: ([0.1199, 0.699, -0.001], [0.1201, 0.701, 0.001]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(BinPicking::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct BinPicking {
    block: Item,
    bin: Item,
    block_init: Vec3,
    /// The block's distance from its goal after the first step of the episode, m; `None` before.
    first_distance: Cell<Option<f64>>,
}

impl BinPicking {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            block: Item::find(model, "obj")?,
            bin: Item::find(model, "bin_goal")?,
            block_init: [0.0; 3],
            first_distance: Cell::new(None),
        })
    }

    /// How clear the hand is of the bins, in `[0, 1]`: it may be low only over the block's initial
    /// position and over the goal.
    fn above_bins(&self, hand: Vec3, target: Vec3) -> f64 {
        let floor_around = |place| funnel(distance_xy(hand, place), 0.03, 0.02, 0.2);
        let floor = floor_around(self.block_init).min(floor_around(target));
        if hand[2] >= floor { 1.0 } else { tolerance(floor - hand[2], (0.0, 0.01), 0.05) }
    }
}

impl Scene for BinPicking {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        // The rest of the vector is unused: the goal is the other bin.
        self.block_init = [placement[0], placement[1], self.block.pos(world)[2]];
        self.first_distance.set(None);
        world.place_free_object(self.block_init);
    }

    fn target(&self, world: &World) -> Vec3 {
        self.bin.pos(world)
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.block.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (hand, block) = (observation.hand(), observation.object());
        let target = self.target(world);
        let to_target = distance(block, target);
        let margin = self.first_distance.get().unwrap_or(to_target);
        self.first_distance.set(Some(margin));
        let placed = tolerance(to_target, (0.0, RADIUS), margin);
        let grasp = CAGING.reward(world, block, self.block_init, action);
        let mut reward = hamacher(grasp, placed);
        let held = distance(block, hand) < 0.04 && observation.opening() >= PINCHED;
        if held && block[2] - 0.02 > self.block_init[2] {
            reward += 1.0 + 5.0 * hamacher(self.above_bins(hand, target), placed);
        }
        if to_target < RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= RADIUS }
    }
}
