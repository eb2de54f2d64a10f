//! Jobs, and what is said between the queue and those who run them.

use std::time::Duration;

use kinitro_core::{CycleId, EnvId, Hotkey, MinerUid, Outcome, Seed};
use serde::Serialize;

use super::super::Timestamp;
use super::named::named;
use super::{MAX_EXECUTOR_ID, StoreError, StoreErrorKind};

named! {
    /// How far a job is.
    pub enum JobStatus {
        /// Nobody works on it.
        Pending = "pending",
        /// An executor works on it, as long as its lease lasts.
        Assigned = "assigned",
        /// Its episode ran, or did not for the policy's fault. Final.
        Completed = "completed",
        /// Its episode could not be run. Final, and counts in nobody's score.
        Failed = "failed",
    }
}

/// Checks that a text can be the id of an executor.
///
/// # Errors
/// [`StoreErrorKind::Invalid`] when it is empty, longer than [`MAX_EXECUTOR_ID`] or has control
/// characters.
pub fn check_executor_id(id: &str) -> Result<(), StoreError> {
    let length = id.chars().take(MAX_EXECUTOR_ID + 1).count();
    if (1..=MAX_EXECUTOR_ID).contains(&length) && !id.chars().any(char::is_control) {
        return Ok(());
    }
    let message = "an executor id has from 1 to 128 characters, and no control characters";
    Err(StoreError::new(StoreErrorKind::Invalid, message))
}

/// A wish for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who wants them: 1 to [`MAX_EXECUTOR_ID`](super::MAX_EXECUTOR_ID) characters.
    pub executor_id: String,
    /// How many at most.
    pub limit: u32,
    /// Only jobs in these environments; in all when `None`.
    pub env_ids: Option<Vec<EnvId>>,
    /// How long they are its own unless it renews the lease.
    pub lease: Duration,
}

/// A job that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Its name.
    pub uuid: String,
    /// Its cycle.
    pub cycle: CycleId,
    /// Whose policy.
    pub uid: MinerUid,
    /// The miner's key.
    pub hotkey: Hotkey,
    /// Where the policy answers.
    pub endpoint: String,
    /// The repository with the miner's model.
    pub repo: String,
    /// The revision of the repository.
    pub revision: String,
    /// Where.
    pub env_id: EnvId,
    /// The number of the episode.
    pub episode: u32,
    /// What the episode grows from.
    pub seed: Seed,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// When the cycle made it.
    pub created_at: Timestamp,
    /// What proves that the answer comes from this lease. Random, and of this lease only.
    pub lease_token: String,
    /// When it is taken back, by the clock of the database.
    pub lease_expires_at: Timestamp,
}

/// A lease that its holder wants to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lease {
    /// The job.
    pub task_uuid: String,
    /// The token that came with it.
    pub lease_token: String,
}

/// Whether the deployed policy acted as the committed one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verification {
    /// It did.
    pub passed: bool,
    /// How closely, in `[0, 1]`, if that was measured.
    pub score: Option<f64>,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The job.
    pub task_uuid: String,
    /// The token of the lease under which it ran. Without one the executor's id must do, as in
    /// older programs.
    pub lease_token: Option<String>,
    /// How the episode ended, and so what becomes of the job.
    pub outcome: Outcome,
    /// The score of the episode, in `[0, 1]`.
    pub score: f64,
    /// The sum of the rewards. Finite.
    pub total_reward: f64,
    /// How many steps it took.
    pub timesteps: u32,
    /// Whether the policy is the committed one, if that was looked at.
    pub verification: Option<Verification>,
}

/// What the queue makes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Accepted(Settled),
    /// It was taken before, and changes nothing now.
    Duplicate,
    /// It is not taken.
    Refused(Refusal),
}

/// What becomes of a job whose answer is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It counts.
    Completed,
    /// It is handed out again after that time.
    Retried(Duration),
    /// It broke down too often, and is given up.
    Failed,
    /// Its executor gave it back unrun. That does not count as an attempt.
    Released,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such job.
    #[error("there is no such task")]
    UnknownTask,
    /// The lease ran out, and the job was taken back.
    #[error("too late: the lease ran out and the task was taken back")]
    LeaseLost,
    /// Somebody else works on it now.
    #[error("too late: the lease ran out and another lease on the task is running")]
    OtherLease,
    /// Its result, or its end, is known already.
    #[error("the task is over: it has another result already, or its cycle has ended")]
    Over,
    /// Another answer came under the same lease.
    #[error("another answer was given under the same lease")]
    OtherAnswer,
    /// Numbers that no episode gives.
    #[error("the score must be from 0 to 1, the reward and the verification score finite")]
    Senseless,
}

/// How often, and after how long, a job is tried again that broke down for no fault of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often after the first attempt.
    pub retries: u32,
    /// The longest wait before the first retry; it doubles with each.
    pub delay: Duration,
    /// The longest wait before any.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Five times, after up to 2, 4, 8, 16 and 32 seconds.
    fn default() -> Self {
        Self { retries: 5, delay: Duration::from_secs(2), max_delay: Duration::from_secs(60) }
    }
}

/// What became of the jobs whose leases ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// They can be claimed again.
    pub returned: u32,
    /// They had been tried too often, and were given up.
    pub failed: u32,
}

/// How many jobs there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct JobStats {
    /// The cycle that runs. The counts are of its jobs, or of the last cycle's when none runs.
    pub current_cycle: Option<CycleId>,
    /// All.
    pub total: u64,
    /// Nobody works on them.
    pub pending: u64,
    /// An executor works on them.
    pub assigned: u64,
    /// They count.
    pub completed: u64,
    /// They could not be run.
    pub failed: u64,
    /// Executors with a running lease.
    pub active_executors: u64,
}

/// One job with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its place in the order in which the jobs of the cycle are handed out, from 0.
    pub position: u64,
    /// Its name.
    pub uuid: String,
    /// Whose policy.
    pub uid: MinerUid,
    /// Where.
    pub env_id: EnvId,
    /// The number of the episode.
    pub episode: u32,
    /// What the episode grows from.
    pub seed: Seed,
    /// How far it is.
    pub status: JobStatus,
    /// How often it was handed out.
    pub attempts: u32,
    /// Who ran it last.
    pub executor_id: Option<String>,
    /// [`Outcome::label`] of its last answer, or `infra_fault:lease_expired`.
    pub outcome: Option<String>,
    /// Whether the robot did it; `None` unless it is completed.
    pub success: Option<bool>,
    /// The score of the episode.
    pub score: Option<f64>,
    /// The sum of the rewards.
    pub total_reward: Option<f64>,
    /// How many steps it took.
    pub timesteps: Option<u32>,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether the policy is the committed one, if that was looked at.
    pub verification: Option<Verification>,
}
