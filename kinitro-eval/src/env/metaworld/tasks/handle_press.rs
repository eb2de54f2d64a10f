//! Press a handle down. The expert is shared with the task whose handle is at the robot's side.

use mujoco_rs::prelude::MjModel;

use super::handle::{Handle, MODEL, UP};
use super::mechanism::none_rejected;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::Vec3;
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// Pushes down from above.
pub(super) static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, 0.0, 0.06]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.2]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "handle-press-v3",
    description: "press the handle down",
    model: MODEL,
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.8, -0.001], high: &[0.1, 0.9, 0.001], rejects: none_rejected },
    goal_space: ([-0.1, 0.55, 0.04], [0.1, 0.7, 0.08]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(HandlePress::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

pub(super) struct HandlePress(Handle);

impl HandlePress {
    pub(super) fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Handle::find(model, "handleStart", "goalPress").map(Self)
    }
}

impl Scene for HandlePress {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.0.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        self.0.place(world, UP);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.0.target()
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.0.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        self.0.evaluate_press(world, observation.object())
    }
}
