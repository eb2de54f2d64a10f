//! Tasks in which the puck, or a block in its place, is brought to a goal. They differ in their
//! rewards.

use mujoco_rs::prelude::MjModel;

use super::puck::{Puck, object_and_goal};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::in_place;
use crate::env::metaworld::task::{Scene, Verdict};
use crate::env::metaworld::world::World;

/// How near to the goal earns the full reward, m.
pub(super) const REWARD_RADIUS: f64 = 0.05;

/// The differences between these tasks.
pub(super) struct Rules {
    /// Whether puck and goal are at the height at which the puck came to rest while the hand was
    /// reset, instead of the height in their placement.
    pub(super) on_the_table: bool,
    /// How near to the goal is a success, m.
    pub(super) success_radius: f64,
    /// The reward while the puck is not near enough to the goal for the full reward.
    pub(super) reward: fn(&State<'_>) -> f64,
}

/// The inputs of the rewards.
pub(super) struct State<'a> {
    pub(super) world: &'a World,
    pub(super) puck: Vec3,
    pub(super) puck_init: Vec3,
    pub(super) target: Vec3,
    /// How far the gripper is open, from 0 to 1.
    pub(super) opening: f64,
    pub(super) action: &'a [f64; 4],
}

impl State<'_> {
    /// Whether the puck is within `reach` of the open gripper, m.
    pub(super) fn is_within(&self, reach: f64) -> bool {
        distance(self.puck, self.world.tcp()) < reach && self.opening > 0.0
    }

    /// How much of the way to the goal the puck has covered, up to 1.
    pub(super) fn in_place(&self) -> f64 {
        in_place(self.puck, self.target, self.puck_init, REWARD_RADIUS)
    }
}

pub(super) struct PuckToGoal {
    puck: Puck,
    puck_init: Vec3,
    target: Vec3,
    rules: &'static Rules,
}

impl PuckToGoal {
    pub(super) fn find(
        model: &MjModel,
        rules: &'static Rules,
    ) -> Result<Box<dyn Scene>, EnvironmentError> {
        let puck = Puck::find(model)?;
        Ok(Box::new(Self { puck, puck_init: [0.0; 3], target: [0.0; 3], rules }))
    }
}

impl Scene for PuckToGoal {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        (self.puck_init, self.target) = object_and_goal(placement);
        if self.rules.on_the_table {
            let height = self.puck.pos(world)[2];
            (self.puck_init[2], self.target[2]) = (height, height);
        }
        world.place_free_object(self.puck_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.puck.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let puck = observation.object();
        let to_target = distance(puck, self.target);
        let reward = if to_target < REWARD_RADIUS {
            10.0
        } else {
            let &Self { puck_init, target, .. } = self;
            let opening = observation.opening();
            (self.rules.reward)(&State { world, puck, puck_init, target, opening, action })
        };
        Verdict { reward, success: to_target <= self.rules.success_radius }
    }
}
