//! Policies: whatever turns observations into actions.

mod blind;
mod expert;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(any(feature = "http", feature = "serve"))]
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, TaskConfig};

pub use blind::{RandomPolicy, ZeroPolicy};
pub use expert::ExpertPolicy;
#[cfg(feature = "http")]
pub use http::{HttpPolicy, HttpPolicyError};

/// Something that acts.
///
/// A policy is reset before every episode and then asked for one action a step. It is owned by one
/// worker and never asked two things at once.
#[async_trait]
pub trait Policy: Send {
    /// What reports call it: `random`, a URL, the name of a model.
    fn name(&self) -> String;

    /// Whether it looks at pictures. Those of a policy that does not are not drawn.
    fn uses_images(&self) -> bool {
        true
    }

    /// Is told how long it may take, before its first episode. It is held to these limits whatever
    /// it does; a policy that waits for somebody else can end the waiting itself and say what for.
    fn set_time_limits(&mut self, reset: Duration, action: Duration) {
        let _ = (reset, action);
    }

    /// Begins an episode.
    ///
    /// # Errors
    /// A fault ends the episode and counts against the policy.
    async fn reset(&mut self, task: &TaskConfig) -> Result<(), PolicyFault>;

    /// The action for what is seen now.
    ///
    /// # Errors
    /// A fault ends the episode and counts against the policy.
    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault>;

    /// Whether it must be shown the full state of the environment, as scripted experts must. Such
    /// a policy is a yardstick, not a contender.
    fn needs_full_state(&self) -> bool {
        false
    }

    /// The action for what is seen now, for policies that [need the full
    /// state](Self::needs_full_state). Others are asked through [`act`](Self::act) and never get
    /// it.
    ///
    /// # Errors
    /// A fault ends the episode and counts against the policy.
    async fn act_on_state(
        &mut self,
        observation: &Observation,
        state: &[f64],
    ) -> Result<Action, PolicyFault> {
        let _ = state;
        self.act(observation).await
    }
}
