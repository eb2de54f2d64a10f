//! One episode: the loop that every evaluation shares.

use std::sync::Arc;
use std::time::Instant;

use kinitro_core::{
    Action, EnvId, InfraFault, InfraFaultKind, Observation, Outcome, PolicyFault, PolicyFaultKind,
    Seed, TaskConfig,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::env::{
    CameraSpec, Controller, Environment, EnvironmentError, EpisodeStatus, Scenario, Transition,
};
use crate::policy::{EpisodeStart, Policy, TimeLimits};
use crate::{CancellationToken, Latencies};

/// The limits of an episode, and what a policy sees in it.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct EpisodeOptions {
    /// Steps after which it is over. `None` for the environment's own limit.
    pub max_steps: Option<u32>,
    /// How long the policy may take.
    pub limits: TimeLimits,
    /// The cameras whose pictures go into every observation.
    pub cameras: Vec<String>,
}

impl EpisodeOptions {
    /// The same with at most that many steps.
    #[must_use]
    pub fn with_max_steps(mut self, steps: u32) -> Self {
        self.max_steps = Some(steps);
        self
    }

    /// The same with these time limits for the policy.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same with the pictures of these cameras.
    #[must_use]
    pub fn with_cameras(mut self, cameras: impl IntoIterator<Item = String>) -> Self {
        self.cameras = cameras.into_iter().collect();
        self
    }
}

/// What is recorded of an episode.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EpisodeRecord {
    /// The environment.
    pub env_id: EnvId,
    /// The seed that its scenario grew from.
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
    /// How long the policy took for its actions.
    pub latency: Latencies,
    /// The first 16 hexadecimal digits of the SHA-256 of all proprioception and rewards. The same
    /// (environment, seed, policy) on a machine of the same kind gives the same digits.
    pub trajectory: String,
}

impl EpisodeRecord {
    /// Whether two records are of the very same episode: equal in all but the time it took.
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

/// Runs one episode: resets environment and policy, and lets them act on each other until the
/// environment says that it is over, the steps are used up or something fails.
///
/// The episode succeeds when a step solves the scenario, and ends there; it fails when the
/// environment gives it up or the steps are used up. `on_step` is called after every step. Call
/// this inside a tokio runtime with time enabled, on a thread that may be blocked: simulation and
/// rendering happen on it.
///
/// # Errors
/// Whatever keeps any episode from being run on this machine: missing assets, no renderer, a
/// scenario or a camera of another environment. A simulation that breaks down is not an error but
/// an episode that ends in [`Outcome::InfraFault`].
pub async fn run_episode(
    environment: &mut dyn Environment,
    policy: &mut dyn Policy,
    scenario: &Scenario,
    options: &EpisodeOptions,
    stop: &CancellationToken,
    on_step: impl FnMut(),
) -> Result<EpisodeRecord, EnvironmentError> {
    let player = Player::Policy { policy, limits: options.limits };
    run(environment, player, scenario, options, stop, on_step).await
}

/// Runs one episode with a scripted expert at the controls, which sees the full state and has all
/// the time it wants. Everything else is as for [`run_episode`].
///
/// # Errors
/// As for [`run_episode`], and [`EnvironmentError::NoFullState`].
pub async fn run_expert_episode(
    environment: &mut dyn Environment,
    expert: &mut dyn Controller,
    scenario: &Scenario,
    options: &EpisodeOptions,
    stop: &CancellationToken,
    on_step: impl FnMut(),
) -> Result<EpisodeRecord, EnvironmentError> {
    run(environment, Player::Expert(expert), scenario, options, stop, on_step).await
}

async fn run(
    environment: &mut dyn Environment,
    player: Player<'_>,
    scenario: &Scenario,
    options: &EpisodeOptions,
    stop: &CancellationToken,
    mut on_step: impl FnMut(),
) -> Result<EpisodeRecord, EnvironmentError> {
    let started = Instant::now();
    let mut course = Course::default();
    let ending = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(Outcome::Cancelled),
        ending = act_out(environment, player, scenario, options, &mut course, &mut on_step) => {
            ending
        }
    };
    let outcome = match ending {
        Ok(outcome) | Err(Interruption::Episode(outcome)) => outcome,
        Err(Interruption::Machine(error)) => return Err(error),
    };
    Ok(EpisodeRecord {
        env_id: scenario.env_id.clone(),
        seed: scenario.seed,
        outcome,
        steps: course.steps,
        total_reward: course.total_reward,
        seconds: started.elapsed().as_secs_f64(),
        latency: course.latency,
        trajectory: course.digest.finalize()[..8].iter().map(|b| format!("{b:02x}")).collect(),
    })
}

/// Who acts.
enum Player<'a> {
    Policy { policy: &'a mut dyn Policy, limits: TimeLimits },
    Expert(&'a mut dyn Controller),
}

impl Player<'_> {
    async fn begin(
        &mut self,
        environment: &dyn Environment,
        scenario: &Scenario,
        max_steps: u32,
    ) -> Result<(), Interruption> {
        match self {
            Self::Policy { policy, limits } => {
                let task = TaskConfig::new(scenario.env_id.clone(), scenario.seed);
                let start = EpisodeStart::new(task)
                    .with_spec(Arc::new(environment.spec().clone()))
                    .with_limits(*limits)
                    .with_max_steps(max_steps);
                Ok(limits.reset(&mut **policy, &start).await?)
            }
            Self::Expert(expert) => {
                expert.reset();
                Ok(())
            }
        }
    }

    async fn act(
        &mut self,
        environment: &dyn Environment,
        observation: &Observation,
    ) -> Result<Action, Interruption> {
        match self {
            Self::Policy { policy, limits } => Ok(limits.act(&mut **policy, observation).await?),
            Self::Expert(expert) => {
                let state = environment.full_state().ok_or_else(|| {
                    EnvironmentError::NoFullState { env_id: environment.spec().id.clone() }
                })?;
                Ok(expert.act(&state))
            }
        }
    }
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
    mut player: Player<'_>,
    scenario: &Scenario,
    options: &EpisodeOptions,
    course: &mut Course,
    on_step: &mut impl FnMut(),
) -> Result<Outcome, Interruption> {
    let max_steps = options.max_steps.unwrap_or(environment.spec().max_steps);
    let cameras = options.cameras.iter().map(|camera| environment.spec().camera(camera).cloned());
    let cameras = cameras.collect::<Result<Vec<CameraSpec>, _>>()?;
    let mut observation = environment.reset(scenario)?;
    course.note(&observation, 0.0);
    player.begin(environment, scenario, max_steps).await?;
    while course.steps < max_steps {
        for CameraSpec { name, depth, .. } in &cameras {
            observation.rgb.insert(name.clone(), environment.render(name)?);
            if *depth {
                observation.depth.insert(name.clone(), environment.render_depth(name)?);
            }
        }
        let asked = Instant::now();
        let action = player.act(environment, &observation).await?;
        course.latency.record(asked.elapsed());
        let Transition { observation: next, reward, status } = environment.step(&action)?;
        course.steps += 1;
        course.total_reward += reward;
        course.note(&next, reward);
        on_step();
        match status {
            EpisodeStatus::Running => {}
            EpisodeStatus::Success => return Ok(Outcome::Success),
            EpisodeStatus::Failure => return Ok(Outcome::Failure),
        }
        observation = next;
        // A policy that never waits would otherwise keep the episode from being stopped.
        if course.steps.is_multiple_of(64) {
            tokio::task::yield_now().await;
        }
    }
    Ok(Outcome::Failure)
}
