//! Unlock a door by turning its lock aside.

use mujoco_rs::prelude::MjModel;

use super::lock::{LOCK_LENGTH, Lock, MODEL, PRESSED, SPACE, SUCCESS_DISTANCE};
use super::mechanism::{observed, observed_hand, set_joint_at_rest};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, norm, scale, sub};
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::{Definition, Scene, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// The angle at which the lock is locked, rad.
#[expect(clippy::approx_constant, reason = "the reference has a quarter turn with four decimals")]
const LOCKED: f64 = 1.5708;
/// From the lock's axis to where its end is to go, m.
const LOCK_TO_TARGET: Vec3 = [0.1, -0.04, 0.0];
/// From the hand to the part of the gripper above the fingers, which is to push, m.
const HAND_TO_SHOULDER: Vec3 = [0.0, 0.055, 0.07];
/// How much each axis counts in the distance between gripper and lock.
const WEIGHTS: Vec3 = [0.25, 1.0, 0.5];

/// Goes down beside the lock and pushes it aside with the palm, twice if need be: fingers would be in
/// the way of the end that comes up.
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
    build: |model| Ok(Box::new(DoorUnlock::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DoorUnlock {
    lock: Lock,
    target: Vec3,
}

impl DoorUnlock {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { lock: Lock::find(model, "lockStartUnlock")?, target: [0.0; 3] })
    }
}

impl Scene for DoorUnlock {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.lock.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        set_joint_at_rest(world, LOCKED);
        self.target = add(self.lock.axis(world), LOCK_TO_TARGET);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.lock.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &[f64; 39], _: &[f64; 4]) -> Verdict {
        let end = observed(observation);
        let off =
            |hand: Vec3, lock: Vec3| norm(scale(sub(add(hand, HAND_TO_SHOULDER), lock), WEIGHTS));
        let margin = off(world.init_tcp(), self.lock.axis(world));
        let ready = tolerance(off(observed_hand(observation), end), (0.0, 0.02), margin);
        let to_target = (self.target[0] - end[0]).abs();
        let turned = tolerance(to_target, (0.0, PRESSED), LOCK_LENGTH);
        Verdict { reward: 2.0 * ready + 8.0 * turned, success: to_target <= SUCCESS_DISTANCE }
    }
}
