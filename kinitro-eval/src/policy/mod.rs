//! Policies, which turn observations into actions.

mod blind;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "serve")]
pub mod serve;
mod start;
#[cfg(any(feature = "http", feature = "serve"))]
mod wire;

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault};

pub use blind::{RandomPolicy, ZeroPolicy};
#[cfg(feature = "http")]
pub use http::{HttpPolicy, HttpPolicyError};
pub use start::{EpisodeStart, TimeLimits};

/// A policy: chooses an action for each observation.
///
/// A policy is reset before every episode and then asked for one action per step. It belongs to one
/// worker and never gets two calls at once.
///
/// When a call exceeds its time limit, the future that `reset` or `act` returned is dropped. The
/// next call is then a `reset`.
#[async_trait]
pub trait Policy: Send {
    /// The policy's name in reports, for instance `random`, a URL or the name of a model.
    fn name(&self) -> String;

    /// Whether the policy uses pictures. If not, none are rendered.
    fn uses_images(&self) -> bool {
        true
    }

    /// Begins an episode.
    ///
    /// # Errors
    /// A fault ends the episode and counts against the policy.
    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault>;

    /// The action for this observation.
    ///
    /// # Errors
    /// A fault ends the episode and counts against the policy.
    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault>;

    /// What the policy was waiting for when its time ran out, as a noun without an article: with
    /// `answer to /act` the fault reads `no answer to /act within 500 ms`. `None` for a policy that
    /// waits for nothing.
    fn waiting_for(&self) -> Option<String> {
        None
    }
}
