//! Policies that ignore their observations: the baselines that any other policy should beat.

use async_trait::async_trait;
use kinitro_core::{Action, ActionSpec, Observation, PolicyFault, PolicyFaultKind};

use super::{EpisodeStart, Policy};
use crate::env::SeededRng;

/// A policy that never moves: every number is as close to zero as its channel's bounds allow.
#[derive(Debug, Clone, Default)]
pub struct ZeroPolicy {
    spec: ActionSpec,
}

impl ZeroPolicy {
    /// A policy for any environment.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Policy for ZeroPolicy {
    fn name(&self) -> String {
        "zero".to_owned()
    }

    fn uses_images(&self) -> bool {
        false
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        self.spec = start.known_spec()?.action.clone();
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        let nearest_to_zero = |bounds: Option<(f64, f64)>| {
            let (low, high) = bounds.unwrap_or((-1.0, 1.0));
            0.0f64.clamp(low, high)
        };
        let number = |channel: &kinitro_core::ChannelSpec| nearest_to_zero(channel.bounds);
        Ok(self.spec.fill(number, |channel| 0.clamp(channel.low, channel.high)))
    }
}

/// A policy that draws every number uniformly from its channel's bounds, or from `[-1, 1)` if there
/// are none. Its choices follow from the [policy's seed](EpisodeStart::seed), so episodes are
/// reproducible.
#[derive(Debug, Clone, Default)]
pub struct RandomPolicy {
    episode: Option<(ActionSpec, SeededRng)>,
}

impl RandomPolicy {
    /// A policy for any environment.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Policy for RandomPolicy {
    fn name(&self) -> String {
        "random".to_owned()
    }

    fn uses_images(&self) -> bool {
        false
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        let spec = start.known_spec()?.action.clone();
        self.episode =
            Some((spec, SeededRng::new("random-policy", &start.task.env_id, start.seed)));
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        let (spec, rng) = self.episode.as_mut().ok_or_else(|| {
            let detail = "the policy was asked to act before it was reset";
            PolicyFault::new(PolicyFaultKind::Error, detail)
        })?;
        Ok(rng.action(spec))
    }
}
