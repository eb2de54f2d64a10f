//! Drive a nail in with a hammer.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::{Item, two_objects};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, sub, vec3};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, tolerance, upright};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// Where the block with the nail is, m.
const BLOCK: Vec3 = [0.24, 0.85, 0.0];
/// The index of the nail's coordinate, after the seven of the hammer.
const NAIL_QPOS: usize = 16;
/// The height of the nail, m.
const NAIL_HEIGHT: f64 = 0.11;
/// From the middle of the hammer to where it is gripped, m: near the head, which is heavy.
const NEAR_HEAD: Vec3 = [0.09, 0.0, 0.0];
/// Where the hammer's head faces the nail, and where it would be with the nail driven in, m.
const BEFORE_NAIL: Vec3 = [0.08, 0.5, NAIL_HEIGHT];
const BEYOND_NAIL: Vec3 = [0.08, 0.75, NAIL_HEIGHT];
/// How far the nail must be driven in, m.
const DRIVEN: f64 = 0.09;
/// From the hammer's origin to its head, m.
const HEAD: Vec3 = [0.16, 0.06, 0.0];
/// Half the length of the handle, m.
const GRIPPED_WITHIN: f64 = 0.07;
/// Height of the head above which the hammer counts as lifted, m.
const LIFTED: f64 = 0.02;
/// The orientation of a hammer lying on the table, w, x, y, z.
const LEVEL: [f64; 4] = [1.0, 0.0, 0.0, 0.0];
/// The distance from that orientation at which the reward for it reaches 0.
const TILTED: f64 = 0.4;
/// The reward above which the nail counts as driven in by the hammer.
const FAIR_PLAY: f64 = 5.0;

const CAGING: Caging = Caging {
    object_radius: 0.015,
    pad_threshold: 0.02,
    xz_threshold: 0.01,
    effort: 1.0,
    density: Density::High,
};

/// Up, in front of the nail, and against it.
static PLAN: Plan = Plan {
    grip: |seen| add(seen.object(), NEAR_HEAD),
    grasp_steps: 30,
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, NAIL_HEIGHT), near: 0.02 },
        Leg::Carry { to_go: |seen| sub(BEFORE_NAIL, seen.object()), near: 0.02 },
        Leg::Carry { to_go: |seen| sub(BEYOND_NAIL, seen.object()), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "hammer-v3",
    description: "pick the hammer up and drive the nail in with it",
    model: "sawyer_xyz/sawyer_hammer.xml",
    hand_init: [0.0, 0.4, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.4, 0.0], high: &[0.1, 0.5, 0.0], rejects: |_| false },
    goal_space: ([0.2399, 0.7399, 0.109], [0.2401, 0.7401, 0.111]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Hammer::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct Hammer {
    hammer: Item,
    nail: Item,
    block: usize,
    goal: usize,
    hammer_init: Vec3,
    target: Vec3,
}

impl Hammer {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            hammer: Item::find(model, "hammer")?,
            nail: Item::find(model, "nail_link")?,
            block: object_id(model, MjtObjBase::mjOBJ_BODY, "box")?,
            goal: object_id(model, MjtObjBase::mjOBJ_SITE, "goal")?,
            hammer_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for Hammer {
    fn arrange(&mut self, world: &mut World, _: &[f64]) {
        world.move_body(self.block, BLOCK);
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        self.target = world.site_pos(self.goal);
        self.hammer_init = vec3(placement, 0);
        world.place_free_object(self.hammer_init);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let observe = |item: &Item| (item.pos(world), item.quat(world));
        two_objects(observe(&self.hammer), observe(&self.nail))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let hammer = observation.object();
        let head = add(hammer, HEAD);
        let mut gripped = hammer;
        // The handle may be gripped anywhere along its length, which is along x.
        if (hammer[0] - observation.hand()[0]).abs() < GRIPPED_WITHIN {
            gripped[0] = observation.hand()[0];
        }
        let grasp = CAGING.reward(world, gripped, self.hammer_init, action);
        let near = tolerance(distance(self.target, head), (0.0, 0.02), 0.2);
        let placed = 0.1 * f64::from(head[2] > LIFTED) + 0.9 * near;
        let level = upright(observation.orientation(), LEVEL, TILTED);
        let mut reward = (2.0 * grasp + 6.0 * placed) * level;
        let success = world.qpos(NAIL_QPOS) > DRIVEN;
        if success && reward > FAIR_PLAY {
            reward = 10.0;
        }
        Verdict { reward, success }
    }
}
