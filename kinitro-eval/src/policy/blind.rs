//! Policies that act without looking: the floor that any other should stand above.

use async_trait::async_trait;
use kinitro_core::{
    Action, ActionSpec, EnvId, Observation, PolicyFault, PolicyFaultKind, TaskConfig,
};

use super::Policy;
use crate::env::{Registry, TaskRng};

/// A policy that never moves: every number is as near to zero as its channel's bounds allow.
#[derive(Debug, Clone)]
pub struct ZeroPolicy {
    registry: Registry,
    spec: ActionSpec,
}

impl ZeroPolicy {
    /// A policy for the environments of a registry.
    pub fn new(registry: Registry) -> Self {
        Self { registry, spec: ActionSpec::default() }
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

    async fn reset(&mut self, task: &TaskConfig) -> Result<(), PolicyFault> {
        self.spec = action_spec(&self.registry, &task.env_id)?;
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        Ok(fill(&self.spec, |low, high| 0.0f64.clamp(low, high)))
    }
}

/// A policy that draws every number evenly from its channel's bounds (from `[-1, 1]` where there
/// are none). Its choices grow from the seed of the episode, so that an episode can be run again.
#[derive(Debug, Clone)]
pub struct RandomPolicy {
    registry: Registry,
    spec: ActionSpec,
    rng: Option<TaskRng>,
}

impl RandomPolicy {
    /// A policy for the environments of a registry.
    pub fn new(registry: Registry) -> Self {
        Self { registry, spec: ActionSpec::default(), rng: None }
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

    async fn reset(&mut self, task: &TaskConfig) -> Result<(), PolicyFault> {
        self.spec = action_spec(&self.registry, &task.env_id)?;
        self.rng = Some(TaskRng::new("random-policy", &task.env_id, task.seed));
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        let rng = self.rng.as_mut().ok_or_else(not_reset)?;
        Ok(fill(&self.spec, |low, high| rng.uniform(low, high)))
    }
}

pub(super) fn not_reset() -> PolicyFault {
    PolicyFault::new(PolicyFaultKind::Error, "the policy was asked to act before it was reset")
}

fn action_spec(registry: &Registry, env_id: &EnvId) -> Result<ActionSpec, PolicyFault> {
    let spec = registry.spec(env_id);
    spec.map(|spec| spec.action).map_err(|error| PolicyFault::new(PolicyFaultKind::Error, error))
}

fn fill(spec: &ActionSpec, mut number: impl FnMut(f64, f64) -> f64) -> Action {
    let mut action = Action::new();
    for channel in &spec.continuous {
        let (low, high) = channel.bounds.unwrap_or((-1.0, 1.0));
        let values: Vec<f64> = (0..channel.len).map(|_| number(low, high)).collect();
        action.continuous.insert(channel.name.as_str(), values);
    }
    action
}
