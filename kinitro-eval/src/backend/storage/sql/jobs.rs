//! The queue.

use std::collections::BTreeMap;
use std::time::Duration;

use kinitro_core::{CycleId, Seed};
use serde::Serialize;
use sqlx::FromRow;

use super::rows::{corrupt, number, parsed, uid};
use super::{Driver, SqlStore, json, values};
use crate::backend::Timestamp;
use crate::backend::storage::rules::{JobState, Recorded, jitter, lease_length};
use crate::backend::storage::{
    Answer, Claim, ClaimedJob, Expired, JobRecord, JobStats, JobStatus, Lease, MAX_CLAIM, Refusal,
    RetryPolicy, Settled, StoreError, Verdict, Verification, check_executor_id,
};

/// Jobs of cycles that are over are never pending, so none of them is handed out.
const CLAIM: &str = "
    WITH picked AS (
        SELECT task_uuid FROM task_pool
        WHERE status = 'pending' AND available_at <= {now}
            AND ($4 IS NULL OR env_id IN ({items $4}))
        ORDER BY cycle_id, position LIMIT $2 {skip_locked}
    )
    UPDATE task_pool SET status = 'assigned', attempts = attempts + 1, executor_id = $1,
        lease_token = {token}, lease_expires_at = {after $3}
    WHERE task_uuid IN (SELECT task_uuid FROM picked)
    RETURNING task_uuid, cycle_id, position, miner_uid, env_id, episode, seed, attempts, lease_token,
        {millis created_at} AS created_at, {millis lease_expires_at} AS lease_expires_at";

const MINERS: &str = "
    SELECT cycle_id, uid, hotkey, endpoint, repo, revision FROM cycle_miners
    WHERE (cycle_id, uid) IN (SELECT cycle_id, uid FROM {records $1: cycle_id BIGINT, uid BIGINT})";

const RENEW: &str = "
    WITH held AS (
        SELECT task_pool.task_uuid AS task_uuid
        FROM task_pool JOIN {records $1: task_uuid TEXT, lease_token TEXT}
            ON task_pool.task_uuid = new.task_uuid AND task_pool.lease_token = new.lease_token
        WHERE task_pool.status = 'assigned' ORDER BY task_pool.task_uuid {lock task_pool}
    )
    UPDATE task_pool SET lease_expires_at = {after $2}
    WHERE task_uuid IN (SELECT task_uuid FROM held)
    RETURNING task_uuid, lease_token, {millis lease_expires_at} AS lease_expires_at";

const STATES: &str = "
    SELECT task_uuid, status, attempts, executor_id, lease_token,
        answer_token, answer_executor, answer_digest
    FROM task_pool WHERE task_uuid IN ({items $1}) ORDER BY task_uuid {lock}";

const ANSWER: &str = "
    UPDATE task_pool SET status = new.status, attempts = new.attempts,
        lease_token = NULL, lease_expires_at = NULL,
        available_at = {after new.delay},
        answer_token = new.answer_token, answer_executor = new.answer_executor,
        answer_digest = new.answer_digest,
        finished_at = CASE WHEN new.status IN ('completed', 'failed') THEN {now} END,
        outcome = new.outcome, success = new.success, score = new.score,
        total_reward = new.total_reward, timesteps = new.timesteps, error = new.error,
        verification_passed = new.verification_passed,
        verification_score = new.verification_score
    FROM {records $1: task_uuid TEXT, status TEXT, attempts BIGINT, delay BIGINT, answer_token TEXT, answer_executor TEXT, answer_digest TEXT, outcome TEXT, success BOOLEAN, score DOUBLE PRECISION, total_reward DOUBLE PRECISION, timesteps BIGINT, error TEXT, verification_passed BOOLEAN, verification_score DOUBLE PRECISION}
    WHERE task_pool.task_uuid = new.task_uuid";

const EXPIRE: &str = "
    WITH expired AS (
        SELECT task_uuid FROM task_pool
        WHERE status = 'assigned' AND lease_expires_at <= {now} {skip_locked}
    )
    UPDATE task_pool SET status = CASE WHEN attempts > $1 THEN 'failed' ELSE 'pending' END,
        finished_at = CASE WHEN attempts > $1 THEN {now} END,
        lease_token = NULL, lease_expires_at = NULL, available_at = {now},
        outcome = 'infra_fault:lease_expired', error = 'the lease ran out'
    WHERE task_uuid IN (SELECT task_uuid FROM expired)
    RETURNING status";

const STATS: &str = "
    SELECT status, COUNT(*) AS jobs FROM task_pool
    WHERE cycle_id = (SELECT MAX(id) FROM evaluation_cycles) GROUP BY status";

const JOBS: &str = "
    SELECT position, task_uuid, miner_uid, env_id, episode, seed, status, attempts, executor_id,
        outcome, success, score, total_reward, timesteps, error,
        verification_passed, verification_score
    FROM task_pool WHERE cycle_id = $1 AND position >= $2 ORDER BY position LIMIT $3";

#[derive(FromRow)]
struct ClaimedRow {
    task_uuid: String,
    cycle_id: i64,
    position: i64,
    miner_uid: i64,
    env_id: String,
    episode: i64,
    seed: i64,
    attempts: i64,
    lease_token: String,
    created_at: i64,
    lease_expires_at: i64,
}

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
struct MinerKey {
    cycle_id: i64,
    uid: i64,
}

#[derive(FromRow)]
struct MinerRow {
    cycle_id: i64,
    uid: i64,
    hotkey: String,
    endpoint: String,
    repo: String,
    revision: String,
}

#[derive(FromRow)]
struct RenewedRow {
    task_uuid: String,
    lease_token: String,
    lease_expires_at: i64,
}

#[derive(FromRow)]
struct StateRow {
    task_uuid: String,
    status: String,
    attempts: i64,
    executor_id: Option<String>,
    lease_token: Option<String>,
    answer_token: Option<String>,
    answer_executor: Option<String>,
    answer_digest: Option<String>,
}

/// What [`ANSWER`] writes.
#[derive(Serialize)]
struct AnswerToWrite {
    task_uuid: String,
    status: JobStatus,
    attempts: u32,
    delay: i64,
    answer_token: Option<String>,
    answer_executor: Option<String>,
    answer_digest: Option<String>,
    outcome: String,
    success: Option<bool>,
    score: Option<f64>,
    total_reward: Option<f64>,
    timesteps: Option<u32>,
    error: Option<String>,
    verification_passed: Option<bool>,
    verification_score: Option<f64>,
}

impl AnswerToWrite {
    fn new(state: &JobState, answer: &Answer, settled: Settled) -> Self {
        let delay = match settled {
            Settled::Retried(delay) => millis(delay),
            Settled::Completed | Settled::Failed | Settled::Released => 0,
        };
        let recorded = Recorded::new(answer, settled);
        Self {
            task_uuid: answer.task_uuid.clone(),
            status: state.status,
            attempts: state.attempts,
            delay,
            answer_token: state.answer_token.clone(),
            answer_executor: state.answer_executor.clone(),
            answer_digest: state.answer_digest.clone(),
            outcome: recorded.outcome,
            success: recorded.success,
            score: recorded.score,
            total_reward: recorded.total_reward,
            timesteps: recorded.timesteps,
            error: recorded.error,
            verification_passed: recorded.verification.map(|verification| verification.passed),
            verification_score: recorded.verification.and_then(|verification| verification.score),
        }
    }
}

#[derive(FromRow)]
struct JobRow {
    position: i64,
    task_uuid: String,
    miner_uid: i64,
    env_id: String,
    episode: i64,
    seed: i64,
    status: String,
    attempts: i64,
    executor_id: Option<String>,
    outcome: Option<String>,
    success: Option<bool>,
    score: Option<f64>,
    total_reward: Option<f64>,
    timesteps: Option<i64>,
    error: Option<String>,
    verification_passed: Option<bool>,
    verification_score: Option<f64>,
}

impl TryFrom<JobRow> for JobRecord {
    type Error = StoreError;

    fn try_from(row: JobRow) -> Result<Self, StoreError> {
        let score = row.verification_score;
        Ok(Self {
            position: number(row.position, "position")?,
            uuid: row.task_uuid,
            uid: uid(row.miner_uid)?,
            env_id: parsed(&row.env_id, "environment")?,
            episode: number(row.episode, "episode")?,
            seed: Seed(row.seed.cast_unsigned()),
            status: status(&row.status)?,
            attempts: number(row.attempts, "number of attempts")?,
            executor_id: row.executor_id,
            outcome: row.outcome,
            success: row.success,
            score: row.score,
            total_reward: row.total_reward,
            timesteps: row.timesteps.map(|steps| number(steps, "number of steps")).transpose()?,
            error: row.error,
            verification: row.verification_passed.map(|passed| Verification { passed, score }),
        })
    }
}

fn status(name: &str) -> Result<JobStatus, StoreError> {
    JobStatus::from_name(name).ok_or_else(|| corrupt("status of a job"))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn lease_millis(lease: Duration) -> i64 {
    millis(lease_length(lease))
}

/// Whether a text can be the name of a job or the token of a lease. Others are not asked for.
fn is_name(text: &str) -> bool {
    text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn claim_jobs(&self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError> {
        check_executor_id(&claim.executor_id)?;
        let env_ids = claim.env_ids.as_ref().map(json).transpose()?;
        let values = values![
            claim.executor_id.as_str(),
            claim.limit.min(MAX_CLAIM),
            lease_millis(claim.lease),
            env_ids,
        ];
        let mut connection = self.0.writer().await?;
        let mut rows: Vec<ClaimedRow> = self.rows(&mut connection, CLAIM, values).await?;
        drop(connection);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        rows.sort_by_key(|row| (row.cycle_id, row.position));
        let key = |row: &ClaimedRow| MinerKey { cycle_id: row.cycle_id, uid: row.miner_uid };
        let mut keys: Vec<MinerKey> = rows.iter().map(key).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut connection = self.0.reader().await?;
        let miners: Vec<MinerRow> =
            self.rows(&mut connection, MINERS, values![json(&keys)?]).await?;
        let miners: BTreeMap<MinerKey, MinerRow> = miners
            .into_iter()
            .map(|row| (MinerKey { cycle_id: row.cycle_id, uid: row.uid }, row))
            .collect();
        rows.into_iter()
            .map(|row| {
                let miner = miners.get(&key(&row)).ok_or_else(|| corrupt("job without miner"))?;
                Ok(ClaimedJob {
                    uuid: row.task_uuid,
                    cycle: CycleId(row.cycle_id),
                    uid: uid(row.miner_uid)?,
                    hotkey: parsed(&miner.hotkey, "hotkey")?,
                    endpoint: miner.endpoint.clone(),
                    repo: miner.repo.clone(),
                    revision: miner.revision.clone(),
                    env_id: parsed(&row.env_id, "environment")?,
                    episode: number(row.episode, "episode")?,
                    seed: Seed(row.seed.cast_unsigned()),
                    attempt: number(row.attempts, "number of attempts")?,
                    created_at: Timestamp::from_millis(row.created_at),
                    lease_token: row.lease_token,
                    lease_expires_at: Timestamp::from_millis(row.lease_expires_at),
                })
            })
            .collect()
    }

    pub(super) async fn renew_leases(
        &self,
        leases: &[Lease],
        lease: Duration,
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        let named: Vec<&Lease> = leases
            .iter()
            .filter(|lease| is_name(&lease.task_uuid) && is_name(&lease.lease_token))
            .collect();
        if named.is_empty() {
            return Ok(vec![None; leases.len()]);
        }
        let values = values![json(&named)?, lease_millis(lease)];
        let mut connection = self.0.writer().await?;
        let rows: Vec<RenewedRow> = self.rows(&mut connection, RENEW, values).await?;
        let renewed: BTreeMap<(String, String), Timestamp> = rows
            .into_iter()
            .map(|row| {
                let end = Timestamp::from_millis(row.lease_expires_at);
                ((row.task_uuid, row.lease_token), end)
            })
            .collect();
        let end = |lease: &Lease| {
            renewed.get(&(lease.task_uuid.clone(), lease.lease_token.clone())).copied()
        };
        Ok(leases.iter().map(end).collect())
    }

    pub(super) async fn take_answers(
        &self,
        executor_id: &str,
        answers: &[Answer],
        retry: &RetryPolicy,
    ) -> Result<Vec<Verdict>, StoreError> {
        check_executor_id(executor_id)?;
        let names: Vec<&str> = answers
            .iter()
            .map(|answer| answer.task_uuid.as_str())
            .filter(|name| is_name(name))
            .collect();
        if names.is_empty() {
            return Ok(vec![Verdict::Refused(Refusal::UnknownTask); answers.len()]);
        }
        let mut transaction = self.0.begin().await?;
        let rows: Vec<StateRow> =
            self.rows(&mut transaction, STATES, values![json(&names)?]).await?;
        let mut states: BTreeMap<String, JobState> = BTreeMap::new();
        for row in rows {
            let state = JobState {
                status: status(&row.status)?,
                attempts: number(row.attempts, "number of attempts")?,
                executor_id: row.executor_id,
                lease_token: row.lease_token,
                answer_token: row.answer_token,
                answer_executor: row.answer_executor,
                answer_digest: row.answer_digest,
            };
            states.insert(row.task_uuid, state);
        }
        let mut verdicts = Vec::with_capacity(answers.len());
        // At most one answer to a job is taken: after it, no lease on the job is running.
        let mut taken = Vec::new();
        for answer in answers {
            let verdict = match states.get_mut(&answer.task_uuid) {
                Some(state) => {
                    let verdict = state.judge(executor_id, answer, retry, jitter());
                    if let Verdict::Accepted(settled) = verdict {
                        taken.push(AnswerToWrite::new(state, answer, settled));
                    }
                    verdict
                }
                None => Verdict::Refused(Refusal::UnknownTask),
            };
            verdicts.push(verdict);
        }
        if !taken.is_empty() {
            self.run(&mut transaction, ANSWER, values![json(&taken)?]).await?;
        }
        Self::commit(transaction).await?;
        Ok(verdicts)
    }

    pub(super) async fn take_back_expired(
        &self,
        retry: &RetryPolicy,
    ) -> Result<Expired, StoreError> {
        let mut connection = self.0.writer().await?;
        let rows: Vec<(String,)> =
            self.rows(&mut connection, EXPIRE, values![retry.retries]).await?;
        let mut expired = Expired::default();
        for (name,) in rows {
            match status(&name)? {
                JobStatus::Failed => expired.failed += 1,
                _ => expired.returned += 1,
            }
        }
        Ok(expired)
    }

    pub(super) async fn count_pending(&self) -> Result<u64, StoreError> {
        let count = "SELECT COUNT(*) AS jobs FROM task_pool WHERE status = 'pending'";
        let mut connection = self.0.reader().await?;
        let row: Option<(i64,)> = self.row(&mut connection, count, values![]).await?;
        row.map_or(Ok(0), |(count,)| number(count, "number of jobs"))
    }

    pub(super) async fn count_jobs(&self) -> Result<JobStats, StoreError> {
        let running = "SELECT id FROM evaluation_cycles WHERE status = 'running'";
        let executors = "SELECT COUNT(DISTINCT executor_id) AS executors FROM task_pool
                         WHERE status = 'assigned' AND lease_expires_at > {now}";
        let mut connection = self.0.reader().await?;
        let running: Option<(i64,)> = self.row(&mut connection, running, values![]).await?;
        let executors: Option<(i64,)> = self.row(&mut connection, executors, values![]).await?;
        let counts: Vec<(String, i64)> = self.rows(&mut connection, STATS, values![]).await?;
        let mut stats = JobStats {
            current_cycle: running.map(|(id,)| CycleId(id)),
            active_executors: number(executors.map_or(0, |(count,)| count), "number")?,
            ..JobStats::default()
        };
        for (name, count) in counts {
            let count = number(count, "number of jobs")?;
            stats.add(status(&name)?, count);
        }
        Ok(stats)
    }

    pub(super) async fn jobs_from(
        &self,
        id: CycleId,
        from_position: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let from = i64::try_from(from_position).unwrap_or(i64::MAX);
        let mut connection = self.0.reader().await?;
        let rows: Vec<JobRow> =
            self.rows(&mut connection, JOBS, values![id.0, from, limit]).await?;
        rows.into_iter().map(JobRecord::try_from).collect()
    }
}
