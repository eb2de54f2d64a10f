//! Cycles, as several answers show them.

use kinitro_core::{BlockNumber, CycleId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Timestamp;
use super::names::named;

named! {
    /// How far a cycle is.
    pub enum CycleStatus {
        /// Not begun. Cycles of this program begin as they are made.
        Pending = "pending",
        /// Its tasks are being run.
        Running = "running",
        /// Its scores and weights are there.
        Completed = "completed",
        /// It was given up; `failure` says why.
        Failed = "failed",
    }
}

named! {
    /// Whose tasks share a seed.
    pub enum SeedMode {
        /// The same episode of an environment has the same seed for every miner.
        Paired = "paired",
        /// Every task has a seed of its own, which grows from its uuid.
        PerTask = "per-task",
    }
}

/// A cycle, as several answers show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct CycleBody {
    /// Its number.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub id: CycleId,
    /// The block that it judges.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block_number: BlockNumber,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
    /// How far it is.
    pub status: CycleStatus,
    /// How many miners it judges.
    pub n_miners: u32,
    /// How many environments it judges them in.
    pub n_environments: u32,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// Whose tasks share a seed.
    pub seed_mode: SeedMode,
    /// The SHA-256 of the secret that the seeds grow from, in hex; known from the start.
    pub seed_commitment: String,
    /// The secret, in hex, once the cycle is over.
    pub seed_secret: Option<String>,
    /// What else was said of its result.
    #[cfg_attr(feature = "api", schema(value_type = Option<Object>))]
    pub report: Option<Value>,
    /// Why it failed.
    pub failure: Option<String>,
}
