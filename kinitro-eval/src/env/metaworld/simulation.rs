//! A simulated task: the state behind both faces of the environment.

use std::sync::Arc;

use mujoco_rs::prelude::MjModel;

use super::observation::{Frame, RawObservation, frame};
use super::task::{Definition, Scene, Verdict};
use super::world::{Command, World};
use crate::env::EnvironmentError;

pub(super) struct Simulation {
    definition: &'static Definition,
    world: World,
    scene: Box<dyn Scene>,
    /// Hand, gripper and objects at the previous step.
    previous: Frame,
    started: bool,
}

impl Simulation {
    pub(super) fn new(
        definition: &'static Definition,
        model: Arc<MjModel>,
    ) -> Result<Self, EnvironmentError> {
        let scene = (definition.build)(&model)?;
        let world = World::new(model, definition)?;
        Ok(Self { definition, world, scene, previous: Frame::default(), started: false })
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

    /// Whether an episode has begun.
    pub(super) fn started(&self) -> bool {
        self.started
    }

    /// Starts an episode from a random vector. Returns its first observation, unclipped.
    pub(super) fn reset(&mut self, placement: &[f64]) -> Result<RawObservation, EnvironmentError> {
        self.started = false;
        let scene = &mut self.scene;
        self.world.reset(|world| scene.arrange(world, placement))?;
        self.scene.place(&mut self.world, placement);
        self.previous = self.frame();
        self.started = true;
        Ok(self.observe(self.previous))
    }

    /// Takes one step. Returns the clipped observation and the verdict on the new state.
    pub(super) fn step(
        &mut self,
        command: Command,
        action: &[f64; 4],
    ) -> Result<(RawObservation, Verdict), EnvironmentError> {
        if !self.started {
            return Err(EnvironmentError::NotReset);
        }
        self.world.step(command)?;
        let frame = self.frame();
        let mut observation = self.observe(frame);
        self.previous = frame;
        observation.clip(&self.definition.goal_space);
        let verdict = self.scene.evaluate(&self.world, &observation, action);
        Ok((observation, verdict))
    }

    /// The unclipped observation of the current state, without taking a step.
    pub(super) fn current(&self) -> RawObservation {
        self.observe(self.previous)
    }

    /// Hand, gripper and objects now.
    fn frame(&self) -> Frame {
        let world = &self.world;
        frame(world.hand(), world.gripper_opening(), self.scene.objects(world))
    }

    fn observe(&self, frame: Frame) -> RawObservation {
        RawObservation::new(frame, self.previous, self.scene.target(&self.world))
    }
}
