//! Where strangers' policies are run: each episode in a [`Sandbox`].
//!
//! A sandbox runs one episode per call and reports how it ended and whose fault that was, in bounded
//! time, whatever the policy and the simulator do. [`InProcess`] runs simulators on threads of this
//! process; [`Scripted`] makes up its results, to test whatever hands out episodes.
//! `conformance::sandbox` (feature `conformance`) checks any other implementation.

#[cfg(feature = "http")]
mod in_process;
mod scripted;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{EnvId, Outcome, Seed};

#[cfg(feature = "http")]
pub use self::in_process::InProcess;
pub use self::scripted::{Play, Scripted};
use crate::CancellationToken;
use crate::env::EnvironmentError;

/// One episode to be run against a policy behind HTTP.
///
/// The policy is told the number of the seed as its task id, as by
/// [`TaskConfig::new`](kinitro_core::TaskConfig::new).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EpisodeJob {
    /// The environment.
    pub env_id: EnvId,
    /// The seed that the episode's scenario grows from.
    pub seed: Seed,
    /// The address of the policy server as a stranger gave it: it may be any text at all.
    pub endpoint: String,
    /// The limits of the episode.
    pub limits: EpisodeLimits,
}

impl EpisodeJob {
    /// An episode with the subnet's [limits](EpisodeLimits::default).
    pub fn new(env_id: EnvId, seed: Seed, endpoint: impl Into<String>) -> Self {
        Self { env_id, seed, endpoint: endpoint.into(), limits: EpisodeLimits::default() }
    }

    /// The same with these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: EpisodeLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// The limits of an episode, and what the policy sees in it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EpisodeLimits {
    /// Steps after which it is over, in place of the environment's own limit.
    pub max_timesteps: u32,
    /// How long the policy may take for one action.
    pub action_timeout: Duration,
    /// How long the policy may take to begin the episode.
    pub reset_timeout: Duration,
    /// How long the whole episode may take.
    pub episode_timeout: Duration,
    /// Whether observations have the pictures of all cameras.
    pub use_images: bool,
}

impl EpisodeLimits {
    /// The same with at most that many steps.
    #[must_use]
    pub fn with_max_timesteps(mut self, steps: u32) -> Self {
        self.max_timesteps = steps;
        self
    }

    /// The same with another time limit for one action.
    #[must_use]
    pub fn with_action_timeout(mut self, limit: Duration) -> Self {
        self.action_timeout = limit;
        self
    }

    /// The same with another time limit for beginning the episode.
    #[must_use]
    pub fn with_reset_timeout(mut self, limit: Duration) -> Self {
        self.reset_timeout = limit;
        self
    }

    /// The same with another time limit for the whole episode.
    #[must_use]
    pub fn with_episode_timeout(mut self, limit: Duration) -> Self {
        self.episode_timeout = limit;
        self
    }

    /// The same with or without pictures.
    #[must_use]
    pub fn with_images(mut self, use_images: bool) -> Self {
        self.use_images = use_images;
        self
    }
}

impl Default for EpisodeLimits {
    /// Those of the subnet: 500 steps, 500 ms, 5 s, 300 s, with pictures.
    fn default() -> Self {
        Self {
            max_timesteps: 500,
            action_timeout: Duration::from_millis(500),
            reset_timeout: Duration::from_secs(5),
            episode_timeout: Duration::from_secs(300),
            use_images: true,
        }
    }
}

/// The result of an episode.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EpisodeResult {
    /// How it ended, which decides whether it counts.
    pub outcome: Outcome,
    /// How many actions were taken.
    pub steps: u32,
    /// The sum of their rewards.
    pub total_reward: f64,
    /// How long it took, by the wall clock.
    pub elapsed: Duration,
}

impl EpisodeResult {
    /// An episode with that many steps, whose rewards sum up to `total_reward`.
    pub fn new(
        outcome: impl Into<Outcome>,
        steps: u32,
        total_reward: f64,
        elapsed: Duration,
    ) -> Self {
        Self { outcome: outcome.into(), steps, total_reward, elapsed }
    }

    /// An episode that ended before its first step.
    pub fn without_steps(outcome: impl Into<Outcome>, elapsed: Duration) -> Self {
        Self { outcome: outcome.into(), steps: 0, total_reward: 0.0, elapsed }
    }
}

/// A place to run episodes in.
///
/// What one run does never changes another's result, and several may run at once.
#[async_trait]
pub trait Sandbox: Send + Sync + fmt::Debug {
    /// The environments it has, each once.
    ///
    /// # Errors
    /// When it cannot tell: a missing image, a host that does not answer.
    async fn environments(&self) -> Result<Vec<EnvId>, SandboxError>;

    /// Runs an episode to its end.
    ///
    /// It returns soon after `stop` is cancelled or the episode's time is up, even when the policy or
    /// the simulator hangs. A stopped episode is [`Outcome::Cancelled`]. One whose time is up is the
    /// policy's fault if the policy took most of it, and otherwise ours. A simulator that breaks
    /// down, panics or hangs is an [`Outcome::InfraFault`], and the next run does not meet it again.
    /// So is what looks like the policy's fault after this machine itself stood still. Dropping the
    /// future stops the episode too.
    ///
    /// # Errors
    /// When something is wrong with the place and not with the episode: no other would go better.
    async fn run(
        &self,
        job: &EpisodeJob,
        stop: &CancellationToken,
    ) -> Result<EpisodeResult, SandboxError>;

    /// Releases what it holds: simulators, containers. Nothing is run afterwards.
    async fn close(&self);
}

/// Why no episode can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The environment does not exist, or cannot be run on this machine.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The machine is out of something that is needed.
    #[error("no simulator can be started: {0}")]
    Resources(#[from] std::io::Error),
}

impl SandboxError {
    /// What the user can do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Environment(error) => error.hint(),
            Self::Resources(_) => Some("run fewer episodes at once"),
        }
    }
}

/// Who is to blame when the time of an episode is up, given how much of it the policy took.
fn out_of_time(limit: Duration, policy: Duration) -> Outcome {
    use kinitro_core::{InfraFault, InfraFaultKind, PolicyFault, PolicyFaultKind};

    let detail = format!(
        "the episode was not over after {} s, of which the policy took {:.1} s",
        limit.as_secs_f64(),
        policy.as_secs_f64()
    );
    // A policy that could make us take the blame by being slow could have the seeds that it does not
    // like taken out of the count.
    if policy * 2 > limit {
        PolicyFault::new(PolicyFaultKind::Timeout, detail).into()
    } else {
        InfraFault::new(InfraFaultKind::Simulator, detail).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_took_the_time_is_to_blame_for_its_end() {
        let label =
            |seconds| out_of_time(Duration::from_secs(300), Duration::from_secs(seconds)).label();
        assert_eq!(label(299), "policy_fault:timeout");
        assert_eq!(label(151), "policy_fault:timeout");
        assert_eq!(label(150), "infra_fault:simulator");
        assert_eq!(label(0), "infra_fault:simulator");
    }
}
