//! Put the lid on a box.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::Item;
use super::puck::{apart, object_and_goal};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, distance_xy, scaled_distance};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_above_goal, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{funnel, hamacher, tolerance, upright};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.08;
/// The height at which the lid starts, m.
const LID_HEIGHT: f64 = 0.02_f32 as f64;
/// From the lid to the bar for holding it, m.
const BAR: Vec3 = [0.0, 0.0, 0.08];
/// From the lid to where rewards expect the hand, m.
const GRIP: Vec3 = [0.0, 0.0, 0.02];
/// Height of that point above which the lid counts as lifted, m.
const LIFTED: f64 = 0.04;
/// The orientation of a lid that lies flat, w, x, y, z.
const FLAT: [f64; 4] = [0.707, 0.0, 0.0, 0.707];
/// The distance from that orientation at which it counts as lost.
const TILTED: f64 = 0.2;
/// The number of physics steps between placing the box and placing the lid.
const SETTLE_STEPS: usize = 5;

/// Over the wall of the box.
static PLAN: Plan = Plan {
    grip: |seen| add(seen.object(), BAR),
    grasp_steps: 30,
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.15), near: 0.03 },
        Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], 0.15), near: 0.03 },
        Leg::Carry { to_go: |seen| to_goal(seen, [0.0; 3]), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "box-close-v3",
    description: "pick the lid up by its knob and put it on the box",
    model: "sawyer_xyz/sawyer_box.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.5, 0.02, -0.1, 0.7, 0.133],
        high: &[0.05, 0.55, 0.02, 0.1, 0.8, 0.133],
        rejects: |placement| apart(placement) < 0.25,
    },
    goal_space: ([-0.1, 0.7, 0.133], [0.1, 0.8, 0.133]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(BoxClose::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct BoxClose {
    lid: Item,
    box_body: usize,
    /// The height of the box, which only moves along the table, m.
    box_height: f64,
    lid_init: Vec3,
    target: Vec3,
}

impl BoxClose {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let box_body = object_id(model, MjtObjBase::mjOBJ_BODY, "boxbody")?;
        Ok(Self {
            lid: Item::find(model, "top_link")?,
            box_body,
            box_height: model.body_pos()[box_body][2],
            lid_init: [0.0; 3],
            target: [0.0; 3],
        })
    }

    /// How ready the hand is to lift the lid: at its knob, approached from above.
    fn ready(hand: Vec3, knob: Vec3) -> f64 {
        let floor = funnel(distance_xy(hand, knob), 0.02, 0.04, 0.4);
        let above = if hand[2] >= floor {
            1.0
        } else {
            tolerance(floor - hand[2], (0.0, 0.01), floor / 2.0)
        };
        hamacher(above, tolerance(distance(hand, knob), (0.0, 0.02), 0.5))
    }
}

impl Scene for BoxClose {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        let (lid, target) = object_and_goal(placement);
        self.lid_init = [lid[0], lid[1], LID_HEIGHT];
        self.target = target;
        world.move_body(self.box_body, [target[0], target[1], self.box_height]);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        world.let_settle(SETTLE_STEPS);
        world.place_free_object(self.lid_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.lid.observe(world)
    }

    fn evaluate(&self, _: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (hand, lid) = (observation.hand(), observation.object());
        let knob = add(lid, GRIP);
        let effort = f64::midpoint(action[3].clamp(-1.0, 1.0), 1.0);
        let error = scaled_distance(self.target, knob, [1.0, 1.0, 3.0]);
        let lifted = 0.2 * f64::from(knob[2] > LIFTED) + 0.8 * tolerance(error, (0.0, 0.05), 0.25);
        let success = distance(lid, self.target) < RADIUS;
        let reward = if success {
            10.0
        } else {
            2.0 * hamacher(effort, Self::ready(hand, knob)) + 8.0 * lifted
        };
        Verdict { reward: reward * upright(observation.orientation(), FLAT, TILTED), success }
    }
}
