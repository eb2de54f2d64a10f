//! Policies: whatever turns observations into actions.

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

/// Something that acts.
///
/// A policy is reset before every episode and then asked for one action per step. It belongs to one
/// worker and is never asked two things at once.
///
/// It is given up when its time is over, by dropping the future that `reset` or `act` returned. The
/// next call is then a `reset`.
#[async_trait]
pub trait Policy: Send {
    /// Its name in reports: `random`, a URL, the name of a model.
    fn name(&self) -> String;

    /// Whether it looks at pictures. For a policy that does not, none are drawn.
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

    /// What it was waiting for when it was given up, as a noun without an article: with `answer to
    /// /act` the fault reads `no answer to /act within 500 ms`. `None` for a policy that waits for
    /// nobody.
    fn waiting_for(&self) -> Option<String> {
        None
    }
}
