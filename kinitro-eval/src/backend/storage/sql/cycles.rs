//! Cycles: how they begin and end.

use std::collections::BTreeSet;

use kinitro_core::{CycleId, MinerUid};
use serde::Serialize;
use sqlx::FromRow;

use super::rows::{
    CYCLE_COLUMNS, CycleMinerRow, CycleRow, corrupt, from_json, number, parsed, stored_block, uid,
};
use super::{Connection, Driver, SqlStore, json, values};
use crate::backend::storage::{
    Cycle, CycleMiner, CyclePlan, CycleResult, NewCycle, PairProgress, SeedSecret, StoreError,
    StoreErrorKind, rules,
};

/// How many jobs go into one statement.
const CHUNK: usize = 10_000;

const INSERT_CYCLE: &str = "
    INSERT INTO evaluation_cycles (block_number, status, started_at, n_miners, n_environments,
        episodes_per_env, seed_mode, seed_secret, seed_commitment, settings)
    VALUES ($1, 'running', {now}, $2, $3, $4, $5, $6, $7, $8)
    RETURNING id";

const INSERT_MINERS: &str = "
    INSERT INTO cycle_miners (cycle_id, uid, hotkey, endpoint, repo, revision, first_block)
    SELECT $1, uid, hotkey, endpoint, repo, revision, first_block
    FROM {records $2: uid BIGINT, hotkey TEXT, endpoint TEXT, repo TEXT, revision TEXT, first_block BIGINT}";

const INSERT_JOBS: &str = "
    INSERT INTO task_pool
        (cycle_id, position, task_uuid, miner_uid, env_id, episode, seed, created_at, available_at)
    SELECT $1, position, uuid, miner, env_id, episode, seed, {now}, {now}
    FROM {records $2: position BIGINT, uuid TEXT, miner BIGINT, env_id TEXT, episode BIGINT, seed BIGINT}";

const PRUNE: &str = "
    DELETE FROM task_pool WHERE cycle_id IN (
        SELECT id FROM evaluation_cycles WHERE status IN ('completed', 'failed') AND id <= (
            SELECT id FROM evaluation_cycles WHERE status IN ('completed', 'failed')
            ORDER BY id DESC LIMIT 1 OFFSET $1))";

const PROGRESS: &str = "
    SELECT miner_uid, env_id,
        COUNT(CASE WHEN status = 'pending' THEN 1 END) AS pending,
        COUNT(CASE WHEN status = 'assigned' THEN 1 END) AS assigned,
        COUNT(CASE WHEN status = 'completed' THEN 1 END) AS completed,
        COUNT(CASE WHEN status = 'failed' THEN 1 END) AS failed,
        COUNT(CASE WHEN status = 'completed' AND success THEN 1 END) AS successes,
        AVG(CASE WHEN status = 'completed' THEN total_reward END) AS mean_reward
    FROM task_pool WHERE cycle_id = $1
    GROUP BY miner_uid, env_id ORDER BY miner_uid, env_id";

/// In the order in which answers lock them, so that the two cannot wait for each other.
const GIVE_UP_JOBS: &str = "
    WITH open AS (
        SELECT task_uuid FROM task_pool
        WHERE cycle_id = $1 AND status IN ('pending', 'assigned') ORDER BY task_uuid {lock}
    )
    UPDATE task_pool SET status = 'failed', lease_token = NULL, lease_expires_at = NULL,
        finished_at = {now}, outcome = 'cancelled', error = 'the cycle ended first'
    WHERE task_uuid IN (SELECT task_uuid FROM open)";

const END_CYCLE: &str = "
    UPDATE evaluation_cycles
    SET status = $2, completed_at = {now}, report = $3, failure = $4
    WHERE id = $1 AND status = 'running'";

const INSERT_SCORES: &str = "
    INSERT INTO miner_scores (cycle_id, uid, hotkey, env_id, success_rate, mean_reward,
        episodes_completed, episodes_failed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

const INSERT_WEIGHTS: &str = "
    INSERT INTO computed_weights (cycle_id, block_number, created_at, uids, weights, weights_u16,
        pareto_frontier, method)
    SELECT id, block_number, {now}, $2, $3, $4, $5, $6 FROM evaluation_cycles WHERE id = $1";

/// A miner as [`INSERT_MINERS`] reads it.
#[derive(Serialize)]
struct MinerToInsert {
    uid: MinerUid,
    hotkey: String,
    endpoint: String,
    repo: String,
    revision: String,
    first_block: Option<i64>,
}

/// A job as [`INSERT_JOBS`] reads it.
#[derive(Serialize)]
struct JobToInsert<'a> {
    position: usize,
    uuid: &'a str,
    miner: MinerUid,
    env_id: &'a str,
    episode: u32,
    seed: i64,
}

#[derive(FromRow)]
struct ProgressRow {
    miner_uid: i64,
    env_id: String,
    pending: i64,
    assigned: i64,
    completed: i64,
    failed: i64,
    successes: i64,
    mean_reward: Option<f64>,
}

#[derive(FromRow)]
struct SecretRow {
    settings: String,
    seed_secret: String,
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn insert_cycle(&self, cycle: &NewCycle) -> Result<CycleId, StoreError> {
        let jobs = rules::in_order(cycle)?;
        let environments: BTreeSet<_> = jobs.iter().map(|job| &job.env_id).collect();
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let cycle_values = values![
            stored_block(cycle.block)?,
            count(cycle.miners.len()),
            count(environments.len()),
            cycle.episodes_per_env,
            cycle.seed_mode.as_str(),
            cycle.seed_secret.to_hex(),
            cycle.seed_secret.commitment(),
            json(&cycle.settings)?,
        ];
        let mut transaction = self.0.begin().await?;
        let inserted = self.row::<(i64,)>(&mut transaction, INSERT_CYCLE, cycle_values).await;
        let (id,) = match inserted {
            Ok(row) => row.ok_or_else(|| corrupt("cycle"))?,
            Err(error) if error.kind() == StoreErrorKind::Conflict => {
                let message = "a cycle is running: only one can at a time";
                return Err(StoreError::new(StoreErrorKind::Conflict, message).with_source(error));
            }
            Err(error) => return Err(error),
        };
        let mut miners = Vec::with_capacity(cycle.miners.len());
        for miner in &cycle.miners {
            miners.push(MinerToInsert {
                uid: miner.uid,
                hotkey: miner.hotkey.to_string(),
                endpoint: rules::storable(&miner.endpoint),
                repo: rules::storable(&miner.repo),
                revision: rules::storable(&miner.revision),
                first_block: miner.first_block.map(stored_block).transpose()?,
            });
        }
        self.run(&mut transaction, INSERT_MINERS, values![id, json(&miners)?]).await?;
        let mut position = 0;
        for chunk in jobs.chunks(CHUNK) {
            let chunk: Vec<JobToInsert<'_>> = chunk
                .iter()
                .zip(position..)
                .map(|(job, position)| JobToInsert {
                    position,
                    uuid: &job.uuid,
                    miner: job.miner,
                    env_id: job.env_id.as_str(),
                    episode: job.episode,
                    seed: job.seed.0.cast_signed(),
                })
                .collect();
            position += chunk.len();
            let inserted =
                self.run(&mut transaction, INSERT_JOBS, values![id, json(&chunk)?]).await;
            inserted.map_err(|error| match error.kind() {
                StoreErrorKind::Conflict => {
                    invalid("a job has the uuid of another").with_source(error)
                }
                _ => error,
            })?;
        }
        Self::commit(transaction).await?;
        Ok(CycleId(id))
    }

    pub(super) async fn cycle_by_id(&self, id: CycleId) -> Result<Option<Cycle>, StoreError> {
        let statement = format!("SELECT {CYCLE_COLUMNS} FROM evaluation_cycles WHERE id = $1");
        let mut connection = self.0.reader().await?;
        let row = self.row::<CycleRow>(&mut connection, &statement, values![id.0]).await?;
        row.map(Cycle::try_from).transpose()
    }

    pub(super) async fn delete_old_jobs(&self, keep_cycles: u32) -> Result<u64, StoreError> {
        let mut connection = self.0.writer().await?;
        self.run(&mut connection, PRUNE, values![i64::from(keep_cycles)]).await
    }

    /// The miners of a cycle as they were when it began, by uid.
    pub(super) async fn miners_of_cycle(
        &self,
        connection: &mut Connection<D>,
        id: CycleId,
    ) -> Result<Vec<CycleMiner>, StoreError> {
        let statement = "SELECT uid, hotkey, endpoint, repo, revision, first_block
                         FROM cycle_miners WHERE cycle_id = $1 ORDER BY uid";
        let miners: Vec<CycleMinerRow> = self.rows(connection, statement, values![id.0]).await?;
        miners.into_iter().map(CycleMiner::try_from).collect()
    }

    pub(super) async fn plan_of_running_cycle(&self) -> Result<Option<CyclePlan>, StoreError> {
        let running =
            format!("SELECT {CYCLE_COLUMNS} FROM evaluation_cycles WHERE status = 'running'");
        let secrets = "SELECT settings, seed_secret FROM evaluation_cycles WHERE id = $1";
        // What is read of a cycle beside its status never changes.
        let mut connection = self.0.reader().await?;
        let Some(row) = self.row::<CycleRow>(&mut connection, &running, values![]).await? else {
            return Ok(None);
        };
        let cycle = Cycle::try_from(row)?;
        let id = cycle.id.0;
        let secret: Option<SecretRow> = self.row(&mut connection, secrets, values![id]).await?;
        let Some(SecretRow { settings, seed_secret }) = secret else { return Ok(None) };
        let miners = self.miners_of_cycle(&mut connection, cycle.id).await?;
        Ok(Some(CyclePlan {
            cycle,
            seed_secret: SeedSecret::from_hex(&seed_secret).ok_or_else(|| corrupt("secret"))?,
            settings: from_json(&settings, "settings of a cycle")?,
            miners,
        }))
    }

    pub(super) async fn progress_by_pair(
        &self,
        id: CycleId,
    ) -> Result<Vec<PairProgress>, StoreError> {
        let mut connection = self.0.reader().await?;
        let rows: Vec<ProgressRow> = self.rows(&mut connection, PROGRESS, values![id.0]).await?;
        let count = |jobs| number(jobs, "number of jobs");
        rows.into_iter()
            .map(|row| {
                Ok(PairProgress {
                    uid: uid(row.miner_uid)?,
                    env_id: parsed(&row.env_id, "environment")?,
                    pending: count(row.pending)?,
                    assigned: count(row.assigned)?,
                    completed: count(row.completed)?,
                    failed: count(row.failed)?,
                    successes: count(row.successes)?,
                    mean_reward: row.mean_reward,
                })
            })
            .collect()
    }

    pub(super) async fn complete_cycle(
        &self,
        id: CycleId,
        result: &CycleResult,
    ) -> Result<(), StoreError> {
        let CycleResult { scores, frontier, weights, report } = result;
        let mut transaction = self.end_cycle(id, "completed", Some(json(report)?), None).await?;
        for score in scores {
            let values = values![
                id.0,
                score.uid.0,
                score.hotkey.to_string(),
                score.env_id.as_str(),
                score.success_rate,
                score.mean_reward,
                score.episodes_completed,
                score.episodes_failed,
            ];
            self.run(&mut transaction, INSERT_SCORES, values).await?;
        }
        let values = values![
            id.0,
            json(&weights.uids)?,
            json(&weights.shares)?,
            json(&weights.values)?,
            json(frontier)?,
            json(&weights.method)?,
        ];
        self.run(&mut transaction, INSERT_WEIGHTS, values).await?;
        Self::commit(transaction).await
    }

    pub(super) async fn give_up_cycle(&self, id: CycleId, reason: &str) -> Result<(), StoreError> {
        let reason = rules::storable(reason);
        let transaction = self.end_cycle(id, "failed", None, Some(reason)).await?;
        Self::commit(transaction).await
    }

    async fn end_cycle(
        &self,
        id: CycleId,
        status: &str,
        report: Option<String>,
        failure: Option<String>,
    ) -> Result<sqlx::Transaction<'static, D::Database>, StoreError> {
        let mut transaction = self.0.begin().await?;
        let values = values![id.0, status, report, failure];
        if self.run(&mut transaction, END_CYCLE, values).await? == 0 {
            let status = "SELECT status FROM evaluation_cycles WHERE id = $1";
            let found: Option<(String,)> =
                self.row(&mut transaction, status, values![id.0]).await?;
            return Err(match found {
                Some((status,)) => {
                    let message = format!("cycle {id} does not run: it is {status}");
                    StoreError::new(StoreErrorKind::Conflict, message)
                }
                None => {
                    StoreError::new(StoreErrorKind::NotFound, format!("there is no cycle {id}"))
                }
            });
        }
        self.run(&mut transaction, GIVE_UP_JOBS, values![id.0]).await?;
        Ok(transaction)
    }
}
