//! The parts of a task. Each task is a file under `tasks/` and a line in the table there.

use mujoco_rs::prelude::MjModel;

use super::geometry::Vec3;
use super::observation::RawObservation;
use super::world::{HandBox, World};
use crate::env::{EnvironmentError, SeededRng};

/// The definition of a task, as listed in the table.
pub(super) struct Definition {
    /// Its name in the package, `reach-v3`.
    pub(super) name: &'static str,
    /// The robot's goal, in one sentence.
    pub(super) description: &'static str,
    /// The path of its model, relative to the folder of the assets.
    pub(super) model: &'static str,
    /// Where the hand starts, m.
    pub(super) hand_init: Vec3,
    /// The box that the hand's target may move in.
    pub(super) hand_box: HandBox,
    /// The space that random vectors are drawn from.
    pub(super) space: Space,
    /// The range that the goal part of an observation is clipped to after a step.
    pub(super) goal_space: (Vec3, Vec3),
    /// Whether resetting the hand may move or touch an object.
    pub(super) objects_in_the_way: bool,
    /// Whether success or reward depends on contact forces, which cost a full forward pass per
    /// step.
    pub(super) reads_contact_forces: bool,
    /// Finds the task's objects in the model.
    pub(super) build: fn(&MjModel) -> Result<Box<dyn Scene>, EnvironmentError>,
    /// The scripted controller that solves the task, if there is one.
    pub(super) expert: Option<fn() -> Box<dyn RawController>>,
}

/// The space of a task's random vector: a box, less the vectors that the task rejects.
pub(super) struct Space {
    pub(super) low: &'static [f64],
    pub(super) high: &'static [f64],
    /// Whether to reject a vector because object and goal are too close.
    pub(super) rejects: fn(&[f64]) -> bool,
}

impl Space {
    /// The first vector from the stream that the task does not reject. Components are drawn in
    /// order, and a rejected vector is redrawn as a whole.
    pub(super) fn draw(&self, rng: &mut SeededRng) -> Vec<f64> {
        loop {
            let bounds = self.low.iter().zip(self.high);
            let vector: Vec<f64> = bounds.map(|(&low, &high)| rng.uniform(low, high)).collect();
            if !(self.rejects)(&vector) {
                return vector;
            }
        }
    }

    /// Why a vector cannot place this task's objects, if it cannot.
    pub(super) fn misfit(&self, vector: &[f64]) -> Option<String> {
        let (n, expected) = (vector.len(), self.low.len());
        if n != expected {
            return Some(format!("its placement has {n} numbers instead of {expected}"));
        }
        let inside = |i: usize| (self.low[i]..=self.high[i]).contains(&vector[i]);
        (0..n).find(|&i| !inside(i)).map(|i| {
            let (low, high) = (self.low[i], self.high[i]);
            format!("number {i} of its placement is {}, not within {low} and {high}", vector[i])
        })
    }
}

/// The objects and the goal of one task.
pub(super) trait Scene: Send {
    /// Makes the changes to the model that are needed before the hand is reset.
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        let _ = (world, placement);
    }

    /// Places objects, goal and goal marker, after the hand has been reset.
    fn place(&mut self, world: &mut World, placement: &[f64]);

    /// Where the goal is, m.
    fn target(&self, world: &World) -> Vec3;

    /// The objects as observed: position and orientation of each, padded with zeros.
    fn objects(&self, world: &World) -> [f64; 14];

    /// The reward of a state, and whether it solves the task. `observation` is clipped.
    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict;
}

/// The evaluation of a state.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verdict {
    pub(super) reward: f64,
    pub(super) success: bool,
}

/// A controller that turns the raw observation into the raw action.
pub(super) trait RawController: Send {
    /// Forgets the previous episode.
    fn reset(&mut self) {}

    /// The action for an observation. Numbers beyond ±1 are clipped.
    fn act(&mut self, observation: &RawObservation) -> [f64; 4];
}
