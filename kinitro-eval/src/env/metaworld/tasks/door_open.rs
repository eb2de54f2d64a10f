//! Open a cupboard by the handle of its door.

use std::f64::consts::PI;

use mujoco_rs::prelude::MjModel;

use super::door::{Door, MODEL};
use super::mechanism::{JOINT, none_rejected, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance, distance_xy, sub};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// From the cupboard to the handle's goal, m.
const STAND_TO_TARGET: Vec3 = [-0.3, -0.45, 0.0];
/// How near to the goal along x is a success, m.
const SUCCESS_DISTANCE: f64 = 0.08;
/// From the handle's geom to its grip, m.
const HANDLE_TO_GRIP: Vec3 = [-0.05, 0.0, 0.0];
/// From the grip to where the hand should be, between handle and door, m.
const GRIP_TO_HAND: Vec3 = [0.05, 0.03, -0.01];
/// The distance from the grip outside which the hand should stay above a funnel, m.
const FUNNEL_RADIUS: f64 = 0.12;
/// The angle from which the door counts as moved, rad.
const AJAR: f64 = -PI / 90.0;

/// Comes down between handle and door, and pulls the handle around the hinge.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, 0.035, 0.15]),
        gripper: GripperTo::Close,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::FromStart([0.0, 0.035, -0.03]),
        gripper: GripperTo::Close,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::Around(Circle {
            goal_to_axis: [0.115, 0.35, 0.0],
            plane: (0, 1),
            offset: [0.0, 0.035, -0.03],
            lead: -0.4,
        }),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "door-open-v3",
    description: "open the door of the cupboard by its handle",
    model: MODEL,
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[0.0, 0.85, 0.15], high: &[0.1, 0.95, 0.15], rejects: none_rejected },
    goal_space: ([-0.3, 0.4, 0.1499], [-0.2, 0.5, 0.1501]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(DoorOpen::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DoorOpen {
    door: Door,
    target: Vec3,
}

impl DoorOpen {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { door: Door::find(model)?, target: [0.0; 3] })
    }
}

/// How ready the hand is to open the door: at the handle, and not in front of it on the way there.
fn ready(hand: Vec3, grip: Vec3) -> f64 {
    let radius = distance_xy(hand, grip);
    let floor =
        if radius <= FUNNEL_RADIUS { 0.0 } else { 0.04 * (radius - FUNNEL_RADIUS).ln() + 0.4 };
    let above =
        if hand[2] >= floor { 1.0 } else { tolerance(floor - hand[2], (0.0, 0.01), floor / 2.0) };
    let off = distance(sub(hand, grip), GRIP_TO_HAND);
    hamacher(above, tolerance(off, (0.0, FUNNEL_RADIUS / 2.0), 0.5))
}

/// How far the door is open, with a bonus for having moved it at all.
fn opened(angle: f64) -> f64 {
    let moved = if angle < AJAR { 0.2 } else { 0.0 };
    moved + 0.8 * tolerance(PI / 2.0 + PI / 6.0 + angle, (0.0, 0.5), PI / 3.0)
}

impl Scene for DoorOpen {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.door.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = add(stand(placement), STAND_TO_TARGET);
        world.mark_goal(self.target);
        self.door.turn_to(world, 0.0);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.door.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let handle = observation.object();
        let grab = f64::midpoint(action[3].clamp(-1.0, 1.0), 1.0);
        let ready = ready(observation.hand(), add(handle, HANDLE_TO_GRIP));
        let success = (handle[0] - self.target[0]).abs() <= SUCCESS_DISTANCE;
        let reward = if success {
            10.0
        } else {
            2.0 * hamacher(ready, grab) + 8.0 * opened(world.qpos(JOINT))
        };
        Verdict { reward, success }
    }
}
