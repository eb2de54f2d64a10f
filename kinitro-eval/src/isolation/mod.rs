//! Where episodes of strangers' policies run: each in a [`Sandbox`].
//!
//! A sandbox takes one episode at a time from each caller and says how it ended and whose fault that
//! was, in bounded time, whatever the policy and the simulator do. [`InProcess`] runs the simulators
//! on threads of this process; [`Scripted`] makes episodes up, for tests of whatever hands them out.
//! `conformance::sandbox` checks any other.

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
pub struct EpisodeJob {
    /// Where.
    pub env_id: EnvId,
    /// What the episode grows from.
    pub seed: Seed,
    /// The address of the policy server, as a stranger gave it: anything at all.
    pub endpoint: String,
    /// What the episode is held to.
    pub limits: EpisodeLimits,
}

/// What an episode is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeLimits {
    /// Steps after which it is over. The environment's own limit is not looked at.
    pub max_timesteps: u32,
    /// How long the policy may take over one action.
    pub action_timeout: Duration,
    /// How long it may take to begin the episode.
    pub reset_timeout: Duration,
    /// How long the whole episode may take.
    pub episode_timeout: Duration,
    /// Whether the policy is shown the pictures of all cameras.
    pub use_images: bool,
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

/// How an episode ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EpisodeResult {
    /// How, and so whether it counts.
    pub outcome: Outcome,
    /// How many actions were taken.
    pub steps: u32,
    /// The sum of their rewards.
    pub total_reward: f64,
    /// How long it took by the wall clock.
    pub elapsed: Duration,
}

impl EpisodeResult {
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
    /// The environments that it has, each once.
    ///
    /// # Errors
    /// When it cannot be asked: an image that is missing, a host that does not answer.
    async fn environments(&self) -> Result<Vec<EnvId>, SandboxError>;

    /// Runs an episode to its end.
    ///
    /// It returns soon after `stop` was thrown or the time of the episode is up, also where the
    /// policy or the simulator hangs. A stopped episode is [`Outcome::Cancelled`]; one whose time is
    /// up is the policy's fault if the policy took most of it, else ours. A simulator that breaks
    /// down, panics or hangs is [`Outcome::InfraFault`], and the next run does not meet it again. So
    /// is what looks like the policy's fault after this machine itself stood still.
    /// When the future is dropped the episode is stopped too.
    ///
    /// # Errors
    /// What is wrong with the place and not with the episode: no other would go better.
    async fn run(
        &self,
        job: &EpisodeJob,
        stop: &CancellationToken,
    ) -> Result<EpisodeResult, SandboxError>;

    /// Lets go of what it holds: simulators, containers. Nothing is run after that.
    async fn close(&self);
}

/// Why no episode can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The environment is not there, or cannot be run on this machine.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The machine gives no more of something that is needed.
    #[error("no simulator can be started: {0}")]
    Resources(#[from] std::io::Error),
}

impl SandboxError {
    /// What the person at the keyboard can do about it, where that is known.
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
