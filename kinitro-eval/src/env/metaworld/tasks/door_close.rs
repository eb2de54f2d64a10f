//! Close the door of a cupboard.

use mujoco_rs::prelude::MjModel;

use super::door::{Door, MODEL};
use super::mechanism::{none_rejected, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::tolerance_gaussian;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

const HAND_INIT: Vec3 = rounded_to_f32([-0.5, 0.6, 0.2]);
/// The door's initial angle, rad.
#[expect(clippy::approx_constant, reason = "the reference has a quarter turn with four decimals")]
const OPEN_ANGLE: f64 = -1.5708;
/// From the cupboard to the handle's goal, m.
const STAND_TO_TARGET: Vec3 = [0.2, -0.2, 0.0];
/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.08;

/// Pushes the handle around the hinge from outside.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([-0.12, 0.0, 0.0]),
        gripper: GripperTo::Close,
        until: Until::Within(0.04),
    },
    Leg {
        to: Place::Around(Circle {
            goal_to_axis: [-0.385, 0.1, 0.0],
            plane: (0, 1),
            offset: [-0.07, 0.0, 0.0],
            lead: 0.4,
        }),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "door-close-v3",
    description: "close the door of the cupboard",
    model: MODEL,
    hand_init: HAND_INIT,
    hand_box: HandBox::USUAL,
    space: Space { low: &[0.0, 0.85, 0.15], high: &[0.1, 0.95, 0.15], rejects: none_rejected },
    goal_space: ([0.2, 0.65, 0.1499], [0.3, 0.75, 0.1501]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(DoorClose::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DoorClose {
    door: Door,
    stand: Vec3,
    target: Vec3,
}

impl DoorClose {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { door: Door::find(model)?, stand: [0.0; 3], target: [0.0; 3] })
    }
}

impl Scene for DoorClose {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.door.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.stand = stand(placement);
        self.target = add(self.stand, STAND_TO_TARGET);
        world.mark_goal(self.target);
        self.door.turn_to(world, OPEN_ANGLE);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.door.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let handle = observation.object();
        let to_target = distance(handle, self.target);
        let margin = distance(self.stand, self.target);
        let closed = tolerance_gaussian(to_target, (0.0, REWARD_RADIUS), margin);
        let hand = tolerance_gaussian(
            distance(world.tcp(), self.target),
            (0.0, 0.25 * REWARD_RADIUS),
            distance(HAND_INIT, handle) + 0.1,
        );
        let reward = if to_target < REWARD_RADIUS { 10.0 } else { 3.0 * hand + 6.0 * closed };
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
