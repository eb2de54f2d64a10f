//! Pull up a handle at the robot's side.

use mujoco_rs::prelude::MjModel;

use super::handle::{DOWN, Handle, MODEL_SIDE};
use super::mechanism::none_rejected;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{Caging, Density, hamacher, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.08;
/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near the gripper must be for the handle to count as held, m.
const HELD_RADIUS: f64 = 0.035;

const CAGING: Caging = Caging {
    object_radius: 0.032,
    pad_threshold: 0.06,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::High,
};

/// Takes the handle between the fingers and lifts it.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, 0.0, 0.1]),
        gripper: GripperTo::Open,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.01]),
        gripper: GripperTo::Open,
        until: Until::Within(0.01),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.01]),
        gripper: GripperTo::Close,
        until: Until::Steps(30),
    },
    Leg {
        to: Place::FromObject([0.0, 0.0, 0.005]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "handle-pull-side-v3",
    description: "pull the handle at the side up",
    model: MODEL_SIDE,
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.35, 0.65, 0.0], high: &[-0.25, 0.75, 0.0], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(HandlePullSide::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct HandlePullSide(Handle);

impl HandlePullSide {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Handle::find(model, "handleCenter", "goalPull").map(Self)
    }
}

impl Scene for HandlePullSide {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.0.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        self.0.place(world, DOWN);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.0.target()
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.0.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let handle = observation.object();
        let opening = observation.opening();
        let (init, target) = (self.0.init(), self.0.target());
        let to_target = distance(handle, target);
        let placed = in_place(handle, target, init, REWARD_RADIUS);
        let mut reward = hamacher(CAGING.reward(world, handle, init, action), placed);
        let lifted = handle[2] - 0.01 > init[2];
        if distance(handle, world.tcp()) < HELD_RADIUS && opening > 0.0 && lifted {
            reward += 1.0 + 5.0 * placed;
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
