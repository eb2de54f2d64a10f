use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind, TaskConfig};

use super::Policy;
use super::blind::not_reset;
use crate::env::{Controller, Registry};

/// The scripted controller that each environment brings along, as a policy. It sees the full state,
/// and so shows what can be reached, not what a robot could do.
pub struct ExpertPolicy {
    registry: Registry,
    controller: Option<Box<dyn Controller>>,
}

impl ExpertPolicy {
    /// A policy for the environments of a registry.
    pub fn new(registry: Registry) -> Self {
        Self { registry, controller: None }
    }
}

impl std::fmt::Debug for ExpertPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExpertPolicy").field("registry", &self.registry).finish_non_exhaustive()
    }
}

impl Clone for ExpertPolicy {
    fn clone(&self) -> Self {
        Self::new(self.registry.clone())
    }
}

#[async_trait]
impl Policy for ExpertPolicy {
    fn name(&self) -> String {
        "expert".to_owned()
    }

    fn uses_images(&self) -> bool {
        false
    }

    async fn reset(&mut self, task: &TaskConfig) -> Result<(), PolicyFault> {
        let mut controller = self.registry.expert(&task.env_id).ok_or_else(|| {
            let detail = format!("`{}` has no scripted expert", task.env_id);
            PolicyFault::new(PolicyFaultKind::Error, detail)
        })?;
        controller.reset();
        self.controller = Some(controller);
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        Err(PolicyFault::new(PolicyFaultKind::Error, "the expert needs the full state"))
    }

    fn needs_full_state(&self) -> bool {
        true
    }

    async fn act_on_state(
        &mut self,
        _: &Observation,
        state: &[f64],
    ) -> Result<Action, PolicyFault> {
        Ok(self.controller.as_mut().ok_or_else(not_reset)?.act(state))
    }
}
