//! Pull a handle up.

use mujoco_rs::prelude::MjModel;

use super::handle::{DOWN, Handle, MODEL};
use super::mechanism::{none_rejected, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{Caging, Density, hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near in height is a success and earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near the gripper must be for the handle to count as held, m.
const HELD_RADIUS: f64 = 0.035;

const CAGING: Caging = Caging {
    object_radius: 0.022,
    pad_threshold: 0.05,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::High,
};

/// Takes the grip between the fingers and lifts it.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, 0.0, 0.1]),
        gripper: GripperTo::Open,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.02]),
        gripper: GripperTo::Open,
        until: Until::Within(0.01),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.02]),
        gripper: GripperTo::Close,
        until: Until::Steps(30),
    },
    Leg {
        to: Place::FromObject([0.0, 0.0, -0.012]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "handle-pull-v3",
    description: "pull the handle up",
    model: MODEL,
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.8, -0.001], high: &[0.1, 0.9, 0.001], rejects: none_rejected },
    goal_space: ([-0.1, 0.55, 0.04], [0.1, 0.7, 0.18]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(HandlePull::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct HandlePull {
    handle: Handle,
    stand: Vec3,
}

impl HandlePull {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { handle: Handle::find(model, "handleRight", "goalPull")?, stand: [0.0; 3] })
    }
}

impl Scene for HandlePull {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.handle.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.stand = stand(placement);
        self.handle.place(world, DOWN);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.handle.target()
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.handle.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let handle = observation.object();
        let opening = observation.opening();
        let target = self.handle.target();
        let to_target = (target[2] - handle[2]).abs();
        let margin = (target[2] - self.stand[2]).abs();
        let placed = tolerance(to_target, (0.0, REWARD_RADIUS), margin);
        let mut reward = hamacher(CAGING.reward(world, handle, self.stand, action), placed);
        // The reference also tests whether the handle is lifted, but compares its y with its
        // initial height, which is true wherever the handle can be.
        if distance(handle, world.tcp()) < HELD_RADIUS && opening > 0.0 {
            reward += 1.0 + 5.0 * placed;
        }
        if to_target < REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= REWARD_RADIUS }
    }
}
