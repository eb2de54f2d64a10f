//! Episodes with made-up results.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{EnvId, Outcome};
use tokio::time::Instant;

use super::{EpisodeJob, EpisodeResult, Sandbox, SandboxError, out_of_time};
use crate::CancellationToken;
use crate::env::EnvironmentError;

/// A made-up episode: a number of steps, each with a reward of -1, and an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Play {
    /// How many steps it has. A lower limit of the job ends it as a failure.
    pub steps: u32,
    /// How long the policy takes for each of them.
    pub step_time: Duration,
    /// How it ends.
    pub outcome: Outcome,
}

impl Play {
    /// An episode of one step that ends like this at once.
    pub fn ending_in(outcome: impl Into<Outcome>) -> Self {
        Self { steps: 1, step_time: Duration::ZERO, outcome: outcome.into() }
    }
}

type Script = dyn Fn(&EpisodeJob) -> Play + Send + Sync;

/// A sandbox in memory, to test whatever hands out episodes: no policy is asked and nothing is
/// simulated. It uses tokio's clock, which tests can pause.
pub struct Scripted {
    environments: Vec<EnvId>,
    script: Box<Script>,
    seen: Mutex<Vec<EpisodeJob>>,
}

impl Scripted {
    /// A sandbox with these environments, whose episodes follow a script.
    pub fn new(
        environments: impl IntoIterator<Item = EnvId>,
        script: impl Fn(&EpisodeJob) -> Play + Send + Sync + 'static,
    ) -> Self {
        let environments: BTreeSet<_> = environments.into_iter().collect();
        Self {
            environments: environments.into_iter().collect(),
            script: Box::new(script),
            seen: Mutex::default(),
        }
    }

    /// The episodes that were begun so far.
    pub fn seen(&self) -> Vec<EpisodeJob> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("environments", &self.environments).finish_non_exhaustive()
    }
}

#[async_trait]
impl Sandbox for Scripted {
    async fn environments(&self) -> Result<Vec<EnvId>, SandboxError> {
        Ok(self.environments.clone())
    }

    async fn run(
        &self,
        job: &EpisodeJob,
        stop: &CancellationToken,
    ) -> Result<EpisodeResult, SandboxError> {
        if !self.environments.contains(&job.env_id) {
            let (name, nearest) = (job.env_id.to_string(), Vec::new());
            return Err(EnvironmentError::UnknownEnvironment { name, nearest }.into());
        }
        if stop.is_cancelled() {
            return Ok(EpisodeResult::without_steps(Outcome::Cancelled, Duration::ZERO));
        }
        let started = Instant::now();
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(job.clone());
        let Play { steps, step_time, outcome } = (self.script)(job);
        let limits = &job.limits;
        let (steps, outcome) = if steps > limits.max_timesteps {
            (limits.max_timesteps, Outcome::Failure)
        } else {
            (steps, outcome)
        };
        let whole = step_time * steps;
        let outcome = tokio::select! {
            biased;
            () = stop.cancelled() => Outcome::Cancelled,
            () = tokio::time::sleep(limits.episode_timeout), if whole > limits.episode_timeout => {
                out_of_time(limits.episode_timeout, limits.episode_timeout)
            }
            () = tokio::time::sleep(whole) => outcome,
        };
        let elapsed = started.elapsed();
        let taken = match step_time.as_micros() {
            0 => steps,
            step => steps.min(u32::try_from(elapsed.as_micros() / step).unwrap_or(u32::MAX)),
        };
        let total_reward = -f64::from(taken);
        Ok(EpisodeResult { outcome, steps: taken, total_reward, elapsed })
    }

    async fn close(&self) {}
}
