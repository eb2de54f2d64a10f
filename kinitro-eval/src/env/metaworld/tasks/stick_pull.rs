//! Pull a thermos by its handle with a stick.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::puck::apart;
use super::stick::StickAndThermos;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, scaled_distance, sub};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, hamacher, in_place, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal the handle is a success, m.
const SUCCESS_RADIUS: f64 = 0.12;
/// The height of the goal, m.
const GOAL_HEIGHT: f64 = 0.02;
/// The initial coordinates of the thermos, m.
const THERMOS_INIT: [f64; 2] = [0.0, 0.09];
/// From the handle, and from the initial position of the thermos, to where the stick should go, m.
const BESIDE_HANDLE: Vec3 = [0.05, 0.0, 0.0];
/// From the middle of the stick to where it is gripped, m.
const BEHIND_MIDDLE: Vec3 = [-0.025, 0.0, 0.0];
/// From the handle to the middle of a stick that points at it, m.
const BEFORE_HANDLE: Vec3 = [-0.15, 0.0, 0.0];
/// From the handle to the middle of a stick inserted into it, m.
const THROUGH_HANDLE: Vec3 = [-0.02, 0.0, 0.0];
/// Differences in height count twice.
const SCALE: Vec3 = [1.0, 1.0, 2.0];

const CAGING: Caging = Caging {
    object_radius: 0.014,
    pad_threshold: 0.05,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::High,
};

/// Up, to where the stick points at the handle, in, and with the handle to the goal.
static PLAN: Plan = Plan {
    grip: |seen| add(seen.object(), BEHIND_MIDDLE),
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.13), near: 0.02 },
        Leg::Carry {
            to_go: |seen| sub(add(handle(seen), BEFORE_HANDLE), seen.object()),
            near: 0.015,
        },
        Leg::Carry {
            to_go: |seen| sub(add(handle(seen), THROUGH_HANDLE), seen.object()),
            near: 0.012,
        },
        Leg::Carry { to_go: with_handle_to_goal, near: 0.0 },
    ],
    ..Plan::USUAL
};

/// From the handle horizontally to the goal, m.
fn with_handle_to_goal(observation: &RawObservation) -> Vec3 {
    let [x, y, _] = sub(observation.goal(), handle(observation));
    [x, y, 0.0]
}

/// Where the handle is observed, m.
fn handle(observation: &RawObservation) -> Vec3 {
    observation.second_object()
}

pub(super) static DEFINITION: Definition = Definition {
    name: "stick-pull-v3",
    description: "pick the stick up, put it through the handle and pull the thermos to the goal marker",
    model: "sawyer_xyz/sawyer_stick_obj.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::from_low([-0.5, 0.35, 0.05]),
    space: Space {
        low: &[-0.1, 0.55, 0.0, 0.35, 0.45, 0.0199],
        high: &[0.0, 0.65, 0.001, 0.45, 0.55, 0.0201],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([0.35, 0.45, 0.0199], [0.45, 0.55, 0.0201]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(StickPull::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct StickPull {
    objects: StickAndThermos,
    stick_end: usize,
    stick_init: Vec3,
    thermos_init: Vec3,
    target: Vec3,
}

impl StickPull {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            objects: StickAndThermos::find(model)?,
            stick_end: object_id(model, MjtObjBase::mjOBJ_SITE, "stick_end")?,
            stick_init: [0.0; 3],
            thermos_init: [0.0; 3],
            target: [0.0; 3],
        })
    }

    /// Whether the end of the stick is through the handle.
    fn inserted(&self, world: &World, handle: Vec3) -> bool {
        let [x, y, z] = world.site_pos(self.stick_end);
        x >= handle[0] && (y - handle[1]).abs() <= 0.04 && (z - handle[2]).abs() <= 0.06
    }
}

impl Scene for StickPull {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = [placement[3], placement[4], GOAL_HEIGHT];
        self.stick_init = self.objects.place(world, placement, THERMOS_INIT);
        self.thermos_init = self.objects.thermos(world);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.objects.observe(world, self.objects.handle(world))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (stick, handle) = (observation.object(), observation.second_object());
        let opened = observation.opening() > 0.0;
        let beside = add(handle, BESIDE_HANDLE);
        let inserted = self.inserted(world, handle);
        let there = distance(handle, self.target) <= SUCCESS_RADIUS;
        let inserting = tolerance(
            scaled_distance(stick, beside, SCALE),
            (0.0, REWARD_RADIUS),
            scaled_distance(self.stick_init, add(self.thermos_init, BESIDE_HANDLE), SCALE),
        );
        let held =
            distance(stick, world.tcp()) < 0.02 && opened && stick[2] - 0.01 > self.stick_init[2];
        let reward = if !held {
            hamacher(CAGING.reward(world, stick, self.thermos_init, action), inserting)
        } else if !inserted {
            1.0 + hamacher(1.0, inserting) + 5.0 * inserting
        } else if there {
            10.0
        } else {
            let stick_placed = in_place(stick, self.target, self.stick_init, REWARD_RADIUS);
            let thermos_placed = in_place(beside, self.target, self.thermos_init, REWARD_RADIUS);
            6.0 + hamacher(1.0, inserting) + 2.0 * stick_placed + thermos_placed
        };
        Verdict { reward, success: there && inserted }
    }
}
