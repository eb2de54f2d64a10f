//! What the scripted experts are made of. They see the raw observation.

use super::geometry::{Vec3, add, distance, distance_xy, sub, vec3};
use super::task::RawController;

/// From the hand's place, which observations have, to the point between the fingertips, m.
const HAND_TO_TCP: Vec3 = [0.004, 0.0015, -0.045];

/// Action per metre of distance: full speed from 10 cm on, and slower the nearer the hand gets.
const GAIN: f64 = 10.0;

/// What the fingers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GripperTo {
    Open,
    Close,
}

/// The point between the fingertips.
pub(super) fn tcp(observation: &[f64; 39]) -> Vec3 {
    add(vec3(observation, 0), HAND_TO_TCP)
}

/// The action that moves the point between the fingertips straight to a place.
pub(super) fn towards(observation: &[f64; 39], place: Vec3, gripper: GripperTo) -> [f64; 4] {
    let [x, y, z] = sub(place, tcp(observation)).map(|metres| GAIN * metres);
    let grip = match gripper {
        GripperTo::Open => -1.0,
        GripperTo::Close => 1.0,
    };
    [x, y, z, grip]
}

/// Takes the object between the fingers and brings it to the goal.
pub(super) struct GraspAndCarry {
    /// How high the object is lifted before it is carried, m.
    lift: f64,
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
    /// Up, to clear the table.
    Lift,
    /// To the goal.
    Carry,
}

/// How far above the object the hand waits before it goes down, m.
const HOVER: f64 = 0.1;
/// Steps in which the fingers close.
const GRASP_STEPS: u32 = 20;
/// Farther than this from the fingers, the object has slipped away, m.
const LOST: f64 = 0.06;

impl GraspAndCarry {
    /// For a goal on the table.
    pub(super) fn along_the_table() -> Self {
        Self { lift: 0.0, phase: Phase::Hover }
    }

    /// For a goal in the air.
    pub(super) fn through_the_air() -> Self {
        Self { lift: 0.04, phase: Phase::Hover }
    }
}

impl RawController for GraspAndCarry {
    fn reset(&mut self) {
        self.phase = Phase::Hover;
    }

    fn act(&mut self, observation: &[f64; 39]) -> [f64; 4] {
        let (tcp, object, goal) = (tcp(observation), vec3(observation, 4), vec3(observation, 36));
        let aside = distance_xy(tcp, object);
        let lost = distance(tcp, object) > LOST;
        self.phase = match self.phase {
            Phase::Hover if aside < 0.015 => Phase::Descend,
            Phase::Descend if aside > 0.04 => Phase::Hover,
            Phase::Descend if tcp[2] - object[2] < 0.012 => Phase::Grasp(GRASP_STEPS),
            Phase::Grasp(0) => Phase::Lift,
            Phase::Grasp(steps) => Phase::Grasp(steps - 1),
            Phase::Lift | Phase::Carry if lost => Phase::Hover,
            Phase::Lift if tcp[2] >= self.lift => Phase::Carry,
            phase => phase,
        };
        match self.phase {
            Phase::Hover => towards(observation, add(object, [0.0, 0.0, HOVER]), GripperTo::Open),
            Phase::Descend => towards(observation, object, GripperTo::Open),
            Phase::Grasp(_) => towards(observation, object, GripperTo::Close),
            Phase::Lift => {
                let up = [tcp[0], tcp[1], self.lift + 0.05];
                towards(observation, up, GripperTo::Close)
            }
            Phase::Carry => {
                // What must come to the goal is the object, wherever between the fingers it is.
                let place = add(tcp, sub(goal, object));
                towards(observation, place, GripperTo::Close)
            }
        }
    }
}
