//! One episode: the loop that everything else shares.

use std::time::{Duration, Instant};

use crate::CancellationToken;
use kinitro_core::{
    Action, EnvId, InfraFault, InfraFaultKind, Observation, Outcome, PolicyFault, PolicyFaultKind,
    Seed, TaskConfig,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::env::{Environment, EnvironmentError, Task, Transition};
use crate::policy::Policy;
use crate::report::Latencies;

/// What an episode is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeOptions {
    /// Steps after which it is over; `None` for as many as the environment says.
    pub max_steps: Option<u32>,
    /// How long a policy may take to begin an episode. An in-process policy that blocks its thread
    /// is not interrupted; whatever waits for something is.
    pub reset_timeout: Duration,
    /// How long it may take over one action.
    pub action_timeout: Duration,
    /// The cameras whose pictures go into every observation.
    pub cameras: Vec<String>,
}

impl Default for EpisodeOptions {
    /// The environment's number of steps, 5 s, 500 ms, no pictures.
    fn default() -> Self {
        Self {
            max_steps: None,
            reset_timeout: Duration::from_secs(5),
            action_timeout: Duration::from_millis(500),
            cameras: Vec::new(),
        }
    }
}

/// What there is to say of an episode once it is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpisodeRecord {
    /// The environment.
    pub env_id: EnvId,
    /// The seed its task grew from.
    pub seed: Seed,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How many actions were taken.
    pub steps: u32,
    /// The sum of their rewards.
    pub total_reward: f64,
    /// Wall-clock time from reset to end, s.
    pub seconds: f64,
    /// How long the policy took over its actions.
    pub latency: Latencies,
    /// The first 16 hexadecimal digits of the SHA-256 of all proprioception and rewards. The same
    /// (environment, seed, policy) on a machine of the same kind gives the same digits.
    pub trajectory: String,
}

impl EpisodeRecord {
    /// Whether two records tell of the very same episode: equal in all but the time it took.
    pub fn same_episode(&self, other: &Self) -> bool {
        let told = |record: &Self| {
            let EpisodeRecord { env_id, seed, outcome, steps, total_reward, trajectory, .. } =
                record;
            (
                env_id.clone(),
                *seed,
                outcome.clone(),
                *steps,
                total_reward.to_bits(),
                trajectory.clone(),
            )
        };
        told(self) == told(other)
    }
}

/// Runs one episode: resets environment and policy, and lets them act on each other until the task
/// is solved, the steps are used up or something fails.
///
/// The episode succeeds when any step solves the task, and ends there. `on_step` is called after
/// every step. Call it inside a tokio runtime with time enabled, on a thread that may be blocked:
/// simulation and rendering happen on it.
///
/// # Errors
/// What keeps any episode from being run on this machine: missing assets, no renderer, a task or a
/// camera that is not the environment's. A simulation that breaks down is not an error but an
/// episode that ends in [`Outcome::InfraFault`].
pub async fn run_episode(
    environment: &mut dyn Environment,
    policy: &mut dyn Policy,
    task: &Task,
    options: &EpisodeOptions,
    stop: &CancellationToken,
    mut on_step: impl FnMut(),
) -> Result<EpisodeRecord, EnvironmentError> {
    let started = Instant::now();
    let mut course = Course::default();
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(Outcome::Cancelled),
        ending = act_out(environment, policy, task, options, &mut course, &mut on_step) => ending,
    };
    let outcome = match ending {
        Ok(outcome) | Err(Interruption::Episode(outcome)) => outcome,
        Err(Interruption::Machine(error)) => return Err(error),
    };
    Ok(EpisodeRecord {
        env_id: task.env_id.clone(),
        seed: task.seed,
        outcome,
        steps: course.steps,
        total_reward: course.total_reward,
        seconds: started.elapsed().as_secs_f64(),
        latency: course.latency,
        trajectory: course.digest.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect(),
    })
}

/// What has happened so far.
#[derive(Default)]
struct Course {
    steps: u32,
    total_reward: f64,
    latency: Latencies,
    digest: Sha256,
}

impl Course {
    fn note(&mut self, observation: &Observation, reward: f64) {
        for number in observation.proprio.iter().flat_map(|(_, values)| values).chain([&reward]) {
            self.digest.update(number.to_le_bytes());
        }
    }
}

/// Why an episode did not come to its natural end.
enum Interruption {
    /// It is over all the same.
    Episode(Outcome),
    /// No episode can be run here.
    Machine(EnvironmentError),
}

impl From<PolicyFault> for Interruption {
    fn from(fault: PolicyFault) -> Self {
        Self::Episode(fault.into())
    }
}

impl From<EnvironmentError> for Interruption {
    fn from(error: EnvironmentError) -> Self {
        match error {
            EnvironmentError::Action(error) => {
                PolicyFault::new(PolicyFaultKind::BadAction, error).into()
            }
            EnvironmentError::Simulation(_) => {
                Self::Episode(InfraFault::new(InfraFaultKind::Simulator, error).into())
            }
            error => Self::Machine(error),
        }
    }
}

async fn act_out(
    environment: &mut dyn Environment,
    policy: &mut dyn Policy,
    task: &Task,
    options: &EpisodeOptions,
    course: &mut Course,
    on_step: &mut impl FnMut(),
) -> Result<Outcome, Interruption> {
    let max_steps = options.max_steps.unwrap_or(environment.spec().max_steps);
    let mut observation = environment.reset(task)?;
    course.note(&observation, 0.0);
    let config = TaskConfig::new(task.env_id.clone(), task.seed);
    within(options.reset_timeout, "begin the episode", policy.reset(&config)).await?;
    while course.steps < max_steps {
        for camera in &options.cameras {
            observation.rgb.insert(camera.clone(), environment.render(camera)?);
        }
        let asked = Instant::now();
        let action = ask(environment, policy, &observation, options.action_timeout).await?;
        course.latency.record(asked.elapsed());
        let Transition { observation: next, reward, success } = environment.step(&action)?;
        course.steps += 1;
        course.total_reward += reward;
        course.note(&next, reward);
        on_step();
        if success {
            return Ok(Outcome::Success);
        }
        observation = next;
        // A policy that never waits would otherwise keep the episode from being stopped.
        if course.steps.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
    }
    Ok(Outcome::Failure)
}

async fn ask(
    environment: &dyn Environment,
    policy: &mut dyn Policy,
    observation: &Observation,
    limit: Duration,
) -> Result<Action, PolicyFault> {
    if !policy.needs_full_state() {
        return within(limit, "act", policy.act(observation)).await;
    }
    let state = environment.full_state().ok_or_else(|| {
        let detail = format!("`{}` does not show its full state", environment.spec().id);
        PolicyFault::new(PolicyFaultKind::Error, detail)
    })?;
    within(limit, "act", policy.act_on_state(observation, &state)).await
}

async fn within<T>(
    limit: Duration,
    what: &str,
    answer: impl Future<Output = Result<T, PolicyFault>>,
) -> Result<T, PolicyFault> {
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| {
        let detail = format!("it took longer than {} ms to {what}", limit.as_millis());
        Err(PolicyFault::new(PolicyFaultKind::Timeout, detail))
    })
}
