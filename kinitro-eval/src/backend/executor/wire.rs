//! What the executor reads and writes of the API (spec/wire.md, section 4).

use kinitro_core::{CycleId, EnvId, MinerUid, Outcome, Seed};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize)]
pub(super) struct FetchRequest {
    pub(super) executor_id: String,
    pub(super) batch_size: u32,
    pub(super) env_ids: Option<Vec<EnvId>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FetchAnswer {
    pub(super) tasks: Vec<TaskBody>,
    #[serde(default)]
    pub(super) lease_seconds: Option<f64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct TaskBody {
    pub(super) task_uuid: String,
    pub(super) cycle_id: CycleId,
    pub(super) miner_uid: MinerUid,
    pub(super) miner_endpoint: String,
    pub(super) env_id: EnvId,
    pub(super) seed: Seed,
    pub(super) lease_token: String,
}

#[derive(Debug, Serialize)]
pub(super) struct RenewRequest {
    pub(super) executor_id: String,
    pub(super) leases: Vec<Lease>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Lease {
    pub(super) task_uuid: String,
    pub(super) lease_token: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct RenewAnswer {
    pub(super) lost: Vec<String>,
    #[serde(default)]
    pub(super) lease_seconds: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct SubmitRequest {
    pub(super) executor_id: String,
    pub(super) results: Vec<TaskResult>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct TaskResult {
    pub(super) task_uuid: String,
    pub(super) success: bool,
    pub(super) score: Option<f64>,
    pub(super) total_reward: Option<f64>,
    pub(super) timesteps: Option<u32>,
    pub(super) error: Option<String>,
    pub(super) verification_passed: Option<bool>,
    pub(super) verification_score: Option<f64>,
    pub(super) lease_token: Option<String>,
    pub(super) outcome: Option<Outcome>,
}

#[derive(Debug, Deserialize)]
pub(super) struct SubmitAnswer {
    #[serde(default)]
    pub(super) errors: Vec<String>,
}
