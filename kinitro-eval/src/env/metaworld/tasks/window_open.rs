//! Slide a window open.

use mujoco_rs::prelude::MjModel;

use super::mechanism::{JOINT, approach, none_rejected, observed, stand};
use super::window::{HANDLE_RADIUS, MODEL, SUCCESS_DISTANCE, TRAVEL, Window};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// Pushes the handle from the left.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([-0.06, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.3, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "window-open-v3",
    description: "slide the window open by its handle",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.7, 0.16], high: &[0.1, 0.9, 0.16], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(WindowOpen::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct WindowOpen {
    window: Window,
    stand: Vec3,
    handle_init: Vec3,
    target: Vec3,
}

impl WindowOpen {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            window: Window::find(model, "handleOpenStart")?,
            stand: [0.0; 3],
            handle_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for WindowOpen {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.window.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.stand = stand(placement);
        self.target = add(self.stand, [TRAVEL, 0.0, 0.0]);
        world.mark_goal(self.target);
        self.handle_init = self.window.handle(world);
        world.set_qpos(JOINT, &[0.0]);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.window.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &[f64; 39], _: &[f64; 4]) -> Verdict {
        let handle = observed(observation);
        let to_target = (handle[0] - self.target[0]).abs();
        let initially = (self.stand[0] - self.target[0]).abs();
        let placed = approach(to_target, SUCCESS_DISTANCE, initially);
        let reached = approach(
            distance(handle, world.tcp()),
            HANDLE_RADIUS,
            distance(self.handle_init, world.init_tcp()),
        );
        Verdict { reward: 10.0 * hamacher(reached, placed), success: to_target <= SUCCESS_DISTANCE }
    }
}
