//! What a policy learns when an episode begins, and its time limits.

use std::sync::Arc;
use std::time::Duration;

use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind, Seed, TaskConfig};

use super::Policy;
use crate::env::EnvironmentSpec;

/// Everything that a policy learns when an episode begins.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EpisodeStart {
    /// The environment and the number of the episode, but never where objects are.
    pub task: TaskConfig,
    /// The policy's own seed, for its random choices.
    pub seed: Seed,
    /// The specification of the environment: its channels with their units and bounds. `None` if
    /// unknown, for instance when a [policy server](super::serve) has no such environment in its
    /// registry.
    pub spec: Option<Arc<EnvironmentSpec>>,
    /// How long the policy may take. `None` if unknown: the protocol of policy servers does not
    /// transmit it.
    pub limits: Option<TimeLimits>,
    /// The number of steps after which the episode ends. `None` if unknown.
    pub max_steps: Option<u32>,
}

impl EpisodeStart {
    /// An episode of this task. The policy's seed is the task's; specification and limits are
    /// unknown.
    pub fn new(task: TaskConfig) -> Self {
        Self { seed: task.seed, task, spec: None, limits: None, max_steps: None }
    }

    /// The same with another seed for the policy.
    #[must_use]
    pub fn with_seed(mut self, seed: Seed) -> Self {
        self.seed = seed;
        self
    }

    /// The same with this specification of the environment.
    #[must_use]
    pub fn with_spec(mut self, spec: impl Into<Arc<EnvironmentSpec>>) -> Self {
        self.spec = Some(spec.into());
        self
    }

    /// The same with these time limits.
    #[must_use]
    pub fn with_limits(mut self, limits: TimeLimits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// The same with an episode of at most this many steps.
    #[must_use]
    pub fn with_max_steps(mut self, steps: u32) -> Self {
        self.max_steps = Some(steps);
        self
    }

    /// The specification of the environment, for policies that cannot act without it.
    ///
    /// # Errors
    /// A fault of kind [`Error`](PolicyFaultKind::Error) if it is unknown.
    pub fn known_spec(&self) -> Result<&Arc<EnvironmentSpec>, PolicyFault> {
        self.spec.as_ref().ok_or_else(|| {
            let detail = format!("nobody knows the environment `{}` here", self.task.env_id);
            PolicyFault::new(PolicyFaultKind::Error, detail)
        })
    }
}

/// How long a policy may take.
///
/// This is the only clock that applies to policies: [`reset`](Self::reset) and [`act`](Self::act)
/// call a policy and drop the call when its time is over. A policy that blocks its thread cannot be
/// interrupted; one that awaits something can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TimeLimits {
    /// The limit for beginning an episode.
    pub reset: Duration,
    /// The limit for one action.
    pub action: Duration,
}

impl Default for TimeLimits {
    /// 5 s to begin an episode, 500 ms for an action.
    fn default() -> Self {
        Self { reset: Duration::from_secs(5), action: Duration::from_millis(500) }
    }
}

impl TimeLimits {
    /// Limits for beginning an episode and for one action.
    pub fn new(reset: Duration, action: Duration) -> Self {
        Self { reset, action }
    }

    /// Lets a policy begin an episode.
    ///
    /// # Errors
    /// The policy's own fault, or one of kind [`Timeout`](PolicyFaultKind::Timeout).
    pub async fn reset(
        &self,
        policy: &mut dyn Policy,
        start: &EpisodeStart,
    ) -> Result<(), PolicyFault> {
        match tokio::time::timeout(self.reset, policy.reset(start)).await {
            Ok(begun) => begun,
            Err(_) => Err(overdue(policy, self.reset, "begin the episode")),
        }
    }

    /// Asks a policy for an action.
    ///
    /// # Errors
    /// The policy's own fault, or one of kind [`Timeout`](PolicyFaultKind::Timeout).
    pub async fn act(
        &self,
        policy: &mut dyn Policy,
        observation: &Observation,
    ) -> Result<Action, PolicyFault> {
        match tokio::time::timeout(self.action, policy.act(observation)).await {
            Ok(action) => action,
            Err(_) => Err(overdue(policy, self.action, "act")),
        }
    }
}

fn overdue(policy: &dyn Policy, limit: Duration, what: &str) -> PolicyFault {
    let detail = match policy.waiting_for() {
        Some(awaited) => format!("no {awaited} within {}", in_words(limit)),
        None => format!("it took longer than {} ms to {what}", limit.as_millis()),
    };
    PolicyFault::new(PolicyFaultKind::Timeout, detail)
}

/// A limit in readable form: `500 ms`, `5 s`.
pub(super) fn in_words(limit: Duration) -> String {
    match (limit.as_secs(), limit.subsec_nanos()) {
        (seconds @ 1.., 0) => format!("{seconds} s"),
        _ => format!("{} ms", limit.as_millis()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_written_as_people_do() {
        assert_eq!(in_words(Duration::from_millis(500)), "500 ms");
        assert_eq!(in_words(Duration::from_secs(5)), "5 s");
        assert_eq!(in_words(Duration::from_millis(1500)), "1500 ms");
    }
}
