//! Slide a window shut.

use mujoco_rs::prelude::MjModel;

use super::mechanism::{JOINT, approach, approach_gaussian, none_rejected, observed, stand};
use super::window::{HANDLE_RADIUS, MODEL, SUCCESS_DISTANCE, TRAVEL, Window};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// Pushes the handle from the right. The first observation has the handle where it is when shut, so
/// places count from there.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.26, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([-0.1, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "window-close-v3",
    description: "slide the window shut by its handle",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[0.0, 0.75, 0.2], high: &[0.0, 0.9, 0.2], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(WindowClose::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct WindowClose {
    window: Window,
    handle_init: Vec3,
    target: Vec3,
}

impl WindowClose {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            window: Window::find(model, "handleCloseStart")?,
            handle_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for WindowClose {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.window.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = stand(placement);
        world.mark_goal(self.target);
        // The window is still shut when this is computed.
        self.handle_init = add(self.window.handle(world), [TRAVEL, 0.0, 0.0]);
        world.set_qpos(JOINT, &[TRAVEL]);
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
        let initially = (self.handle_init[0] - self.target[0]).abs();
        let placed = approach(to_target, SUCCESS_DISTANCE, initially);
        let reached = approach_gaussian(
            distance(handle, world.tcp()),
            HANDLE_RADIUS,
            distance(self.handle_init, world.init_tcp()),
        );
        Verdict { reward: 10.0 * hamacher(reached, placed), success: to_target <= SUCCESS_DISTANCE }
    }
}
