//! Lock a door by turning its lock down.

use mujoco_rs::prelude::MjModel;

use super::lock::{LOCK_LENGTH, Lock, MODEL, PRESSED, SPACE, SUCCESS_DISTANCE};
use super::mechanism::observed;
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, norm, scale, sub};
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// From the lock's axis to where its end is to go, m.
const LOCK_TO_TARGET: Vec3 = [0.0, -0.04, -0.1];
/// How much each axis counts in the distance between finger and lock.
const WEIGHTS: Vec3 = [0.25, 1.0, 0.5];
/// Physics steps in which the lock settles before the episode begins.
const SETTLING_STEPS: usize = 5;

/// Pushes the end of the lock down from above, around its axis.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([-0.015, 0.0, 0.1]),
        gripper: GripperTo::Close,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::Around(Circle {
            goal_to_axis: [0.0, 0.04, 0.1],
            plane: (2, 0),
            offset: [-0.015, 0.0, 0.02],
            lead: 0.8,
        }),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "door-lock-v3",
    description: "lock the door by turning its lock down",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::DEEP,
    space: SPACE,
    goal_space: ([-0.5, 0.4, -0.15], [0.5, 1.0, 0.5]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(DoorLock::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DoorLock {
    lock: Lock,
    target: Vec3,
}

impl DoorLock {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self { lock: Lock::find(model, "lockStartLock")?, target: [0.0; 3] })
    }
}

impl Scene for DoorLock {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        self.lock.arrange(world, placement);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        world.let_settle(SETTLING_STEPS);
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
        let opening = observation[3].max(0.0);
        let to_finger = norm(scale(sub(end, world.left_pad()), WEIGHTS));
        // The margin is the present distance, not the one at the beginning: so it is in the
        // reference, and this term grows as the finger comes near.
        let near = tolerance(to_finger, (0.0, 0.01), to_finger);
        let to_target = (self.target[2] - end[2]).abs();
        let turned = tolerance(to_target, (0.0, PRESSED), LOCK_LENGTH);
        Verdict {
            reward: 2.0 * hamacher(opening, near) + 8.0 * turned,
            success: to_target <= SUCCESS_DISTANCE,
        }
    }
}
