//! One task being simulated: the state that both faces of the environment look at.

use std::sync::Arc;

use mujoco_rs::prelude::MjModel;

use super::task::{Definition, Scene, Verdict};
use super::world::{Command, World};
use crate::env::EnvironmentError;

/// Lower and upper bounds of what the hand and the gripper read in a clipped observation.
const FRAME_LOW: [f64; 4] = [-0.525, 0.348, -0.0525, -1.0];
const FRAME_HIGH: [f64; 4] = [0.525, 1.025, 0.7, 1.0];

pub(super) struct Simulation {
    definition: &'static Definition,
    world: World,
    scene: Box<dyn Scene>,
    /// Hand, gripper and objects of the step before.
    previous: [f64; 18],
    started: bool,
}

impl Simulation {
    pub(super) fn new(
        definition: &'static Definition,
        model: Arc<MjModel>,
    ) -> Result<Self, EnvironmentError> {
        let scene = (definition.build)(&model)?;
        let world = World::new(model, definition)?;
        Ok(Self { definition, world, scene, previous: [0.0; 18], started: false })
    }

    pub(super) fn definition(&self) -> &'static Definition {
        self.definition
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Whether there is an episode to speak of.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Starts an episode from a random vector and returns its first observation, not clipped.
    pub(super) fn reset(&mut self, placement: &[f64]) -> Result<[f64; 39], EnvironmentError> {
        self.started = false;
        let scene = &mut self.scene;
        self.world.reset(|world| scene.arrange(world, placement))?;
        self.scene.place(&mut self.world, placement);
        self.previous = self.frame();
        self.started = true;
        Ok(self.observe(self.previous))
    }

    /// One step. Returns the clipped observation and what the new state is worth.
    pub(super) fn step(
        &mut self,
        command: Command,
        action: &[f64; 4],
    ) -> Result<([f64; 39], Verdict), EnvironmentError> {
        if !self.started {
            return Err(EnvironmentError::NotReset);
        }
        self.world.step(command)?;
        let frame = self.frame();
        let mut observation = self.observe(frame);
        self.previous = frame;
        for start in [0, 18] {
            clip(&mut observation[start..start + 4], &FRAME_LOW, &FRAME_HIGH);
        }
        let (low, high) = &self.definition.goal_space;
        clip(&mut observation[36..], low, high);
        let verdict = self.scene.evaluate(&self.world, &observation, action);
        Ok((observation, verdict))
    }

    /// The observation of the current state, not clipped, without going on.
    pub(super) fn current(&self) -> [f64; 39] {
        self.observe(self.previous)
    }

    /// Hand, gripper and objects now.
    fn frame(&self) -> [f64; 18] {
        let mut frame = [0.0; 18];
        frame[..3].copy_from_slice(&self.world.hand());
        frame[3] = self.world.gripper_opening();
        frame[4..].copy_from_slice(&self.scene.objects(&self.world));
        frame
    }

    fn observe(&self, frame: [f64; 18]) -> [f64; 39] {
        let mut observation = [0.0; 39];
        observation[..18].copy_from_slice(&frame);
        observation[18..36].copy_from_slice(&self.previous);
        observation[36..].copy_from_slice(&self.scene.target(&self.world));
        observation
    }
}

fn clip(values: &mut [f64], low: &[f64], high: &[f64]) {
    for ((value, &low), &high) in values.iter_mut().zip(low).zip(high) {
        *value = value.max(low).min(high);
    }
}
