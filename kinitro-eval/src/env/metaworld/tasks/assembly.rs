//! Put a ring over a peg.

use super::puck::{apart, object_and_goal};
use super::wrench::{LIFTED, Layout, MODEL, Rules, WrenchAndPeg, caging};
use crate::env::metaworld::geometry::{Vec3, distance_xy, norm, sub};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::reward::{Caging, Density, funnel, tolerance};
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// The distance from the peg's axis within which the ring is over the peg, m.
const RADIUS: f64 = 0.02;
/// The same, for the reward of a ring that is not over the peg yet, m.
const APPROACH_RADIUS: f64 = 0.01;

/// Up, over the peg, and down.
static PLAN: Plan = Plan {
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.2), near: 0.02 },
        Leg::Carry { to_go: |seen| ring_to_goal(seen, 0.06), near: 0.01 },
        Leg::Carry { to_go: |seen| ring_to_goal(seen, -0.03), near: 0.0 },
    ],
    ..Plan::USUAL
};

/// From the ring, at the end of a level wrench, to a height above the goal, m.
fn ring_to_goal(observation: &RawObservation, height: f64) -> Vec3 {
    to_goal(observation, [0.13, 0.0, height])
}

pub(super) static DEFINITION: Definition = Definition {
    name: "assembly-v3",
    description: "pick the wrench up by its handle and put its ring over the peg",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.6, 0.02, -0.1, 0.75, 0.1],
        high: &[0.0, 0.6, 0.02, 0.1, 0.85, 0.1],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([-0.1, 0.75, 0.1], [0.1, 0.85, 0.1]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: WrenchAndPeg::<Assembly>::find,
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

/// The ring goes over the peg.
struct Assembly;

impl Rules for Assembly {
    const CAGING: Caging = caging(Density::Medium { reach_radius: 0.01 });

    fn layout(placement: &[f64]) -> Layout {
        let (wrench, target) = object_and_goal(placement);
        Layout { wrench, peg: sub(target, [0.0, 0.0, 0.05]), marker: target, target }
    }

    /// The ring is placed well at the surface of a funnel that leads over the peg and widens once the
    /// ring is there.
    fn judge(target: Vec3, ring: Vec3, _: Vec3) -> (bool, f64) {
        let success = distance_xy(target, ring) < RADIUS && target[2] - ring[2] > 0.0;
        let [x, y, _] = sub(target, ring);
        let radius = norm([x, y]);
        let inner = if success { RADIUS } else { APPROACH_RADIUS };
        let height = funnel(radius, inner, 0.02, 0.2);
        let error = norm([x, y, 3.0 * (height - ring[2])]);
        let lifted = ring[2] > LIFTED || radius < inner;
        (success, 0.1 * f64::from(lifted) + 0.9 * tolerance(error, (0.0, 0.02), 0.4))
    }
}
