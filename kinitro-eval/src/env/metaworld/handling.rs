//! Experts that take an object between the fingers and bring it along a list of places.

use super::expert::{GripperTo, tcp, towards};
use super::geometry::{Vec3, add, distance, distance_xy, sub, vec3};
use super::task::RawController;

/// How far aside of the object the fingers may be to begin to go down, m.
const ABOVE: f64 = 0.01;
/// How far aside of it they may come to be on the way down, m.
const ASIDE: f64 = 0.04;
/// Farther than this from the fingers, the object has slipped away, m.
const LOST: f64 = 0.07;

/// One part of the way of a held object.
pub(super) struct Leg {
    /// How far it has yet to go, m.
    pub(super) to_go: fn(&[f64; 39]) -> Vec3,
    /// How near is near enough to go on with the next part, m.
    pub(super) near: f64,
}

/// How an object is gripped, and where it goes then.
pub(super) struct Plan {
    /// Where the object is gripped, m.
    pub(super) grip: fn(&[f64; 39]) -> Vec3,
    /// How far above that place the hand waits before it goes down, m.
    pub(super) hover: f64,
    /// How near to it in height the fingers must come before they close, m.
    pub(super) depth: f64,
    /// Steps in which the fingers close.
    pub(super) grasp_steps: u32,
    /// The way of the object once it is held. The last part never ends.
    pub(super) way: &'static [Leg],
}

/// Follows a [`Plan`].
pub(super) struct Handling {
    plan: &'static Plan,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Above the object, with open fingers.
    Hover,
    /// Down, until the object is between the fingers.
    Descend,
    /// Wait for the fingers to close on it, for so many steps yet.
    Grasp(u32),
    /// On that part of the way.
    Carry(usize),
}

impl Handling {
    pub(super) fn new(plan: &'static Plan) -> Self {
        Self { plan, phase: Phase::Hover }
    }
}

impl RawController for Handling {
    fn reset(&mut self) {
        self.phase = Phase::Hover;
    }

    fn act(&mut self, observation: &[f64; 39]) -> [f64; 4] {
        let Plan { grip, hover, depth, grasp_steps, way } = *self.plan;
        let (tcp, place) = (tcp(observation), grip(observation));
        let aside = distance_xy(tcp, place);
        let arrived = |leg: &Leg| distance((leg.to_go)(observation), [0.0; 3]) < leg.near;
        self.phase = match self.phase {
            Phase::Hover if aside < ABOVE => Phase::Descend,
            Phase::Descend if aside > ASIDE => Phase::Hover,
            Phase::Descend if tcp[2] - place[2] < depth => Phase::Grasp(grasp_steps),
            Phase::Grasp(0) => Phase::Carry(0),
            Phase::Grasp(steps) => Phase::Grasp(steps - 1),
            Phase::Carry(_) if distance(tcp, place) > LOST => Phase::Hover,
            Phase::Carry(leg) if leg + 1 < way.len() && arrived(&way[leg]) => Phase::Carry(leg + 1),
            phase => phase,
        };
        match self.phase {
            Phase::Hover => towards(observation, add(place, [0.0, 0.0, hover]), GripperTo::Open),
            Phase::Descend => towards(observation, place, GripperTo::Open),
            Phase::Grasp(_) => towards(observation, place, GripperTo::Close),
            Phase::Carry(leg) => {
                let goal = add(tcp, (way[leg].to_go)(observation));
                towards(observation, goal, GripperTo::Close)
            }
        }
    }
}

/// Where the object is observed, m.
pub(super) fn object(observation: &[f64; 39]) -> Vec3 {
    vec3(observation, 4)
}

/// From the object to a place beside the goal, m.
pub(super) fn to_goal(observation: &[f64; 39], beside: Vec3) -> Vec3 {
    sub(add(vec3(observation, 36), beside), object(observation))
}

/// From the object straight up, or down, to a height, m.
pub(super) fn to_height(observation: &[f64; 39], height: f64) -> Vec3 {
    [0.0, 0.0, height - object(observation)[2]]
}

/// From the object level and straight to above, or below, a place beside the goal, m.
pub(super) fn to_above_goal(observation: &[f64; 39], beside: Vec3, height: f64) -> Vec3 {
    let [x, y, _] = to_goal(observation, beside);
    [x, y, height - object(observation)[2]]
}
