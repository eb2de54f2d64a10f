//! Turn a dial.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{JOINT, approach, approach_gaussian, none_rejected, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{closing, hamacher};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// From the dial's axis to its mark, m.
const DIAL_RADIUS: f64 = 0.05;
/// From the dial's foot to the mark's goal, m.
const STAND_TO_TARGET: Vec3 = [0.0, 0.03, 0.03];
/// From the mark to where the gripper should push, m.
const MARK_TO_PUSH: Vec3 = [0.05, 0.02, 0.09];
/// How near to the goal is a success, m.
const RADIUS: f64 = 0.07;
/// How near the gripper must be to where it should push, m.
const REACH_RADIUS: f64 = 0.005;

/// Pushes the dial's nose round from the right.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.06, 0.01, 0.12]),
        gripper: GripperTo::Close,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::FromStart([0.06, 0.01, 0.05]),
        gripper: GripperTo::Close,
        until: Until::Within(0.02),
    },
    Leg {
        to: Place::Around(Circle {
            goal_to_axis: [0.0, -0.03, -0.03],
            plane: (0, 1),
            offset: [0.0, 0.01, 0.05],
            lead: -0.8,
        }),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "dial-turn-v3",
    description: "turn the dial half around",
    model: "sawyer_xyz/sawyer_dial.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.7, 0.0], high: &[0.1, 0.8, 0.0], rejects: none_rejected },
    goal_space: ([-0.1, 0.73, 0.0299], [0.1, 0.83, 0.0301]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(DialTurn::find(model)?)),
    expert: Some(|| Box::new(Route::of_fingers(ROUTE))),
};

struct DialTurn {
    dial: usize,
    push_init: Vec3,
    target: Vec3,
}

impl DialTurn {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            dial: object_id(model, MjtObjBase::mjOBJ_BODY, "dial")?,
            push_init: [0.0; 3],
            target: [0.0; 3],
        })
    }

    /// Where the mark on the dial's rim is, m.
    fn mark(&self, world: &World) -> Vec3 {
        let (sin, cos) = world.qpos(JOINT).sin_cos();
        add(world.body_pos(self.dial), [sin * DIAL_RADIUS, -cos * DIAL_RADIUS, 0.0])
    }
}

impl Scene for DialTurn {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        world.move_body(self.dial, stand(placement));
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = add(stand(placement), STAND_TO_TARGET);
        world.mark_goal(self.target);
        self.push_init = add(self.mark(world), MARK_TO_PUSH);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        observe(self.mark(world), world.body_quat(self.dial))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let mark = observation.object();
        let to_target = distance(mark, self.target);
        let placed = approach(to_target, RADIUS, distance(self.push_init, self.target));
        let reached = approach_gaussian(
            distance(add(mark, MARK_TO_PUSH), world.tcp()),
            REACH_RADIUS,
            distance(self.push_init, world.init_tcp()),
        );
        let reward = 10.0 * hamacher(hamacher(reached, closing(action)), placed);
        Verdict { reward, success: to_target <= RADIUS }
    }
}
