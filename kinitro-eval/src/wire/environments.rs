//! `GET /v1/environments`.

use kinitro_core::EnvId;
use serde::{Deserialize, Serialize};

/// `GET /v1/environments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct EnvironmentsBody {
    /// The environments that miners are or were judged in.
    pub environments: Vec<EnvironmentBody>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct EnvironmentBody {
    /// Its name, `family/task`.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub env_id: EnvId,
    /// The family.
    pub env_name: String,
    /// The task.
    pub task_name: String,
    /// How many episodes counted, over all completed cycles.
    pub n_evaluations: u64,
    /// The share of them in which the robot did it.
    pub avg_success_rate: Option<f64>,
}
