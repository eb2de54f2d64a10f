//! Lock a door by turning its lock down.

use super::lock::{Lock, MODEL, Rules, SPACE, WEIGHTS};
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, norm, scale, sub};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{hamacher, tolerance};
use crate::env::metaworld::task::Definition;
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// The number of physics steps in which the lock settles before the episode begins.
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
    build: Lock::<Locking>::find,
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

/// The lock's end is pushed down.
struct Locking;

impl Rules for Locking {
    const END: &'static str = "lockStartLock";
    const AXIS_TO_TARGET: Vec3 = [0.0, -0.04, -0.1];
    const COORDINATE: usize = 2;

    fn place(world: &mut World) {
        world.let_settle(SETTLING_STEPS);
    }

    fn ready(world: &World, observation: &RawObservation, _: Vec3, end: Vec3) -> f64 {
        let to_finger = norm(scale(sub(end, world.left_pad()), WEIGHTS));
        // As in the reference, the margin is the current distance, not the initial one, so this
        // term grows as the finger approaches.
        let near = tolerance(to_finger, (0.0, 0.01), to_finger);
        hamacher(observation.opening().max(0.0), near)
    }
}
