//! `POST /v1/tasks/fetch`, `/renew` and `/submit`, and `GET /v1/tasks/stats`.

use kinitro_core::{CycleId, EnvId, Hotkey, MinerUid, Outcome, Seed};
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::names::named;
#[cfg(feature = "api")]
use super::schema;

named! {
    /// How far a task is.
    pub enum TaskStatus {
        /// Nobody works on it.
        Pending = "pending",
        /// An executor works on it, as long as its lease lasts.
        Assigned = "assigned",
        /// Its episode ran, or did not because of the policy. Final.
        Completed = "completed",
        /// Its episode could not be run. Final, and counts in nobody's score.
        Failed = "failed",
    }
}

/// `POST /v1/tasks/fetch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct FetchRequest {
    /// Who wants tasks: 1 to 128 characters, no control characters.
    #[cfg_attr(
        feature = "api",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")
    )]
    pub executor_id: String,
    /// How many at most, from 1 to 100.
    #[cfg_attr(feature = "api", schema(minimum = 1, maximum = 100))]
    #[serde(default = "FetchRequest::default_batch_size")]
    pub batch_size: u32,
    /// Only tasks in these environments.
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

    /// Asks for up to that many tasks, from 1 to 100.
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
    /// Tasks to run.
    pub tasks: Vec<TaskBody>,
    /// How many nobody works on, within the last second or so.
    pub total_pending: u64,
    /// How long the lease on each of the tasks lasts, in seconds, for executors whose clock is not
    /// the database's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
}

/// A task to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskBody {
    /// Its name.
    pub task_uuid: String,
    /// Its cycle.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub cycle_id: CycleId,
    /// Whose policy.
    #[cfg_attr(feature = "api", schema(value_type = u16))]
    pub miner_uid: MinerUid,
    /// The miner's key.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub miner_hotkey: Hotkey,
    /// Where the policy answers.
    pub miner_endpoint: String,
    /// The repository with the miner's model.
    pub miner_repo: String,
    /// The revision of the repository.
    pub miner_revision: String,
    /// Where.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub env_id: EnvId,
    /// What the episode grows from.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub seed: Seed,
    /// `assigned`.
    pub status: TaskStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// The number of the episode among those of the miner in the environment.
    pub episode: u32,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// What proves that the answer is of this lease.
    pub lease_token: String,
    /// When the task is taken back, by the clock of the database.
    pub lease_expires_at: Timestamp,
}

/// `POST /v1/tasks/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RenewRequest {
    /// Who works on the tasks.
    #[cfg_attr(
        feature = "api",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")
    )]
    pub executor_id: String,
    /// At most 1,000 leases that it wants to keep.
    #[cfg_attr(feature = "api", schema(max_items = 1000))]
    pub leases: Vec<Lease>,
}

impl RenewRequest {
    /// Asks to keep these leases.
    pub fn new(executor_id: impl Into<String>, leases: Vec<Lease>) -> Self {
        Self { executor_id: executor_id.into(), leases }
    }
}

/// A lease that its holder wants to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Lease {
    /// The task.
    pub task_uuid: String,
    /// The token that came with it.
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
    /// The tasks whose leases are lost. Their results would be refused.
    pub lost: Vec<String>,
    /// How long each of the leases lasts from now on, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
}

/// A lease that was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct RenewedLease {
    /// The task.
    pub task_uuid: String,
    /// When it is taken back now.
    pub lease_expires_at: Timestamp,
}

/// `POST /v1/tasks/submit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SubmitRequest {
    /// Who ran the tasks.
    #[cfg_attr(
        feature = "api",
        schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")
    )]
    pub executor_id: String,
    /// At most 1,000 results.
    #[cfg_attr(feature = "api", schema(max_items = 1000))]
    pub results: Vec<TaskResult>,
}

impl SubmitRequest {
    /// Sends these results.
    pub fn new(executor_id: impl Into<String>, results: Vec<TaskResult>) -> Self {
        Self { executor_id: executor_id.into(), results }
    }
}

/// What came of a task.
///
/// Without an `outcome`, as older executors send it, a result with `success` is a success, one with
/// an `error` the policy's fault and every other a failure. Only an executor that names the outcome
/// has its infrastructure faults tried again: else a policy could have the seeds that it does not
/// like taken out of the count by breaking down on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskResult {
    /// The task.
    pub task_uuid: String,
    /// The robot did it.
    pub success: bool,
    /// The score of the episode, in `[0, 1]`; by default what `success` says. A result with another
    /// number is rejected.
    #[serde(default)]
    pub score: Option<f64>,
    /// The sum of the rewards.
    #[serde(default)]
    pub total_reward: Option<f64>,
    /// How many steps it took.
    #[serde(default)]
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>, maximum = 4_294_967_295_u32))]
    pub timesteps: Option<u32>,
    /// What went wrong.
    #[serde(default)]
    pub error: Option<String>,
    /// Whether the policy is the committed one, if that was looked at.
    #[serde(default)]
    pub verification_passed: Option<bool>,
    /// How closely.
    #[serde(default)]
    pub verification_score: Option<f64>,
    /// The token that came with the task. Without one the executor's id must do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_token: Option<String>,
    /// How the episode ended, and whose fault that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "api", schema(value_type = Option<schema::Outcome>))]
    pub outcome: Option<Outcome>,
}

impl TaskResult {
    /// The result of a task whose episode ended like this, with the score that follows from it, no
    /// reward and no steps. Without a lease token the executor's id must do.
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

    /// The same result, under the lease of that token.
    #[must_use]
    pub fn lease_token(mut self, token: impl Into<String>) -> Self {
        self.lease_token = Some(token.into());
        self
    }

    /// The same result, with the sum of the rewards and the number of steps.
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
    /// How many results are stored now. A result that was stored before is among them.
    pub accepted: u32,
    /// How many are not.
    pub rejected: u32,
    /// Why, one for each that was rejected: the task and the reason. All reasons are final: the same
    /// result need not be sent again.
    pub errors: Vec<String>,
    /// How many of the accepted were stored before.
    #[serde(default)]
    pub duplicates: u32,
}

/// `GET /v1/tasks/stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TaskStatsBody {
    /// All tasks of the cycle that runs, or of the last one.
    pub total_tasks: u64,
    /// Those that nobody works on.
    pub pending_tasks: u64,
    /// Those that an executor works on.
    pub assigned_tasks: u64,
    /// Those that count.
    pub completed_tasks: u64,
    /// Those that could not be run.
    pub failed_tasks: u64,
    /// Executors with a running lease.
    pub active_executors: u64,
    /// The cycle that runs.
    #[cfg_attr(feature = "api", schema(value_type = Option<i64>))]
    pub current_cycle_id: Option<CycleId>,
}
