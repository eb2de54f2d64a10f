//! `GET /health` and `GET /v1/status`.

use kinitro_core::{BlockNumber, EnvId};
use serde::{Deserialize, Serialize};

use super::CycleBody;

/// `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Health {
    /// `healthy`, or `unhealthy` when the database does not answer.
    pub status: String,
    /// `connected` or `disconnected`.
    pub database: String,
    /// The version of the program.
    pub version: String,
}

impl Health {
    /// What the API says of itself.
    pub fn new(database_answers: bool) -> Self {
        let (status, database) =
            if database_answers { ("healthy", "connected") } else { ("unhealthy", "disconnected") };
        Self {
            status: status.to_owned(),
            database: database.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct StatusBody {
    /// `running` once a scheduler has spoken, `starting` before.
    pub status: String,
    /// The newest block that the scheduler has seen.
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>))]
    pub current_block: Option<BlockNumber>,
    /// The block of the last completed cycle.
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>))]
    pub last_eval_block: Option<BlockNumber>,
    /// How long until the next cycle begins.
    pub next_eval_in_seconds: Option<u64>,
    /// How many miners have a commitment.
    pub miners_registered: u64,
    /// The environments that miners are judged in.
    #[cfg_attr(feature = "api", schema(value_type = Vec<String>))]
    pub environments_enabled: Vec<EnvId>,
    /// The cycle that runs.
    pub current_cycle: Option<CycleBody>,
    /// The cycle that was completed last.
    pub last_completed_cycle: Option<CycleBody>,
    /// How many cycles there were.
    pub total_cycles: u64,
    /// How many hotkeys have a score.
    pub total_miners_evaluated: u64,
    /// The same as `environments_enabled`.
    #[cfg_attr(feature = "api", schema(value_type = Vec<String>))]
    pub environments: Vec<EnvId>,
    /// A cycle runs.
    pub is_evaluating: bool,
}
