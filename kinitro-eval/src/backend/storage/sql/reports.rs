//! What is asked for by people, validators and dashboards.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use kinitro_core::scoring::{Method, WeightSet};
use kinitro_core::{BlockNumber, CycleId, EnvId, Hotkey, MinerUid};
use serde::Serialize;
use sqlx::FromRow;

use super::rows::{
    CYCLE_COLUMNS, CycleRow, MinerScoreRow, block, from_json, number, parsed, stored_block, uid,
};
use super::{Connection, Driver, Judged, SqlStore, Value, json, values};
use crate::backend::Timestamp;
use crate::backend::storage::rules::storable;
use crate::backend::storage::{
    Cycle, CycleScores, EnvironmentStatus, Heartbeat, Miner, MinerStatus, Overview,
    PublishedWeights, SchedulerState, StoreError,
};

const PUT_MINERS: &str = "
    INSERT INTO miners
        (hotkey, uid, endpoint, endpoint_sealed, repo, revision, first_block, active, updated_at)
    SELECT hotkey, uid, endpoint, endpoint_sealed, repo, revision, first_block,
        TRUE, {now}
    FROM {records $1: hotkey TEXT, uid BIGINT, endpoint TEXT, endpoint_sealed BOOLEAN, repo TEXT, revision TEXT, first_block BIGINT}
    WHERE TRUE
    ON CONFLICT (hotkey) DO UPDATE SET uid = excluded.uid, endpoint = excluded.endpoint,
        endpoint_sealed = excluded.endpoint_sealed, repo = excluded.repo,
        revision = excluded.revision, active = TRUE, updated_at = excluded.updated_at,
        first_block = CASE
            WHEN miners.repo <> excluded.repo OR miners.revision <> excluded.revision
                THEN excluded.first_block
            WHEN miners.first_block <= excluded.first_block THEN miners.first_block
            ELSE COALESCE(excluded.first_block, miners.first_block)
        END";

const PUT_STATE: &str = "
    INSERT INTO scheduler_state (id, current_block, next_cycle_at, environments, updated_at)
    VALUES (1, $1, {after $2}, $3, {now})
    ON CONFLICT (id) DO UPDATE SET current_block = excluded.current_block,
        next_cycle_at = excluded.next_cycle_at, environments = excluded.environments,
        updated_at = excluded.updated_at";

const STATE: &str = "
    SELECT current_block, {millis next_cycle_at} AS next_cycle_at, environments,
        {millis updated_at} AS updated_at, {millis_now} AS now
    FROM scheduler_state";

const WEIGHT_COLUMNS: &str = "
    {millis created_at} AS created_at, uids, weights, weights_u16, pareto_frontier, method";

const SCORES: &str = "
    SELECT uid, hotkey, env_id, success_rate, mean_reward, episodes_completed, episodes_failed
    FROM miner_scores WHERE cycle_id = $1 ORDER BY uid, env_id";

const MINERS: &str = "
    SELECT miners.hotkey AS hotkey, miners.uid AS uid, endpoint, endpoint_sealed, repo, revision,
        first_block, active, {millis evaluation_cycles.completed_at} AS last_evaluated,
        evaluation_cycles.block_number AS last_evaluated_block,
        last.avg_success_rate AS avg_success_rate,
        COALESCE(last.environments_evaluated, 0) AS environments_evaluated
    FROM miners
    LEFT JOIN (
        SELECT miner_scores.hotkey AS hotkey, miner_scores.cycle_id AS cycle_id,
            AVG(success_rate) AS avg_success_rate, COUNT(*) AS environments_evaluated
        FROM miner_scores
        JOIN (SELECT hotkey, MAX(cycle_id) AS cycle_id FROM miner_scores GROUP BY hotkey) AS newest
            ON newest.hotkey = miner_scores.hotkey AND newest.cycle_id = miner_scores.cycle_id
        GROUP BY miner_scores.hotkey, miner_scores.cycle_id
    ) AS last ON last.hotkey = miners.hotkey
    LEFT JOIN evaluation_cycles ON evaluation_cycles.id = last.cycle_id
    ORDER BY active DESC, miners.uid, miners.hotkey";

const ENVIRONMENTS: &str = "
    SELECT env_id, CAST(SUM(episodes_completed) AS BIGINT) AS evaluations,
        SUM(success_rate * episodes_completed) AS successes
    FROM miner_scores GROUP BY env_id";

const COUNTS: &str = "
    SELECT (SELECT COUNT(*) FROM evaluation_cycles) AS cycles,
        (SELECT COUNT(*) FROM evaluation_cycles WHERE status = 'failed') AS failed_cycles,
        (SELECT COUNT(DISTINCT hotkey) FROM miner_scores) AS evaluated,
        (SELECT COUNT(*) FROM miners WHERE active) AS active";

const DURATIONS: &str = "
    SELECT {millis completed_at} - {millis started_at} AS millis FROM evaluation_cycles
    WHERE status = 'completed' ORDER BY id DESC LIMIT 1000";

/// A miner as [`PUT_MINERS`] reads it.
#[derive(Serialize)]
struct MinerToPut {
    hotkey: String,
    uid: u16,
    endpoint: Option<String>,
    endpoint_sealed: bool,
    repo: String,
    revision: String,
    first_block: Option<i64>,
}

#[derive(FromRow)]
struct StateRow {
    current_block: i64,
    next_cycle_at: Option<i64>,
    environments: String,
    updated_at: i64,
    now: i64,
}

#[derive(FromRow)]
struct WeightsRow {
    created_at: i64,
    uids: String,
    weights: String,
    weights_u16: String,
    pareto_frontier: String,
    method: String,
}

#[derive(FromRow)]
struct MinerRow {
    hotkey: String,
    uid: i64,
    endpoint: Option<String>,
    endpoint_sealed: bool,
    repo: String,
    revision: String,
    first_block: Option<i64>,
    active: bool,
    last_evaluated: Option<i64>,
    last_evaluated_block: Option<i64>,
    avg_success_rate: Option<f64>,
    environments_evaluated: i64,
}

#[derive(FromRow)]
struct EnvironmentRow {
    env_id: String,
    evaluations: i64,
    successes: f64,
}

#[derive(FromRow)]
struct CountsRow {
    cycles: i64,
    failed_cycles: i64,
    evaluated: i64,
    active: i64,
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn put_all_miners(&self, miners: &[Miner]) -> Result<(), StoreError> {
        // A hotkey has one slot; should it be there twice, the last is the newest.
        let mut by_hotkey: BTreeMap<Hotkey, MinerToPut> = BTreeMap::new();
        for miner in miners {
            let row = MinerToPut {
                hotkey: miner.hotkey.to_string(),
                uid: miner.uid.0,
                endpoint: miner.endpoint.as_deref().map(storable),
                endpoint_sealed: miner.endpoint_sealed,
                repo: storable(&miner.repo),
                revision: storable(&miner.revision),
                first_block: miner.first_block.map(stored_block).transpose()?,
            };
            by_hotkey.insert(miner.hotkey, row);
        }
        let rows: Vec<MinerToPut> = by_hotkey.into_values().collect();
        let mut transaction = self.0.begin().await?;
        let inactive = "UPDATE miners SET active = FALSE WHERE active";
        self.run(&mut transaction, inactive, values![]).await?;
        self.run(&mut transaction, PUT_MINERS, values![json(&rows)?]).await?;
        Self::commit(transaction).await
    }

    pub(super) async fn put_scheduler_state(
        &self,
        heartbeat: &Heartbeat,
    ) -> Result<(), StoreError> {
        let next = heartbeat.next_cycle_in.map(|time| {
            i64::try_from(time.as_millis()).unwrap_or(i64::MAX).min(365 * 24 * 3_600_000)
        });
        let values =
            values![stored_block(heartbeat.current_block)?, next, json(&heartbeat.environments)?];
        let mut connection = self.0.writer().await?;
        self.run(&mut connection, PUT_STATE, values).await.map(drop)
    }

    async fn scheduler_state(
        &self,
        connection: &mut Connection<D>,
    ) -> Result<Option<SchedulerState>, StoreError> {
        let Some(row) = self.row::<StateRow>(connection, STATE, values![]).await? else {
            return Ok(None);
        };
        let left = |at: i64| Duration::from_millis(u64::try_from(at - row.now).unwrap_or(0));
        Ok(Some(SchedulerState {
            current_block: block(row.current_block)?,
            next_cycle_in: row.next_cycle_at.map(left),
            environments: from_json(&row.environments, "list of environments")?,
            updated_at: Timestamp::from_millis(row.updated_at),
        }))
    }

    /// The first cycle that a condition on [`CYCLE_COLUMNS`] holds for.
    async fn find_cycle(
        &self,
        connection: &mut Connection<D>,
        condition: &str,
        values: Vec<Value>,
    ) -> Result<Option<Cycle>, StoreError> {
        let statement = format!("SELECT {CYCLE_COLUMNS} FROM evaluation_cycles {condition}");
        let row: Option<CycleRow> = self.row(connection, &statement, values).await?;
        row.map(Cycle::try_from).transpose()
    }

    async fn stored_weights(
        &self,
        connection: &mut Connection<D>,
        cycle: CycleId,
    ) -> Result<Option<WeightsRow>, StoreError> {
        let statement =
            format!("SELECT {WEIGHT_COLUMNS} FROM computed_weights WHERE cycle_id = $1");
        self.row(connection, &statement, values![cycle.0]).await
    }

    pub(super) async fn weights_of(
        &self,
        block: Option<BlockNumber>,
    ) -> Result<Option<PublishedWeights>, StoreError> {
        let mut connection = self.0.reader().await?;
        let cycle = match block.map(stored_block) {
            // No cycle judges a block that cannot be stored.
            Some(Err(_)) => None,
            Some(Ok(block)) => {
                let condition = "WHERE status = 'completed' AND block_number = $1
                                 ORDER BY id DESC LIMIT 1";
                self.find_cycle(&mut connection, condition, values![block]).await?
            }
            None => {
                let condition = "WHERE status = 'completed' ORDER BY id DESC LIMIT 1";
                self.find_cycle(&mut connection, condition, values![]).await?
            }
        };
        let Some(cycle) = cycle else { return Ok(None) };
        // They are stored together with the status, and never change.
        let Some(row) = self.stored_weights(&mut connection, cycle.id).await? else {
            return Ok(None);
        };
        let method: Method = from_json(&row.method, "method")?;
        let hotkeys = self.judged_hotkeys(&mut connection, &cycle).await?;
        Ok(Some(PublishedWeights {
            cycle,
            created_at: Timestamp::from_millis(row.created_at),
            weights: WeightSet {
                uids: from_json(&row.uids, "list of uids")?,
                shares: from_json(&row.weights, "list of weights")?,
                values: from_json(&row.weights_u16, "list of weights")?,
                method,
            },
            frontier: from_json(&row.pareto_frontier, "list of uids")?,
            hotkeys,
        }))
    }

    /// The hotkeys that a cycle judges. Those of the last one that was asked for are kept.
    async fn judged_hotkeys(
        &self,
        connection: &mut Connection<D>,
        cycle: &Cycle,
    ) -> Result<BTreeMap<MinerUid, Hotkey>, StoreError> {
        let key = (cycle.id, cycle.started_at);
        let kept = || self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(judged) = kept().as_ref().filter(|judged| judged.cycle == key) {
            return Ok(judged.hotkeys.clone());
        }
        let miners = self.miners_of_cycle(connection, cycle.id).await?;
        let hotkeys: BTreeMap<_, _> =
            miners.into_iter().map(|miner| (miner.uid, miner.hotkey)).collect();
        *kept() = Some(Judged { cycle: key, hotkeys: hotkeys.clone() });
        Ok(hotkeys)
    }

    pub(super) async fn scores_of(
        &self,
        id: Option<CycleId>,
    ) -> Result<Option<CycleScores>, StoreError> {
        let mut connection = self.0.reader().await?;
        let cycle = match id {
            Some(id) => self.find_cycle(&mut connection, "WHERE id = $1", values![id.0]).await?,
            None => {
                let condition = "WHERE status = 'completed' ORDER BY id DESC LIMIT 1";
                self.find_cycle(&mut connection, condition, values![]).await?
            }
        };
        let Some(cycle) = cycle else { return Ok(None) };
        let rows: Vec<MinerScoreRow> =
            self.rows(&mut connection, SCORES, values![cycle.id.0]).await?;
        let frontier = match self.stored_weights(&mut connection, cycle.id).await? {
            Some(row) => from_json(&row.pareto_frontier, "list of uids")?,
            None => Vec::new(),
        };
        let rows = rows.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?;
        Ok(Some(CycleScores { cycle, rows, frontier }))
    }

    pub(super) async fn all_miners(&self) -> Result<Vec<MinerStatus>, StoreError> {
        let mut connection = self.0.reader().await?;
        let rows: Vec<MinerRow> = self.rows(&mut connection, MINERS, values![]).await?;
        rows.into_iter()
            .map(|row| {
                Ok(MinerStatus {
                    miner: Miner {
                        uid: uid(row.uid)?,
                        hotkey: parsed(&row.hotkey, "hotkey")?,
                        endpoint: row.endpoint,
                        endpoint_sealed: row.endpoint_sealed,
                        repo: row.repo,
                        revision: row.revision,
                        first_block: row.first_block.map(block).transpose()?,
                    },
                    active: row.active,
                    last_evaluated: row.last_evaluated.map(Timestamp::from_millis),
                    last_evaluated_block: row.last_evaluated_block.map(block).transpose()?,
                    avg_success_rate: row.avg_success_rate,
                    environments_evaluated: number(row.environments_evaluated, "number")?,
                })
            })
            .collect()
    }

    pub(super) async fn all_environments(&self) -> Result<Vec<EnvironmentStatus>, StoreError> {
        let mut connection = self.0.reader().await?;
        let rows: Vec<EnvironmentRow> = self.rows(&mut connection, ENVIRONMENTS, values![]).await?;
        let enabled = self.scheduler_state(&mut connection).await?;
        let enabled = enabled.map(|state| state.environments).unwrap_or_default();
        let mut environments: BTreeMap<EnvId, EnvironmentStatus> = enabled
            .into_iter()
            .map(|env_id| {
                let status = EnvironmentStatus {
                    env_id: env_id.clone(),
                    evaluations: 0,
                    avg_success_rate: None,
                };
                (env_id, status)
            })
            .collect();
        for row in rows {
            let env_id: EnvId = parsed(&row.env_id, "environment")?;
            let evaluations: u64 = number(row.evaluations, "number of episodes")?;
            let avg_success_rate = (evaluations > 0).then(|| row.successes / evaluations as f64);
            let status =
                EnvironmentStatus { env_id: env_id.clone(), evaluations, avg_success_rate };
            environments.insert(env_id, status);
        }
        Ok(environments.into_values().collect())
    }

    pub(super) async fn overview_now(&self) -> Result<Overview, StoreError> {
        let mut connection = self.0.reader().await?;
        let scheduler = self.scheduler_state(&mut connection).await?;
        let running = "WHERE status = 'running'";
        let completed = "WHERE status = 'completed' ORDER BY id DESC LIMIT 1";
        let current_cycle = self.find_cycle(&mut connection, running, values![]).await?;
        let last_completed_cycle = self.find_cycle(&mut connection, completed, values![]).await?;
        let counts: Option<CountsRow> = self.row(&mut connection, COUNTS, values![]).await?;
        let count = |number_of: fn(&CountsRow) -> i64| {
            counts.as_ref().map_or(Ok(0), |row| number(number_of(row), "number"))
        };
        Ok(Overview {
            scheduler,
            current_cycle,
            last_completed_cycle,
            total_cycles: count(|row| row.cycles)?,
            failed_cycles: count(|row| row.failed_cycles)?,
            total_miners_evaluated: count(|row| row.evaluated)?,
            active_miners: count(|row| row.active)?,
        })
    }

    pub(super) async fn durations_of_cycles(&self) -> Result<Vec<f64>, StoreError> {
        let mut connection = self.0.reader().await?;
        let rows: Vec<(i64,)> = self.rows(&mut connection, DURATIONS, values![]).await?;
        Ok(rows.into_iter().map(|(millis,)| millis as f64 / 1000.0).collect())
    }
}
