//! The environment as the Python package defines it.

use super::observation::RawObservation;
use super::simulation::Simulation;
use super::task::Verdict;
use super::world::Command;
use crate::env::EnvironmentError;

/// The number of steps after which an episode ends.
const HORIZON: u32 = 500;

/// The raw face of a MetaWorld task: four numbers in, thirty-nine numbers and a reward out, equal
/// to the Python package's with the same libraries.
///
/// An action is `[dx, dy, dz, grip]`: the displacement of the hand's target in units of 1 cm, each
/// clipped to ±1, and the closing of the gripper, -1 to 1. See [`RawObservation`] for the output.
///
/// Policies under evaluation never see this face. It is for research, for the reference's
/// recordings and for scripted controllers.
pub struct RawEnvironment {
    simulation: Simulation,
    steps: u32,
}

/// The result of a raw step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct RawTransition {
    /// The observation, clipped to the observation space.
    pub observation: RawObservation,
    /// The package's V2 reward, 0 to 10.
    pub reward: f64,
    /// Whether the current state solves the task; earlier successes do not count.
    pub success: bool,
    /// Whether the episode ends with this step, the 500th.
    pub truncated: bool,
}

impl RawEnvironment {
    pub(super) fn new(simulation: Simulation) -> Self {
        Self { simulation, steps: 0 }
    }

    /// Starts an episode from a task's random vector and returns the first observation, which the
    /// package does not clip.
    ///
    /// # Errors
    /// [`EnvironmentError::Scenario`] when the vector does not have the task's length or holds a
    /// number outside the task's space.
    pub fn reset(&mut self, placement: &[f64]) -> Result<RawObservation, EnvironmentError> {
        let definition = self.simulation.definition();
        if let Some(reason) = definition.space.misfit(placement) {
            return Err(EnvironmentError::Scenario {
                env_id: super::env_id(definition.name),
                reason,
            });
        }
        self.steps = 0;
        self.simulation.reset(placement)
    }

    /// Takes a step with an action in double precision.
    ///
    /// # Errors
    /// [`EnvironmentError::NotReset`] before the first reset and after 500 steps,
    /// [`EnvironmentError::Simulation`] when the action is not finite or the physics breaks down.
    pub fn step(&mut self, action: [f64; 4]) -> Result<RawTransition, EnvironmentError> {
        self.take(Command::new(&action), action)
    }

    /// Takes a step with an action in single precision, as from a neural policy: the package then
    /// rounds the displacement to single precision, which changes the physics.
    ///
    /// # Errors
    /// As for [`step`](Self::step).
    pub fn step_f32(&mut self, action: [f32; 4]) -> Result<RawTransition, EnvironmentError> {
        self.take(Command::new_f32(&action), action.map(f64::from))
    }

    fn take(
        &mut self,
        command: Command,
        action: [f64; 4],
    ) -> Result<RawTransition, EnvironmentError> {
        if !action.iter().all(|x| x.is_finite()) {
            return Err(EnvironmentError::Simulation(format!(
                "the action {action:?} is not finite"
            )));
        }
        if self.steps >= HORIZON {
            return Err(EnvironmentError::NotReset);
        }
        let (observation, Verdict { reward, success }) = self.simulation.step(command, &action)?;
        self.steps += 1;
        Ok(RawTransition { observation, reward, success, truncated: self.steps == HORIZON })
    }

    /// The generalised positions: arm, fingers, objects. Radians and metres.
    pub fn qpos(&self) -> &[f64] {
        self.simulation.world().physics().data().qpos()
    }

    /// The generalised velocities.
    pub fn qvel(&self) -> &[f64] {
        self.simulation.world().physics().data().qvel()
    }
}

/// The physics of an environment without the environment, for measurements.
#[cfg(feature = "bench")]
pub(crate) struct BarePhysics {
    data: mujoco_rs::prelude::MjData<std::sync::Arc<mujoco_rs::prelude::MjModel>>,
    hand_box: super::world::HandBox,
}

#[cfg(feature = "bench")]
impl RawEnvironment {
    /// An independent copy of the state.
    pub(crate) fn bare(&self) -> BarePhysics {
        let physics = self.simulation.world().physics();
        let mut data = mujoco_rs::prelude::MjData::new(std::sync::Arc::clone(physics.nominal()));
        physics.data().copy_to(&mut data).expect("both are of the same model");
        BarePhysics { data, hand_box: self.simulation.definition().hand_box }
    }
}

#[cfg(feature = "bench")]
impl BarePhysics {
    /// The minimum work of a step: moving the hand's target, five physics steps and a forward pass.
    pub(crate) fn step(&mut self, action: &[f64; 4]) {
        Command::new(action).carry_out(&mut self.data, self.hand_box);
        self.data.forward();
    }
}

impl std::fmt::Debug for RawEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawEnvironment")
            .field("task", &self.simulation.definition().name)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
