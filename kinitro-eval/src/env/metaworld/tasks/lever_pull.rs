//! Pull a lever up.

use std::f64::consts::PI;

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{JOINT, none_rejected, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::{Circle, GripperTo, Leg, Place, Route, Until};
use crate::env::metaworld::geometry::{Vec3, add, norm, quat_from_matrix, scale, sub};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{hamacher, in_place, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How long the lever is, m.
const LEVER_LENGTH: f64 = 0.2;
/// From the lever's foot to its end when it lies flat, m.
const STAND_TO_END: Vec3 = [0.12, -LEVER_LENGTH, 0.25];
/// From the lever's foot to its end when it points up, m.
const STAND_TO_TARGET: Vec3 = [0.12, 0.0, 0.25 + LEVER_LENGTH];
/// From the hand to the part of the gripper above the fingers, which does the lifting, m.
const HAND_TO_SHOULDER: Vec3 = [0.0, 0.055, 0.07];
/// The weight of each axis in the distance between gripper and lever: the gripper should get under
/// the lever before it runs into it.
const WEIGHTS: Vec3 = [4.0, 1.0, 4.0];
/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.04;
/// How near to upright is a success, rad.
const SUCCESS_ANGLE: f64 = PI / 24.0;

/// Gets under the lever with the gripper's shoulder and lifts it around its axis.
static ROUTE: &[Leg] = &[
    Leg {
        to: Place::FromStart([0.0, -0.1, -0.1]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::FromStart([0.0, 0.0, -0.08]),
        gripper: GripperTo::Close,
        until: Until::Within(0.03),
    },
    Leg {
        to: Place::Around(Circle {
            goal_to_axis: [0.0, 0.0, -0.2],
            plane: (1, 2),
            offset: [0.0, 0.02, -0.03],
            lead: -0.4,
        }),
        gripper: GripperTo::Close,
        until: Until::Steps(u32::MAX),
    },
];

pub(super) static DEFINITION: Definition = Definition {
    name: "lever-pull-v3",
    description: "pull the lever up until it points to the ceiling",
    model: "sawyer_xyz/sawyer_lever_pull.xml",
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::DEEP,
    space: Space { low: &[-0.1, 0.7, 0.0], high: &[0.1, 0.8, 0.0], rejects: none_rejected },
    goal_space: ([-0.5, 0.4, -0.15], [0.5, 1.0, 0.5]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(LeverPull::find(model)?)),
    expert: Some(|| Box::new(Route::of_shoulder(ROUTE))),
};

struct LeverPull {
    lever: usize,
    end: usize,
    end_geom: usize,
    end_init: Vec3,
    target: Vec3,
}

impl LeverPull {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            lever: object_id(model, MjtObjBase::mjOBJ_BODY, "lever")?,
            end: object_id(model, MjtObjBase::mjOBJ_SITE, "leverStart")?,
            end_geom: object_id(model, MjtObjBase::mjOBJ_GEOM, "objGeom")?,
            end_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for LeverPull {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        world.move_body(self.lever, stand(placement));
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.end_init = add(stand(placement), STAND_TO_END);
        self.target = add(stand(placement), STAND_TO_TARGET);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    /// Position of the lever's end, and its orientation (x, y, z, w).
    fn objects(&self, world: &World) -> [f64; 14] {
        let orientation = quat_from_matrix(world.geom_matrix(self.end_geom));
        observe(world.site_pos(self.end), orientation)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let end = observation.object();
        let off =
            |hand: Vec3, end: Vec3| norm(scale(sub(add(hand, HAND_TO_SHOULDER), end), WEIGHTS));
        let margin = off(world.init_tcp(), self.end_init);
        let ready = tolerance(off(observation.hand(), end), (0.0, 0.02), margin);
        let placed = in_place(end, self.target, self.end_init, REWARD_RADIUS);
        let angle = -world.qpos(JOINT);
        Verdict {
            reward: 10.0 * hamacher(ready, placed),
            success: (angle - PI / 2.0).abs() <= SUCCESS_ANGLE,
        }
    }
}
