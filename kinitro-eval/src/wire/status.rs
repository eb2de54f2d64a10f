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
    /// The health of the API, given whether its database answers.
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
    /// `running` once a scheduler has reported to the database, `starting` before.
    pub status: String,
    /// The newest block that the scheduler has seen; null if it has seen none.
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>))]
    pub current_block: Option<BlockNumber>,
    /// The block of the last completed cycle; null if there is none.
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>))]
    pub last_eval_block: Option<BlockNumber>,
    /// The time until the next cycle starts, in seconds; null if unknown.
    pub next_eval_in_seconds: Option<u64>,
    /// The number of miners with a commitment.
    pub miners_registered: u64,
    /// The environments that miners are evaluated in.
    #[cfg_attr(feature = "api", schema(value_type = Vec<String>))]
    pub environments_enabled: Vec<EnvId>,
    /// The running cycle; null if there is none.
    pub current_cycle: Option<CycleBody>,
    /// The last completed cycle; null if there is none.
    pub last_completed_cycle: Option<CycleBody>,
    /// The number of cycles so far.
    pub total_cycles: u64,
    /// The number of hotkeys with a score.
    pub total_miners_evaluated: u64,
    /// The same as `environments_enabled`.
    #[cfg_attr(feature = "api", schema(value_type = Vec<String>))]
    pub environments: Vec<EnvId>,
    /// Whether a cycle is running.
    pub is_evaluating: bool,
}
