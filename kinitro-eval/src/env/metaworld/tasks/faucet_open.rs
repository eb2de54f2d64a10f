//! Turn a faucet on.

use mujoco_rs::prelude::MjModel;

use super::faucet::{Faucet, MODEL, Turn};
use super::mechanism::none_rejected;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// From the handle's end to its point that must reach the goal, m.
const END_TO_POINT: Vec3 = [-0.04, 0.0, 0.03];

/// Pushes the handle around the faucet from the left.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([-0.06, 0.02, 0.1]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([-0.06, 0.02, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::Around(Circle {
            goal_to_axis: [-0.175, 0.0, -0.125],
            plane: (0, 1),
            offset: [0.0, 0.02, 0.0],
            lead: 0.5,
        }),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "faucet-open-v3",
    description: "turn the faucet on by its handle",
    model: MODEL,
    hand_init: [0.0, 0.4, 0.2],
    hand_box: HandBox::DEEP,
    space: Space { low: &[-0.05, 0.8, 0.0], high: &[0.05, 0.85, 0.0], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, -0.15], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(FaucetOpen::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct FaucetOpen(Faucet);

impl FaucetOpen {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Faucet::find(model, Turn::Open).map(Self)
    }
}

impl Scene for FaucetOpen {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.0.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.0.place_goal(world, placement);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.0.target()
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.0.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        self.0.evaluate(world, add(observation.object(), END_TO_POINT))
    }
}
