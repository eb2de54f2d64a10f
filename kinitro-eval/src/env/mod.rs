//! Environments: worlds a policy acts in.
//!
//! An [`Environment`] is one world, an [`EnvironmentFamily`] makes worlds of one kind, and a
//! [`Registry`] finds them by name. [`VecEnvironment`] runs many of them at once. A family of your own needs nothing from this crate but these
//! traits; see `examples/custom_environment.rs`.

#[cfg(feature = "mujoco")]
pub mod metaworld;
pub mod point;
mod pool;
mod registry;
mod seeding;

use std::collections::BTreeMap;

use kinitro_core::{Action, ActionError, ActionSpec, ChannelSpec, EnvId, Image, Observation, Seed};
use serde::{Deserialize, Serialize};

pub use pool::{Batch, PoolError, PoolOptions, Status, VecEnvironment};
pub use registry::Registry;
pub use seeding::TaskRng;

/// What an environment is: its name, what a policy sees and what it may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentSpec {
    /// The name it goes by.
    pub id: EnvId,
    /// What the robot has to do, in one sentence.
    pub description: String,
    /// The proprioceptive channels of every observation.
    pub observation: Vec<ChannelSpec>,
    /// The channels an action must have.
    pub action: ActionSpec,
    /// The cameras that [`Environment::render`] knows.
    pub cameras: Vec<CameraSpec>,
    /// Seconds of simulated time in one step.
    pub step_seconds: f64,
    /// How many steps an episode has when nobody says otherwise.
    pub max_steps: u32,
}

/// A camera of an environment. Its pictures are 8-bit RGB, upright and unmirrored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraSpec {
    /// The name it goes by.
    pub name: String,
    /// Rows of a picture.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl EnvironmentSpec {
    /// The camera of that name.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownCamera`] with the nearest names, or with all where none is near.
    pub fn camera(&self, name: &str) -> Result<&CameraSpec, EnvironmentError> {
        self.cameras.iter().find(|camera| camera.name == name).ok_or_else(|| {
            let known = || self.cameras.iter().map(|camera| camera.name.as_str());
            let mut names = nearest(name, known());
            if names.is_empty() {
                names = known().map(str::to_owned).collect();
            }
            let (env_id, camera) = (self.id.clone(), name.to_owned());
            EnvironmentError::UnknownCamera { env_id, camera, nearest: names }
        })
    }
}

/// One instance of an environment's problem: where things are, and how the world differs from the
/// nominal one. It grows from a seed, and says all there is to say: two resets to the same task
/// give the same episode for the same actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The environment it is a task of.
    pub env_id: EnvId,
    /// The seed it grew from.
    pub seed: Seed,
    /// The numbers that place objects and goals. Which is what, the environment knows.
    pub placement: Vec<f64>,
    /// What the friction coefficients of the nominal world are multiplied by.
    pub friction_scale: f64,
    /// What the joint damping of the nominal world is multiplied by.
    pub damping_scale: f64,
}

/// What came of one step.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// What the policy sees next. Without pictures: those are rendered for whoever asks.
    pub observation: Observation,
    /// The reward of this step.
    pub reward: f64,
    /// Whether the task is solved in the state that this step led to.
    pub success: bool,
}

/// One world. It lives on the thread that made it, since simulators and renderers often must.
pub trait Environment {
    /// What this environment is.
    fn spec(&self) -> &EnvironmentSpec;

    /// The task that grows from a seed: the same on every machine, whatever was done before.
    fn generate_task(&self, seed: Seed) -> Task;

    /// Puts the world into the initial state of a task and returns the first observation, without
    /// pictures.
    ///
    /// # Errors
    /// [`EnvironmentError::Task`] when the task is not one of this environment's; other kinds when
    /// the simulator fails.
    fn reset(&mut self, task: &Task) -> Result<Observation, EnvironmentError>;

    /// Lets the world go on by one step.
    ///
    /// # Errors
    /// [`EnvironmentError::Action`] when the action does not fit the specification (the policy's
    /// fault; the world has not moved), [`EnvironmentError::NotReset`] before the first reset,
    /// other kinds when the simulator fails.
    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError>;

    /// A picture of the current state.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownCamera`], or [`EnvironmentError::Render`] when the machine cannot
    /// draw.
    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError>;

    /// The whole state in numbers, for controllers that may see it ([`Controller`]) and for
    /// research. Policies that are judged never get it. `None` where an environment has no such
    /// thing.
    fn full_state(&self) -> Option<Vec<f64>> {
        None
    }
}

/// A scripted controller that sees the full state of one environment. It shows that a task can be
/// solved, and what a perfect policy would score.
pub trait Controller: Send {
    /// Forgets what it knew of the episode before.
    fn reset(&mut self) {}

    /// The action for a state as [`Environment::full_state`] gives it.
    fn act(&mut self, state: &[f64]) -> Action;
}

/// Makes the environments of one kind.
pub trait EnvironmentFamily: Send + Sync {
    /// The first part of the ids of its environments.
    fn name(&self) -> &str;

    /// The second parts, in the family's own order.
    fn tasks(&self) -> Vec<String>;

    /// Further names, each with the tasks it stands for: one for another name of a task, several
    /// for a group. A [`Registry`] knows them wherever it is asked for environments.
    fn aliases(&self) -> Vec<(String, Vec<String>)> {
        Vec::new()
    }

    /// What an environment is, without making it.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] for a name that is not among
    /// [`tasks`](Self::tasks).
    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError>;

    /// A new environment, independent of all others.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] for a name that is not among
    /// [`tasks`](Self::tasks); other kinds when the environment cannot be made on this machine.
    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError>;

    /// The scripted controller of an environment, where there is one.
    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        let _ = task;
        None
    }

    /// What results depend on beside this crate's version: simulator, assets, picture settings.
    /// It goes into the manifest of an evaluation, and results are only ever joined where it
    /// agrees.
    ///
    /// # Errors
    /// When the parts are not on this machine.
    fn provenance(&self) -> Result<BTreeMap<String, String>, EnvironmentError> {
        Ok(BTreeMap::new())
    }
}

/// Why an environment could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// No environment has that name.
    #[error("there is no environment `{name}`{}", nearest_names(.nearest))]
    UnknownEnvironment {
        /// The name that was asked for.
        name: String,
        /// Names that look like it.
        nearest: Vec<String>,
    },
    /// The environment has no such camera.
    #[error("`{env_id}` has no camera `{camera}`{}", nearest_names(.nearest))]
    UnknownCamera {
        /// The environment.
        env_id: EnvId,
        /// The camera that was asked for.
        camera: String,
        /// The names it could have been.
        nearest: Vec<String>,
    },
    /// The action does not fit the environment.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The task is not one of this environment's.
    #[error("the task does not fit `{env_id}`: {reason}")]
    Task {
        /// The environment.
        env_id: EnvId,
        /// What is wrong with it.
        reason: String,
    },
    /// `step` or `render` before `reset`.
    #[error("the environment was not reset")]
    NotReset,
    /// Model files are missing or damaged. The message says which, the hint how to get them.
    #[error("{problem}")]
    Assets {
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
    /// The simulator failed or its state is no longer meaningful.
    #[error("the simulation failed: {0}")]
    Simulation(String),
    /// No picture could be drawn.
    #[error("no picture could be drawn: {problem}")]
    Render {
        /// What is wrong.
        problem: String,
        /// What to do about it.
        hint: String,
    },
}

impl EnvironmentError {
    /// What the person at the keyboard can do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Assets { hint, .. } | Self::Render { hint, .. } => Some(hint),
            Self::UnknownEnvironment { .. } => Some("`kinitro env list` shows all environments"),
            _ => None,
        }
    }
}

fn nearest_names(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; did you mean {}?", names.join(" or ")) }
}

/// The few names most like the one that was asked for, best first.
pub(crate) fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<_> = known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(score, _)| *score > 0.7)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_camera_is_met_with_the_names_it_could_be() {
        let camera = |name: &str| CameraSpec { name: name.to_owned(), height: 1, width: 1 };
        let spec = EnvironmentSpec {
            id: "toy/point-v0".parse().unwrap(),
            description: String::new(),
            observation: Vec::new(),
            action: ActionSpec::default(),
            cameras: vec![camera("above"), camera("wrist")],
            step_seconds: 0.05,
            max_steps: 1,
        };
        assert_eq!(spec.camera("wrist").unwrap().name, "wrist");
        let said = |name: &str| spec.camera(name).unwrap_err().to_string();
        assert!(
            said("abov").ends_with("no camera `abov`; did you mean above?"),
            "{}",
            said("abov")
        );
        assert!(said("x").ends_with("did you mean above or wrist?"), "{}", said("x"));
    }
}
