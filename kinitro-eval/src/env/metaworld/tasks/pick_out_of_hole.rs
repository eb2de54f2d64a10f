//! Pick a block up from a hole.

use mujoco_rs::prelude::MjModel;

use super::item::Item;
use super::puck::{object_and_goal, too_close};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance, distance_xy};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{Caging, Density, funnel, hamacher, in_place, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near counts as in place, m.
const IN_PLACE_RADIUS: f64 = 0.02;
/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// The smallest opening of the gripper that holds the block, 0 to 1.
const PINCHED: f64 = 0.33;

const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.02,
    xz_threshold: 0.03,
    effort: 0.1,
    density: Density::High,
};

/// Straight up and to the goal.
static PLAN: Plan = Plan {
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.16), near: 0.03 },
        Leg::Carry { to_go: |seen| to_goal(seen, [0.0; 3]), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "pick-out-of-hole-v3",
    description: "pick the block up from the hole and hold it at the goal marker",
    model: "sawyer_xyz/sawyer_pick_out_of_hole.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::from_low([-0.5, 0.4, -0.05]),
    space: Space {
        low: &[0.0, 0.75, 0.02, -0.1, 0.5, 0.15],
        high: &[0.0, 0.75, 0.02, 0.1, 0.6, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.5, 0.15], [0.1, 0.6, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PickOutOfHole::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct PickOutOfHole {
    block: Item,
    block_init: Vec3,
    target: Vec3,
}

impl PickOutOfHole {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { block: Item::find(model, "obj")?, block_init: [0.0; 3], target: [0.0; 3] })
    }

    /// How clear the gripper is of the table, in `[0, 1]`: it may be low only over the hole.
    fn above_table(&self, tcp: Vec3) -> f64 {
        let floor = funnel(distance_xy(tcp, self.block_init), 0.03, 0.015, 0.15);
        if tcp[2] >= floor { 1.0 } else { tolerance(floor - tcp[2], (0.0, 0.01), 0.02) }
    }
}

impl Scene for PickOutOfHole {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        (self.block_init, self.target) = object_and_goal(placement);
        world.place_free_object(self.block_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.block.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (block, tcp) = (observation.object(), world.tcp());
        let to_target = distance(block, self.target);
        let placed = in_place(block, self.target, self.block_init, IN_PLACE_RADIUS);
        let mut reward = hamacher(CAGING.reward(world, block, self.block_init, action), placed);
        let held = distance(block, tcp) < 0.04 && observation.opening() >= PINCHED;
        if held && block[2] - 0.02 > self.block_init[2] {
            reward += 1.0 + 5.0 * hamacher(placed, self.above_table(tcp));
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
