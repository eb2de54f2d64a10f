//! Push a thermos with a stick.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::puck::apart;
use super::stick::StickAndThermos;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, sub};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.12;
/// From the stick's origin to where it is gripped, m.
const GRIP: Vec3 = [0.015, 0.0, 0.0];
/// From the handle of the thermos to the point that is observed, m.
const BEHIND_HANDLE: Vec3 = [0.0, 0.09, 0.0];
/// The rise above its initial height from which the stick counts as lifted, m.
const LIFTED: f64 = 0.01;

const CAGING: Caging = Caging {
    object_radius: 0.04,
    pad_threshold: 0.05,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::High,
};

/// Up, to where the stick points at the thermos, and forward.
static PLAN: Plan = Plan {
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.1), near: 0.02 },
        Leg::Carry {
            to_go: |seen| sub([0.05, seen.second_object()[1], 0.1], seen.object()),
            near: 0.02,
        },
        Leg::Carry {
            to_go: |seen| sub([0.4, seen.second_object()[1], 0.1], seen.object()),
            near: 0.0,
        },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "stick-push-v3",
    description: "pick the stick up and push the thermos to the goal marker with it",
    model: "sawyer_xyz/sawyer_stick_obj.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.08, 0.58, 0.0, 0.399, 0.55, 0.1319],
        high: &[-0.03, 0.62, 0.001, 0.401, 0.6, 0.1321],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([0.399, 0.55, 0.1319], [0.401, 0.6, 0.1321]),
    objects_in_the_way: false,
    reads_contact_forces: true,
    build: |model| Ok(Box::new(StickPush::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct StickPush {
    objects: StickAndThermos,
    stick_geom: usize,
    pads: [usize; 2],
    stick_init: Vec3,
    thermos_init: Vec3,
    target: Vec3,
}

impl StickPush {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let geom = |name| object_id(model, MjtObjBase::mjOBJ_GEOM, name);
        Ok(Self {
            objects: StickAndThermos::find(model)?,
            stick_geom: geom("objGeom")?,
            pads: [geom("leftpad_geom")?, geom("rightpad_geom")?],
            stick_init: [0.0; 3],
            thermos_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for StickPush {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = [placement[3], placement[4], self.objects.handle(world)[2]];
        self.stick_init = self.objects.place(world, placement, [0.0, 0.0]);
        self.thermos_init = self.objects.thermos(world);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.objects.observe(world, add(self.objects.handle(world), BEHIND_HANDLE))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (stick, thermos) = (observation.object(), observation.second_object());
        let grip = add(stick, GRIP);
        let opened = observation.opening() > 0.0;
        let lifted = stick[2] - LIFTED > self.stick_init[2];
        let to_target = distance(thermos, self.target);
        let near = |point: Vec3, start: Vec3| {
            let margin = distance(start, self.target) - RADIUS;
            tolerance(distance(point, self.target), (0.0, RADIUS), margin)
        };
        let held = distance(grip, world.tcp()) < 0.02 && opened && lifted;
        let reward = if !held {
            CAGING.reward(world, grip, self.stick_init, action)
        } else if to_target <= RADIUS {
            10.0
        } else {
            2.0 + 5.0 * near(grip, self.stick_init) + 3.0 * near(thermos, self.thermos_init)
        };
        let gripped = self.pads.iter().all(|&pad| world.contact_force(pad, self.stick_geom) > 0.0);
        Verdict { reward, success: to_target <= RADIUS && gripped && opened && lifted }
    }
}
