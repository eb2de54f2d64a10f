//! Experts that grip an object and carry it along a list of legs.

use super::expert::{GripperTo, over_the_wall, tcp, towards};
use super::geometry::{Vec3, add, distance, distance_xy, sub};
use super::observation::RawObservation;
use super::task::RawController;

/// How far to the side of the object the fingers may drift on the way down, m.
const ASIDE: f64 = 0.04;
/// How far above the target height the hand aims when lifting, so that it does not slow down, m.
const HASTE: f64 = 0.05;

/// One leg of a held object's path.
pub(super) enum Leg {
    /// Straight up, until the fingers are at this height, m.
    Lift(f64),
    /// To a place.
    Carry {
        /// The displacement from the object to that place, m.
        to_go: fn(&RawObservation) -> Vec3,
        /// The distance to it at which the leg ends, m. The last leg never ends.
        near: f64,
    },
}

/// How to grip an object, and where to carry it.
pub(super) struct Plan {
    /// Where the object is gripped, m.
    pub(super) grip: fn(&RawObservation) -> Vec3,
    /// How far above that place the hand waits before it goes down, m.
    pub(super) hover: f64,
    /// How far to its side the fingers may be when they start to go down, m.
    pub(super) aim: f64,
    /// How far above it the fingers may be when they close, m.
    pub(super) depth: f64,
    /// The number of steps in which the fingers close.
    pub(super) grasp_steps: u32,
    /// The distance from the fingers beyond which the object has slipped away, m.
    pub(super) lost: f64,
    /// Where the object is carried. There is at least one leg.
    pub(super) way: &'static [Leg],
}

impl Plan {
    /// The defaults of most plans, without legs.
    pub(super) const USUAL: Self = Self {
        grip: RawObservation::object,
        hover: 0.1,
        aim: 0.01,
        depth: 0.012,
        grasp_steps: 20,
        lost: 0.07,
        way: &[],
    };

    /// To a goal on the table.
    pub(super) const ALONG_THE_TABLE: Self =
        Self { way: &[Leg::Lift(0.0), TO_GOAL], ..Self::LOOSE };
    /// To a goal in the air.
    pub(super) const THROUGH_THE_AIR: Self =
        Self { way: &[Leg::Lift(LIFTED), TO_GOAL], ..Self::LOOSE };
    /// To a goal behind the wall of the tasks with a puck.
    pub(super) const OVER_THE_WALL: Self = Self {
        way: &[
            Leg::Lift(LIFTED),
            Leg::Carry {
                to_go: |seen| sub(over_the_wall(seen.object(), seen.goal()), seen.object()),
                near: 0.0,
            },
        ],
        ..Self::LOOSE
    };

    /// For small objects that need not be gripped exactly in the middle.
    const LOOSE: Self = Self { aim: 0.015, lost: 0.06, ..Self::USUAL };
}

/// The height at which a small object clears the table, m.
const LIFTED: f64 = 0.04;
/// Straight to the goal.
const TO_GOAL: Leg = Leg::Carry { to_go: |seen| sub(seen.goal(), seen.object()), near: 0.0 };

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
    /// Closing the fingers on it, for this many more steps.
    Grasp(u32),
    /// On the leg with this index.
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

    fn act(&mut self, observation: &RawObservation) -> [f64; 4] {
        let Plan { grip, hover, aim, depth, grasp_steps, lost, way } = *self.plan;
        let (tcp, place) = (tcp(observation), grip(observation));
        let aside = distance_xy(tcp, place);
        let over = |leg: &Leg| match leg {
            Leg::Lift(height) => tcp[2] >= *height,
            Leg::Carry { to_go, near } => distance(to_go(observation), [0.0; 3]) < *near,
        };
        self.phase = match self.phase {
            Phase::Hover if aside < aim => Phase::Descend,
            Phase::Descend if aside > ASIDE => Phase::Hover,
            Phase::Descend if tcp[2] - place[2] < depth => Phase::Grasp(grasp_steps),
            Phase::Grasp(0) => Phase::Carry(0),
            Phase::Grasp(steps) => Phase::Grasp(steps - 1),
            Phase::Carry(_) if distance(tcp, place) > lost => Phase::Hover,
            Phase::Carry(leg) if leg + 1 < way.len() && over(&way[leg]) => Phase::Carry(leg + 1),
            phase => phase,
        };
        match self.phase {
            Phase::Hover => towards(observation, add(place, [0.0, 0.0, hover]), GripperTo::Open),
            Phase::Descend => towards(observation, place, GripperTo::Open),
            Phase::Grasp(_) => towards(observation, place, GripperTo::Close),
            Phase::Carry(leg) => {
                let goal = match &way[leg] {
                    Leg::Lift(height) => [tcp[0], tcp[1], height + HASTE],
                    // It is the object that must arrive, wherever it is between the fingers.
                    Leg::Carry { to_go, .. } => add(tcp, to_go(observation)),
                };
                towards(observation, goal, GripperTo::Close)
            }
        }
    }
}

/// From the object to a place beside the goal, m.
pub(super) fn to_goal(observation: &RawObservation, beside: Vec3) -> Vec3 {
    sub(add(observation.goal(), beside), observation.object())
}

/// From the object straight up, or down, to a height, m.
pub(super) fn to_height(observation: &RawObservation, height: f64) -> Vec3 {
    [0.0, 0.0, height - observation.object()[2]]
}

/// From the object horizontally to above, or below, a place beside the goal, m.
pub(super) fn to_above_goal(observation: &RawObservation, beside: Vec3, height: f64) -> Vec3 {
    let [x, y, _] = to_goal(observation, beside);
    [x, y, height - observation.object()[2]]
}
