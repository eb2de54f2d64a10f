//! `POST /v1/tasks/fetch`, `/renew` and `/submit`, and `GET /v1/tasks/stats`.

use kinitro_core::{CycleId, EnvId, Hotkey, MinerUid, Outcome, Seed};
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::names::named;
#[cfg(feature = "api")]
use super::schema;

named! {
    /// The status of a task.
    pub enum TaskStatus {
        /// No executor is working on it.
        Pending = "pending",
        /// An executor holds a lease on it and is working on it.
        Assigned = "assigned",
        /// Its episode ran, or could not run because of the policy. Final.
        Completed = "completed",
        /// Its episode could not be run for other reasons. Final; it counts towards no score.
        Failed = "failed",
    }
}

/// `POST /v1/tasks/fetch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct FetchRequest {
    /// The executor's id: 1 to 128 characters, no control characters.
    #[cfg_attr(
        feature = "api",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")
    )]
    pub executor_id: String,
    /// The largest number of tasks to return, 1 to 100.
    #[cfg_attr(feature = "api", schema(minimum = 1, maximum = 100))]
    #[serde(default = "FetchRequest::default_batch_size")]
    pub batch_size: u32,
    /// Return tasks in these environments only; all environments if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "api", schema(value_type = Option<Vec<String>>))]
    pub env_ids: Option<Vec<EnvId>>,
}

impl FetchRequest {
    /// Asks for up to 10 tasks in any environment.
    pub fn new(executor_id: impl Into<String>) -> Self {
        let batch_size = Self::default_batch_size();
        Self { executor_id: executor_id.into(), batch_size, env_ids: None }
    }

    /// Asks for up to this many tasks, 1 to 100.
    #[must_use]
    pub fn batch_size(mut self, batch_size: u32) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Asks for tasks in these environments only.
    #[must_use]
    pub fn env_ids(mut self, env_ids: impl IntoIterator<Item = EnvId>) -> Self {
        self.env_ids = Some(env_ids.into_iter().collect());
        self
    }

    fn default_batch_size() -> u32 {
        10
    }
}

/// The answer to `POST /v1/tasks/fetch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct FetchAnswer {
    /// The tasks to run.
    pub tasks: Vec<TaskBody>,
    /// The number of pending tasks, up to about a second old.
    pub total_pending: u64,
    /// How long the lease on each task lasts, in seconds from now. Unlike `lease_expires_at`, it
    /// does not depend on the executor's clock agreeing with the database's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
}

/// A task to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskBody {
    /// The task's UUID.
    pub task_uuid: String,
    /// The id of the cycle that the task belongs to.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub cycle_id: CycleId,
    /// The slot of the miner whose policy is evaluated.
    #[cfg_attr(feature = "api", schema(value_type = u16))]
    pub miner_uid: MinerUid,
    /// The miner's hotkey.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub miner_hotkey: Hotkey,
    /// The URL of the miner's policy server.
    pub miner_endpoint: String,
    /// The repository with the miner's model.
    pub miner_repo: String,
    /// The revision of that repository.
    pub miner_revision: String,
    /// The environment's id, `family/task`.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub env_id: EnvId,
    /// The seed of the episode.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub seed: Seed,
    /// Always `assigned`.
    pub status: TaskStatus,
    /// When the task was created.
    pub created_at: Timestamp,
    /// The number of the episode among the miner's episodes in this environment, from 0.
    pub episode: u32,
    /// How often the task has been handed out, including this time; at least 1.
    pub attempt: u32,
    /// The token of this lease, to be sent back with the result.
    pub lease_token: String,
    /// When the lease expires, by the database's clock.
    pub lease_expires_at: Timestamp,
}

/// `POST /v1/tasks/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RenewRequest {
    /// The id of the executor that holds the leases.
    #[cfg_attr(
        feature = "api",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")
    )]
    pub executor_id: String,
    /// The leases to renew, at most 1,000.
    #[cfg_attr(feature = "api", schema(max_items = 1000))]
    pub leases: Vec<Lease>,
}

impl RenewRequest {
    /// Asks to renew these leases.
    pub fn new(executor_id: impl Into<String>, leases: Vec<Lease>) -> Self {
        Self { executor_id: executor_id.into(), leases }
    }
}

/// A lease to renew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Lease {
    /// The task's UUID.
    pub task_uuid: String,
    /// The token that came with the task.
    pub lease_token: String,
}

impl Lease {
    /// The lease on a task, by the token that came with it.
    pub fn new(task_uuid: impl Into<String>, lease_token: impl Into<String>) -> Self {
        Self { task_uuid: task_uuid.into(), lease_token: lease_token.into() }
    }
}

/// The answer to `POST /v1/tasks/renew`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RenewAnswer {
    /// The leases that were renewed.
    pub renewed: Vec<RenewedLease>,
    /// The UUIDs of the tasks whose leases are lost. Results for them would be rejected.
    pub lost: Vec<String>,
    /// How long each renewed lease lasts, in seconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
}

/// A lease that was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RenewedLease {
    /// The task's UUID.
    pub task_uuid: String,
    /// When the renewed lease expires, by the database's clock.
    pub lease_expires_at: Timestamp,
}

/// `POST /v1/tasks/submit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubmitRequest {
    /// The id of the executor that ran the tasks.
    #[cfg_attr(
        feature = "api",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")
    )]
    pub executor_id: String,
    /// The results, at most 1,000.
    #[cfg_attr(feature = "api", schema(max_items = 1000))]
    pub results: Vec<TaskResult>,
}

impl SubmitRequest {
    /// Sends these results.
    pub fn new(executor_id: impl Into<String>, results: Vec<TaskResult>) -> Self {
        Self { executor_id: executor_id.into(), results }
    }
}

/// The result of a task.
///
/// Older executors send no `outcome`. Their result then counts as a success if `success` is true,
/// as a policy fault if it has an `error`, and as a failure otherwise. Infrastructure faults are
/// retried only if the executor names them in `outcome`: otherwise a policy could drop seeds it
/// does not like by crashing on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskResult {
    /// The task's UUID.
    pub task_uuid: String,
    /// Whether the episode succeeded.
    pub success: bool,
    /// The score of the episode, 0 to 1; by default 1 if `success` is true, else 0. A result with a
    /// score outside this range is rejected.
    #[serde(default)]
    pub score: Option<f64>,
    /// The sum of the rewards of all steps.
    #[serde(default)]
    pub total_reward: Option<f64>,
    /// The number of steps in the episode.
    #[serde(default)]
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>, maximum = 4_294_967_295_u32))]
    pub timesteps: Option<u32>,
    /// What went wrong, if anything did.
    #[serde(default)]
    pub error: Option<String>,
    /// Whether the policy is the committed one; null if this was not checked.
    #[serde(default)]
    pub verification_passed: Option<bool>,
    /// How closely the policy matches the committed one; null if this was not checked.
    #[serde(default)]
    pub verification_score: Option<f64>,
    /// The token that came with the task. Without one, the lease is recognised by `executor_id`
    /// alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_token: Option<String>,
    /// How the episode ended, and for a fault, whose it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "api", schema(value_type = Option<schema::Outcome>))]
    pub outcome: Option<Outcome>,
}

impl TaskResult {
    /// The result of a task whose episode had this outcome, with the score that follows from it, no
    /// reward, no steps and no lease token.
    pub fn new(task_uuid: impl Into<String>, outcome: Outcome) -> Self {
        let error = match &outcome {
            Outcome::PolicyFault(fault) => Some(fault.detail.clone()),
            Outcome::InfraFault(fault) => Some(fault.detail.clone()),
            Outcome::Cancelled => Some("cancelled".to_owned()),
            Outcome::Success | Outcome::Failure => None,
        };
        Self {
            task_uuid: task_uuid.into(),
            success: outcome == Outcome::Success,
            score: Some(outcome.score().unwrap_or(0.0)),
            total_reward: Some(0.0),
            timesteps: Some(0),
            error,
            verification_passed: None,
            verification_score: None,
            lease_token: None,
            outcome: Some(outcome),
        }
    }

    /// The same result with this lease token.
    #[must_use]
    pub fn lease_token(mut self, token: impl Into<String>) -> Self {
        self.lease_token = Some(token.into());
        self
    }

    /// The same result with this sum of rewards and number of steps.
    #[must_use]
    pub fn steps(mut self, total_reward: f64, timesteps: u32) -> Self {
        self.total_reward = Some(total_reward);
        self.timesteps = Some(timesteps);
        self
    }
}

/// The answer to `POST /v1/tasks/submit`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubmitAnswer {
    /// The number of results that are stored, including those that already were.
    pub accepted: u32,
    /// The number of results that were rejected.
    pub rejected: u32,
    /// One message for each rejected result, naming the task and the reason. Rejection is final: do
    /// not send the same result again.
    pub errors: Vec<String>,
    /// How many of the accepted results were already stored.
    #[serde(default)]
    pub duplicates: u32,
}

/// `GET /v1/tasks/stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskStatsBody {
    /// The number of tasks in the running cycle, or in the last one if none is running.
    pub total_tasks: u64,
    /// Tasks that no executor is working on.
    pub pending_tasks: u64,
    /// Tasks that an executor is working on.
    pub assigned_tasks: u64,
    /// Tasks that are completed and count.
    pub completed_tasks: u64,
    /// Tasks that could not be run and do not count.
    pub failed_tasks: u64,
    /// The number of executors that hold a lease.
    pub active_executors: u64,
    /// The id of the running cycle; null if there is none.
    #[cfg_attr(feature = "api", schema(value_type = Option<i64>))]
    pub current_cycle_id: Option<CycleId>,
}
