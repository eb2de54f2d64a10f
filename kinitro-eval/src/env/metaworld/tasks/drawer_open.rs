//! Pull a drawer open.

use mujoco_rs::prelude::MjModel;

use super::drawer::{DRAWER_TO_HANDLE, Drawer, GOAL_HEIGHT, MODEL, SPACE};
use super::mechanism::{observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance, norm, scale, sub};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::{Definition, Scene, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How far the drawer must be pulled out, m.
const PULL: f64 = 0.2;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.03;
/// The weight of each axis in the distance between hand and handle: the hand should come down on
/// the handle rather than run into it.
const WEIGHTS: Vec3 = [3.0, 3.0, 1.0];

/// Comes down over the handle, so that a finger is behind it, and pulls.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, 0.0, 0.1]),
        gripper: GripperTo::Open,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.01]),
        gripper: GripperTo::Open,
        until: Until::Within(0.015),
    },
    Leg {
        to: Place::FromStart([0.0, -0.3, -0.01]),
        gripper: GripperTo::Open,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "drawer-open-v3",
    description: "pull the drawer open by its handle",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: SPACE,
    goal_space: ([-0.5, 0.4, 0.05], [0.5, 1.0, 0.5]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(DrawerOpen::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DrawerOpen {
    drawer: Drawer,
    target: Vec3,
}

impl DrawerOpen {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { drawer: Drawer::find(model)?, target: [0.0; 3] })
    }
}

impl Scene for DrawerOpen {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.drawer.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = add(stand(placement), [0.0, DRAWER_TO_HANDLE - PULL, GOAL_HEIGHT]);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let handle = add(self.drawer.pos(world), [0.0, DRAWER_TO_HANDLE, 0.0]);
        observe(handle, self.drawer.orientation(world))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let handle = observation.object();
        let to_target = distance(handle, self.target);
        let opened = tolerance(to_target, (0.0, 0.02), PULL);
        let off = |handle: Vec3, hand: Vec3| norm(scale(sub(handle, hand), WEIGHTS));
        let handle_init = add(self.target, [0.0, PULL, 0.0]);
        let caged = tolerance(
            off(handle, observation.hand()),
            (0.0, 0.01),
            off(handle_init, world.init_tcp()),
        );
        Verdict { reward: 5.0 * (caged + opened), success: to_target <= SUCCESS_RADIUS }
    }
}
