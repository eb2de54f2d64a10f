//! Environments: the worlds that policies act in.
//!
//! An [`Environment`] is one world, an [`EnvironmentFamily`] makes the worlds of one kind, and a
//! [`Registry`] finds them by name. [`VecEnvironment`] runs many of them at once. A family of your
//! own needs nothing from this crate but these traits; see `examples/custom_environment.rs`.
//!
//! Three words are kept apart. The *task name* is the second half of an environment's id
//! (`reach-v3`). A [`Scenario`] is one instance of its problem, grown from a seed. An *episode* is
//! one attempt at a scenario.

mod assets;
#[cfg(feature = "mujoco")]
pub mod metaworld;
pub mod point;
mod pool;
mod registry;
mod scenario;
mod seeding;

use std::collections::BTreeMap;

use kinitro_core::{
    Action, ActionError, ActionSpec, ChannelSpec, DepthImage, EnvId, Image, Observation, Seed,
};
use serde::{Deserialize, Serialize};

pub use assets::{AssetsError, AssetsErrorKind};
pub use pool::{Batch, PoolError, PoolOptions, SlotStatus, VecEnvironment};
pub use registry::Registry;
pub use scenario::Scenario;
pub use seeding::SeededRng;

/// What an environment is: its name, what a policy observes and what it may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnvironmentSpec {
    /// The environment's name, `family/task`.
    pub id: EnvId,
    /// What the robot has to do, in one sentence.
    pub description: String,
    /// The proprioceptive channels of every observation.
    pub observation: Vec<ChannelSpec>,
    /// The channels that an action must have.
    pub action: ActionSpec,
    /// The cameras that [`Environment::render`] knows.
    pub cameras: Vec<CameraSpec>,
    /// Simulated time per step, s.
    pub step_seconds: f64,
    /// Steps after which an episode is over, unless an evaluation sets another limit.
    pub max_steps: u32,
}

/// A camera of an environment. Its pictures are 8-bit RGB, upright and not mirrored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CameraSpec {
    /// The camera's name on the wire.
    pub name: String,
    /// Rows of a picture.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Whether it measures depth too: [`Environment::render_depth`] gives a depth picture of the
    /// same size, and observations with its picture have both.
    #[serde(default, skip_serializing_if = "is_false")]
    pub depth: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl CameraSpec {
    /// A camera with pictures of that many rows and pixels in a row, without depth.
    pub fn new(name: impl Into<String>, height: usize, width: usize) -> Self {
        Self { name: name.into(), height, width, depth: false }
    }

    /// The same camera, measuring depth too.
    #[must_use]
    pub fn with_depth(mut self) -> Self {
        self.depth = true;
        self
    }
}

impl EnvironmentSpec {
    /// An environment with that action, which observes nothing yet and has no cameras; a step of
    /// 50 ms and at most 500 of them an episode.
    pub fn new(id: EnvId, description: impl Into<String>, action: ActionSpec) -> Self {
        Self {
            id,
            description: description.into(),
            observation: Vec::new(),
            action,
            cameras: Vec::new(),
            step_seconds: 0.05,
            max_steps: 500,
        }
    }

    /// The same with these proprioceptive channels.
    #[must_use]
    pub fn with_observation(mut self, channels: impl IntoIterator<Item = ChannelSpec>) -> Self {
        self.observation = channels.into_iter().collect();
        self
    }

    /// The same with these cameras.
    #[must_use]
    pub fn with_cameras(mut self, cameras: impl IntoIterator<Item = CameraSpec>) -> Self {
        self.cameras = cameras.into_iter().collect();
        self
    }

    /// The same with that much simulated time per step, s.
    #[must_use]
    pub fn with_step_seconds(mut self, seconds: f64) -> Self {
        self.step_seconds = seconds;
        self
    }

    /// The same with episodes of that many steps.
    #[must_use]
    pub fn with_max_steps(mut self, steps: u32) -> Self {
        self.max_steps = steps;
        self
    }

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

/// How an episode stands after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeStatus {
    /// It goes on.
    Running,
    /// It is over: the state that the step led to solves the scenario.
    Success,
    /// It is over: the scenario can no longer be solved. The robot fell, or dropped what it should
    /// carry. Running out of steps is not the environment's business: whoever runs the episode
    /// counts them.
    Failure,
}

/// The result of one step.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// What the policy observes next, without pictures: those are rendered on demand.
    pub observation: Observation,
    /// The reward of this step.
    pub reward: f64,
    /// Whether the episode is over, and how it ended.
    pub status: EpisodeStatus,
}

impl Transition {
    /// A step after which the episode stands as `status` says.
    pub fn new(observation: Observation, reward: f64, status: EpisodeStatus) -> Self {
        Self { observation, reward, status }
    }

    /// A step after which the episode is over if it is solved, and goes on if not.
    pub fn solved_if(solved: bool, observation: Observation, reward: f64) -> Self {
        let status = if solved { EpisodeStatus::Success } else { EpisodeStatus::Running };
        Self::new(observation, reward, status)
    }
}

/// One world. It lives on the thread that made it, since simulators and renderers often must.
pub trait Environment {
    /// What this environment is.
    fn spec(&self) -> &EnvironmentSpec;

    /// The scenario that grows from a seed: the same on every machine, whatever was done before.
    ///
    /// # Errors
    /// When no scenario can be made of it. Those that a seed gives by chance should be drawn again,
    /// from the same [`SeededRng`], instead.
    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError>;

    /// Puts the world into the initial state of a scenario and returns the first observation,
    /// without pictures.
    ///
    /// # Errors
    /// [`EnvironmentError::Scenario`] when the scenario belongs to another environment or its
    /// parameters do not fit; other kinds when the simulator fails.
    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError>;

    /// Advances the world by one step.
    ///
    /// Once a step has ended the episode, whoever runs it resets the world before the next one. A
    /// step that is taken all the same must not panic: the world may go on, or refuse with
    /// [`EnvironmentError::NotReset`]. After a [failure](EpisodeStatus::Failure) it may only go on
    /// failing.
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

    /// A depth picture of the current state, from a camera whose specification
    /// [has depth](CameraSpec::depth).
    ///
    /// # Errors
    /// As for [`render`](Self::render), and [`EnvironmentError::NoDepth`] for a camera without
    /// depth, which is what an environment has that does not implement this.
    fn render_depth(&mut self, camera: &str) -> Result<DepthImage, EnvironmentError> {
        let spec = self.spec();
        spec.camera(camera)?;
        Err(EnvironmentError::NoDepth { env_id: spec.id.clone(), camera: camera.to_owned() })
    }

    /// The whole state in numbers, for scripted experts ([`Controller`]) and for research. Policies
    /// that are judged never see it. `None` before the first reset, and for an environment without
    /// such numbers.
    fn full_state(&self) -> Option<Vec<f64>> {
        None
    }
}

/// A scripted expert: it sees the full state of one environment, and shows that its scenarios can be
/// solved. It is a yardstick, not a policy; see
/// [`Evaluation::of_experts`](crate::Evaluation::of_experts).
pub trait Controller: Send {
    /// Forgets the previous episode.
    fn reset(&mut self) {}

    /// The action for a state as [`Environment::full_state`] gives it.
    fn act(&mut self, state: &[f64]) -> Action;
}

/// Makes the environments of one kind.
pub trait EnvironmentFamily: Send + Sync {
    /// The first half of the ids of its environments.
    fn name(&self) -> &str;

    /// The task names, which are the second halves, in the family's own order.
    fn tasks(&self) -> Vec<String>;

    /// Further names, each with the task names it stands for: one for an alias, several for a
    /// group. A [`Registry`] accepts them wherever it is asked for environments.
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

    /// The scripted expert of an environment, where there is one.
    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        let _ = task;
        None
    }

    /// What results depend on besides this crate's version: simulator, assets, picture settings. It
    /// goes into the manifest of an evaluation, and only results that agree on it are ever
    /// combined.
    ///
    /// # Errors
    /// When those parts are missing on this machine.
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
        /// Known names that are similar to it.
        nearest: Vec<String>,
    },
    /// The environment has no such camera.
    #[error("`{env_id}` has no camera `{camera}`{}", nearest_names(.nearest))]
    UnknownCamera {
        /// The environment.
        env_id: EnvId,
        /// The camera that was asked for.
        camera: String,
        /// The names of cameras it may have meant.
        nearest: Vec<String>,
    },
    /// The camera has no depth.
    #[error("the camera `{camera}` of `{env_id}` has no depth")]
    NoDepth {
        /// The environment.
        env_id: EnvId,
        /// The camera that was asked for depth.
        camera: String,
    },
    /// The action does not fit the environment.
    #[error(transparent)]
    Action(#[from] ActionError),
    /// The scenario is not one of this environment's, or cannot be made.
    #[error("the scenario does not fit `{env_id}`: {reason}")]
    Scenario {
        /// The environment.
        env_id: EnvId,
        /// What is wrong with it.
        reason: String,
    },
    /// The environment does not show its full state, which a scripted expert needs.
    #[error("`{env_id}` does not show its full state")]
    NoFullState {
        /// The environment.
        env_id: EnvId,
    },
    /// `step` or `render` before `reset`.
    #[error("the environment was not reset")]
    NotReset,
    /// Files that the environment needs are missing or cannot be used.
    #[error(transparent)]
    Assets(#[from] AssetsError),
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
    /// What the user can do about it, where the environment knows.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Assets(error) => error.hint(),
            Self::Render { hint, .. } => Some(hint),
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
        let spec = EnvironmentSpec::new("toy/point-v0".parse().unwrap(), "", ActionSpec::default())
            .with_cameras(["above", "wrist"].map(|name| CameraSpec::new(name, 1, 1)));
        assert_eq!(spec.camera("wrist").unwrap().name, "wrist");
        let said = |name: &str| spec.camera(name).unwrap_err().to_string();
        assert!(
            said("abov").ends_with("no camera `abov`; did you mean above?"),
            "{}",
            said("abov")
        );
        assert!(said("x").ends_with("did you mean above or wrist?"), "{}", said("x"));
    }

    #[test]
    fn a_specification_without_depth_does_not_speak_of_it() {
        let json = |camera: &CameraSpec| serde_json::to_value(camera).unwrap();
        let camera = CameraSpec::new("above", 2, 3);
        assert_eq!(json(&camera), serde_json::json!({"name": "above", "height": 2, "width": 3}));
        assert_eq!(json(&camera.with_depth())["depth"], true);
    }
}
