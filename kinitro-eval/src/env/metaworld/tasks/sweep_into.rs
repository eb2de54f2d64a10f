//! Sweep a block into a hole in the table.

use mujoco_rs::prelude::MjModel;

use super::puck::Puck;
use super::sided_caging::SidedCaging;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance, distance_xy, vec3};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_above_goal};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{hamacher, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal along the table is a success, m.
const RADIUS: f64 = 0.05;
/// The position of the hole, m.
const TARGET: Vec3 = [0.0, 0.84, 0.02];

const CAGE: SidedCaging =
    SidedCaging { object_radius: 0.02, grip_slack: 0.005, xz_threshold: 0.01 };

/// Along the table to the hole.
static PLAN: Plan = Plan {
    way: &[Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], 0.03), near: 0.0 }],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "sweep-into-v3",
    description: "sweep the block into the hole in the table",
    model: "sawyer_xyz/sawyer_table_with_hole.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.02, -0.001, 0.8399, 0.0199],
        high: &[0.1, 0.7, 0.02, 0.001, 0.8401, 0.0201],
        rejects: |placement| distance_xy(vec3(placement, 0), TARGET) < 0.15,
    },
    goal_space: ([-0.001, 0.8399, 0.0199], [0.001, 0.8401, 0.0201]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(SweepInto::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct SweepInto {
    block: Puck,
    block_init: Vec3,
}

impl SweepInto {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { block: Puck::find(model)?, block_init: [0.0; 3] })
    }
}

impl Scene for SweepInto {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        // The rest of the vector is unused: the hole is always in the same place.
        self.block_init = [placement[0], placement[1], self.block.pos(world)[2]];
        world.place_free_object(self.block_init);
        world.mark_goal(TARGET);
    }

    fn target(&self, _: &World) -> Vec3 {
        TARGET
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.block.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let block = observation.object();
        // Heights are ignored.
        let target = [TARGET[0], TARGET[1], block[2]];
        let to_target = distance(block, target);
        let placed = in_place(block, target, self.block_init, RADIUS);
        let grasp = CAGE.reward(world, block, self.block_init);
        let mut reward = 2.0 * grasp + 6.0 * hamacher(grasp, placed);
        if to_target < RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= RADIUS }
    }
}
