//! Jobs, and what the queue and the executors say to each other.

use std::time::Duration;

use kinitro_core::{CycleId, EnvId, Hotkey, MinerUid, Outcome, Seed};
use serde::Serialize;

use super::super::Timestamp;
use super::cycle::{CycleMiner, NewJob};
use super::named::named;
use super::{MAX_EXECUTOR_ID, StoreError, StoreErrorKind};

named! {
    /// The status of a job.
    pub enum JobStatus {
        /// It is waiting for an executor.
        Pending = "pending",
        /// An executor is working on it, for as long as its lease lasts.
        Assigned = "assigned",
        /// Its episode ran, or failed to run through the policy's fault. Final.
        Completed = "completed",
        /// Its episode could not be run. Final, and counts in no miner's score.
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

/// A request for jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// The executor that asks: 1 to [`MAX_EXECUTOR_ID`] characters.
    pub executor_id: String,
    /// The most jobs that it takes; more than [`MAX_CLAIM`](super::MAX_CLAIM) are never given.
    pub limit: u32,
    /// The environments that it can run; `None` for all.
    pub env_ids: Option<Vec<EnvId>>,
    /// How long the jobs belong to it unless it renews the lease.
    pub lease: Duration,
}

impl Claim {
    /// A request for at most `limit` jobs in any environment.
    pub fn new(executor_id: impl Into<String>, limit: u32, lease: Duration) -> Self {
        Self { executor_id: executor_id.into(), limit, env_ids: None, lease }
    }

    /// Only jobs in these environments.
    #[must_use]
    pub fn env_ids(mut self, env_ids: Vec<EnvId>) -> Self {
        self.env_ids = Some(env_ids);
        self
    }
}

/// A job that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimedJob {
    /// The UUID that names the job.
    pub uuid: String,
    /// The cycle that it belongs to.
    pub cycle: CycleId,
    /// The miner whose policy is run.
    pub uid: MinerUid,
    /// The miner's key.
    pub hotkey: Hotkey,
    /// The URL of the policy.
    pub endpoint: String,
    /// The repository with the miner's model, `USER/NAME`.
    pub repo: String,
    /// The revision of the repository.
    pub revision: String,
    /// The environment that the policy is run in.
    pub env_id: EnvId,
    /// The number of the episode among those of the miner in the environment, from 0.
    pub episode: u32,
    /// The seed of the episode.
    pub seed: Seed,
    /// How often the job was handed out, this time included.
    pub attempt: u32,
    /// When the cycle began.
    pub created_at: Timestamp,
    /// Proves that an answer comes from the holder of this lease. Random, and of this lease only.
    pub lease_token: String,
    /// When the job is taken back unless the lease is renewed.
    pub lease_expires_at: Timestamp,
}

impl ClaimedJob {
    /// A job of that cycle and miner at its first attempt, with a lease that has the token
    /// `lease_token`.
    pub fn new(cycle: CycleId, job: &NewJob, miner: &CycleMiner, lease_token: String) -> Self {
        Self {
            uuid: job.uuid.clone(),
            cycle,
            uid: miner.uid,
            hotkey: miner.hotkey,
            endpoint: miner.endpoint.clone(),
            repo: miner.repo.clone(),
            revision: miner.revision.clone(),
            env_id: job.env_id.clone(),
            episode: job.episode,
            seed: job.seed,
            attempt: 1,
            created_at: Timestamp::from_millis(0),
            lease_token,
            lease_expires_at: Timestamp::from_millis(0),
        }
    }

    /// How often the job was handed out, this time included.
    #[must_use]
    pub fn attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// When the cycle began and when the lease ends.
    #[must_use]
    pub fn times(mut self, created_at: Timestamp, lease_expires_at: Timestamp) -> Self {
        self.created_at = created_at;
        self.lease_expires_at = lease_expires_at;
        self
    }
}

/// A lease that its holder wants to keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lease {
    /// The job's UUID.
    pub task_uuid: String,
    /// The token issued with the lease.
    pub lease_token: String,
}

impl Lease {
    /// The lease with that token on the job with that UUID.
    pub fn new(uuid: impl Into<String>, token: impl Into<String>) -> Self {
        Self { task_uuid: uuid.into(), lease_token: token.into() }
    }
}

/// Whether the deployed policy acted as the committed one.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Verification {
    /// Whether the deployed policy acted as the committed one.
    pub passed: bool,
    /// How closely the two agree, in `[0, 1]`, if that was measured.
    pub score: Option<f64>,
}

impl Verification {
    /// A verification with its score, if there is one.
    pub fn new(passed: bool, score: Option<f64>) -> Self {
        Self { passed, score }
    }
}

/// The answer of an executor: the result of a job.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// The job's UUID.
    pub task_uuid: String,
    /// The token of the lease under which it ran. Without one the executor's id decides, as in older
    /// programs.
    pub lease_token: Option<String>,
    /// How the episode ended, which decides what happens to the job.
    pub outcome: Outcome,
    /// The score of the episode, in `[0, 1]`.
    pub score: f64,
    /// The sum of the rewards; must be finite.
    pub total_reward: f64,
    /// How many steps the episode took.
    pub timesteps: u32,
    /// Whether the policy is the committed one, if that was checked.
    pub verification: Option<Verification>,
}

impl Answer {
    /// An answer with the score of its outcome, no reward and no steps.
    pub fn new(uuid: impl Into<String>, outcome: Outcome) -> Self {
        Self {
            task_uuid: uuid.into(),
            lease_token: None,
            score: outcome.score().unwrap_or(0.0),
            outcome,
            total_reward: 0.0,
            timesteps: 0,
            verification: None,
        }
    }

    /// The token of the lease under which the job ran.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.lease_token = Some(token.into());
        self
    }

    /// The score of the episode, in `[0, 1]`.
    #[must_use]
    pub fn score(mut self, score: f64) -> Self {
        self.score = score;
        self
    }

    /// The sum of the rewards, and how many steps the episode took.
    #[must_use]
    pub fn episode(mut self, total_reward: f64, timesteps: u32) -> Self {
        self.total_reward = total_reward;
        self.timesteps = timesteps;
        self
    }

    /// Whether the policy is the committed one.
    #[must_use]
    pub fn verification(mut self, verification: Option<Verification>) -> Self {
        self.verification = verification;
        self
    }
}

/// How the queue decides on an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is accepted.
    Accepted(Settled),
    /// The same answer was accepted before. It changes nothing.
    Duplicate,
    /// The answer is refused.
    Refused(Refusal),
}

/// What happens to a job whose answer is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The job is completed, and its episode counts.
    Completed,
    /// The job is handed out again after this time.
    Retried(Duration),
    /// The job broke down too often and is given up.
    Failed,
    /// The executor returned the job without running it, which does not count as an attempt.
    Released,
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such job.
    #[error("there is no such task")]
    UnknownTask,
    /// The lease ran out, and the job was taken back.
    #[error("too late: the lease ran out and the task was taken back")]
    LeaseLost,
    /// Another lease on the job is running now.
    #[error("too late: the lease ran out and another lease on the task is running")]
    OtherLease,
    /// The job already has a result, or its cycle has ended.
    #[error("the task is over: it has another result already, or its cycle has ended")]
    Over,
    /// A different answer was given under the same lease.
    #[error("another answer was given under the same lease")]
    OtherAnswer,
    /// The answer's numbers are out of range.
    #[error("the score must be from 0 to 1, the reward and the verification score finite")]
    Senseless,
}

/// How often, and after what delay, a job is retried that broke down through no fault of the
/// policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The maximum number of retries after the first attempt.
    pub retries: u32,
    /// The longest wait before the first retry; it doubles with each.
    pub delay: Duration,
    /// The longest wait before any retry.
    pub max_delay: Duration,
}

impl RetryPolicy {
    /// At most `retries` retries, the first after at most `delay`.
    pub const fn new(retries: u32, delay: Duration, max_delay: Duration) -> Self {
        Self { retries, delay, max_delay }
    }

    /// Another number of retries.
    #[must_use]
    pub const fn retries(self, retries: u32) -> Self {
        Self { retries, ..self }
    }
}

impl Default for RetryPolicy {
    /// Five retries, after up to 2, 4, 8, 16 and 32 seconds.
    fn default() -> Self {
        Self::new(5, Duration::from_secs(2), Duration::from_secs(60))
    }
}

/// What happened to the jobs whose leases ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Expired {
    /// The number of jobs that can be claimed again.
    pub returned: u32,
    /// The number of jobs that had been tried too often and were given up.
    pub failed: u32,
}

/// How many jobs have each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct JobStats {
    /// The running cycle, if any. The counts are for its jobs, or for the last cycle's when none is
    /// running.
    pub current_cycle: Option<CycleId>,
    /// The number of jobs in the cycle.
    pub total: u64,
    /// Jobs that are waiting for an executor.
    pub pending: u64,
    /// Jobs that an executor is working on.
    pub assigned: u64,
    /// Jobs whose episodes count.
    pub completed: u64,
    /// Jobs that could not be run.
    pub failed: u64,
    /// The number of executors with a running lease.
    pub active_executors: u64,
}

impl JobStats {
    /// Adds `count` jobs with this status.
    pub fn add(&mut self, status: JobStatus, count: u64) {
        self.total += count;
        match status {
            JobStatus::Pending => self.pending += count,
            JobStatus::Assigned => self.assigned += count,
            JobStatus::Completed => self.completed += count,
            JobStatus::Failed => self.failed += count,
        }
    }
}

/// A job and its outcome so far.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct JobRecord {
    /// Its place in the order in which the cycle's jobs are handed out, from 0.
    pub position: u64,
    /// The UUID that names it.
    pub uuid: String,
    /// The miner whose policy is run.
    pub uid: MinerUid,
    /// The environment that the policy is run in.
    pub env_id: EnvId,
    /// The number of the episode among those of the miner in the environment, from 0.
    pub episode: u32,
    /// The seed of the episode.
    pub seed: Seed,
    /// The status of the job.
    pub status: JobStatus,
    /// How often it was handed out.
    pub attempts: u32,
    /// The executor that ran it last.
    pub executor_id: Option<String>,
    /// [`Outcome::label`] of its last answer, or `infra_fault:lease_expired`.
    pub outcome: Option<String>,
    /// Whether the robot succeeded; `None` unless the job is completed.
    pub success: Option<bool>,
    /// The score of the episode, in `[0, 1]`; `None` unless the job is completed.
    pub score: Option<f64>,
    /// The sum of the rewards; `None` unless the job is completed.
    pub total_reward: Option<f64>,
    /// How many steps the episode took; `None` unless the job is completed.
    pub timesteps: Option<u32>,
    /// What went wrong.
    pub error: Option<String>,
    /// Whether the policy is the committed one, if that was checked.
    pub verification: Option<Verification>,
}

impl JobRecord {
    /// A job that no executor has worked on yet.
    pub fn new(position: u64, job: &NewJob) -> Self {
        Self {
            position,
            uuid: job.uuid.clone(),
            uid: job.miner,
            env_id: job.env_id.clone(),
            episode: job.episode,
            seed: job.seed,
            status: JobStatus::Pending,
            attempts: 0,
            executor_id: None,
            outcome: None,
            success: None,
            score: None,
            total_reward: None,
            timesteps: None,
            error: None,
            verification: None,
        }
    }
}
