//! Unlock a door by turning its lock aside.

use super::lock::{Lock, MODEL, Rules, SPACE, WEIGHTS};
use super::mechanism::set_joint_at_rest;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, norm, scale, sub};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::Definition;
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// The angle at which the lock is locked, rad.
#[expect(clippy::approx_constant, reason = "the reference has a quarter turn with four decimals")]
const LOCKED: f64 = 1.5708;
/// From the hand to the part of the gripper above the fingers, which does the pushing, m.
const HAND_TO_SHOULDER: Vec3 = [0.0, 0.055, 0.07];

/// Goes down beside the lock and pushes it aside with the palm, twice if necessary: the fingers
/// would be in the way of the end that comes up.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([-0.1, -0.015, 0.03]),
        gripper: GripperTo::Open,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([-0.1, -0.015, -0.085]),
        gripper: GripperTo::Open,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.12, -0.015, -0.07]),
        gripper: GripperTo::Open,
        until: Until::Steps(100),
    },
    Leg {
        to: Place::FromStart([-0.1, -0.015, -0.085]),
        gripper: GripperTo::Open,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.12, -0.015, -0.05]),
        gripper: GripperTo::Open,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "door-unlock-v3",
    description: "unlock the door by turning its lock aside",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::DEEP,
    space: SPACE,
    goal_space: ([0.0, 0.64, 0.21], [0.2, 0.7, 0.2111]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: Lock::<Unlocking>::find,
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

/// The lock's end is pushed aside.
struct Unlocking;

impl Rules for Unlocking {
    const END: &'static str = "lockStartUnlock";
    const AXIS_TO_TARGET: Vec3 = [0.1, -0.04, 0.0];
    const COORDINATE: usize = 0;

    fn place(world: &mut World) {
        set_joint_at_rest(world, LOCKED);
    }

    fn ready(world: &World, observation: &RawObservation, axis: Vec3, end: Vec3) -> f64 {
        let off =
            |hand: Vec3, lock: Vec3| norm(scale(sub(add(hand, HAND_TO_SHOULDER), lock), WEIGHTS));
        tolerance(off(observation.hand(), end), (0.0, 0.02), off(world.init_tcp(), axis))
    }
}
