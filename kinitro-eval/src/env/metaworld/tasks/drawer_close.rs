//! Push a drawer shut.

use mujoco_rs::prelude::MjModel;

use super::drawer::{DRAWER_TO_HANDLE, Drawer, GOAL_HEIGHT, MODEL, SPACE};
use super::mechanism::{JOINT, NO_ORIENTATION, approach, approach_gaussian, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{closing, hamacher};
use crate::env::metaworld::task::{Definition, Scene, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// The drawer's initial position, m; negative is open.
const PULLED_OUT: f64 = -0.15;
/// From the drawer's body to the point above its handle to push, m.
const DRAWER_TO_OBJECT: Vec3 = [0.0, DRAWER_TO_HANDLE, 0.05];
/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.05 + 0.015;
/// How near to the handle earns the full reward for reaching it, m.
const REACH_RADIUS: f64 = 0.005;

/// Comes down in front of the handle and pushes it.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, -0.08, 0.05]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.0, -0.08, -0.05]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.0, 0.2, -0.05]),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "drawer-close-v3",
    description: "push the drawer shut",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: SPACE,
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(DrawerClose::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DrawerClose {
    drawer: Drawer,
    object_init: Vec3,
    target: Vec3,
}

impl DrawerClose {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { drawer: Drawer::find(model)?, object_init: [0.0; 3], target: [0.0; 3] })
    }

    fn object(&self, world: &World) -> Vec3 {
        add(self.drawer.pos(world), DRAWER_TO_OBJECT)
    }
}

impl Scene for DrawerClose {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.drawer.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = add(stand(placement), [0.0, DRAWER_TO_HANDLE, GOAL_HEIGHT]);
        world.mark_goal(self.target);
        // The drawer keeps its velocity.
        world.set_qpos(JOINT, &[PULLED_OUT]);
        world.forward();
        self.object_init = self.object(world);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        observe(self.object(world), NO_ORIENTATION)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let object = observation.object();
        let to_target = distance(object, self.target);
        let placed = approach(to_target, REWARD_RADIUS, distance(self.object_init, self.target));
        let reached = approach_gaussian(
            distance(object, world.tcp()),
            REACH_RADIUS,
            distance(self.object_init, world.init_tcp()),
        );
        let success = to_target <= SUCCESS_RADIUS;
        let reward = if success {
            10.0
        } else {
            10.0 * hamacher(hamacher(reached, closing(action)), placed)
        };
        Verdict { reward, success }
    }
}
