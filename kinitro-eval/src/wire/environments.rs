//! `GET /v1/environments`.

use kinitro_core::EnvId;
use serde::{Deserialize, Serialize};

/// `GET /v1/environments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct EnvironmentsBody {
    /// The environments that miners are or have been evaluated in.
    pub environments: Vec<EnvironmentBody>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct EnvironmentBody {
    /// The environment's id, `family/task`.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub env_id: EnvId,
    /// The first half of the id: the family.
    pub env_name: String,
    /// The second half of the id: the task name.
    pub task_name: String,
    /// The number of episodes that counted, over all completed cycles.
    pub n_evaluations: u64,
    /// The success rate over those episodes, 0 to 1; null if there are none.
    pub avg_success_rate: Option<f64>,
}
