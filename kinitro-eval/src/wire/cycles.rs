//! Cycles, as they appear in several answers.

use kinitro_core::{BlockNumber, CycleId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Timestamp;
use super::names::named;

named! {
    /// The status of a cycle.
    pub enum CycleStatus {
        /// Not started. The scheduler never stores this status: its cycles start when they are
        /// created.
        Pending = "pending",
        /// Its tasks are running.
        Running = "running",
        /// Its scores and weights are available.
        Completed = "completed",
        /// Abandoned; `failure` gives the reason.
        Failed = "failed",
    }
}

named! {
    /// How the seeds of a cycle's tasks are chosen.
    pub enum SeedMode {
        /// All miners get the same seed for the same episode of an environment.
        Paired = "paired",
        /// Every task has its own seed, derived from its UUID.
        PerTask = "per-task",
    }
}

/// An evaluation cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CycleBody {
    /// The id of the cycle.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub id: CycleId,
    /// The block at which the cycle read the miners' commitments.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block_number: BlockNumber,
    /// When the cycle started.
    pub started_at: Timestamp,
    /// When the cycle completed or failed; null while it is running.
    pub completed_at: Option<Timestamp>,
    /// The status of the cycle.
    pub status: CycleStatus,
    /// The number of miners evaluated.
    pub n_miners: u32,
    /// The number of environments they are evaluated in.
    pub n_environments: u32,
    /// How long the cycle took, in seconds; null while it is running.
    pub duration_seconds: Option<f64>,
    /// The number of episodes per miner and environment.
    pub episodes_per_env: u32,
    /// How the seeds of a cycle's tasks are chosen.
    pub seed_mode: SeedMode,
    /// The SHA-256 of the secret that the seeds are derived from, in hex. Published when the cycle
    /// starts.
    pub seed_commitment: String,
    /// The secret, in hex; null until the cycle is over.
    pub seed_secret: Option<String>,
    /// Further details of the result: outcomes, missing episodes, and how the weights were
    /// computed.
    #[cfg_attr(feature = "api", schema(value_type = Option<Object>))]
    pub report: Option<Value>,
    /// Why the cycle failed; null unless it did.
    pub failure: Option<String>,
}
