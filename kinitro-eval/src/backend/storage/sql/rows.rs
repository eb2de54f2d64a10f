//! Rows as they are stored, and what they mean.

use std::str::FromStr;

use kinitro_core::{BlockNumber, CycleId, MinerUid};
use serde::de::DeserializeOwned;
use sqlx::FromRow;
use sqlx::migrate::{MigrateError, Migrator};

use super::Driver;
use crate::backend::Timestamp;
use crate::backend::storage::{Cycle, CycleMiner, CycleStatus, MinerScore, SeedMode, SeedSecret};
use crate::backend::storage::{Schema, StoreError, StoreErrorKind, rules};

/// All tables, those that refer to others before them, and sqlx's own.
pub(super) const TABLES: [&str; 8] = [
    "task_pool",
    "cycle_miners",
    "miner_scores",
    "computed_weights",
    "evaluation_cycles",
    "miners",
    "scheduler_state",
    "_sqlx_migrations",
];

/// What the migrations that were applied say of the tables.
pub(super) fn schema(migrations: &Migrator, applied: Option<Vec<i64>>) -> Schema {
    let Some(applied) = applied.filter(|applied| !applied.is_empty()) else {
        return Schema::Missing;
    };
    if applied.iter().any(|version| !migrations.version_exists(*version)) {
        Schema::New
    } else if migrations.iter().any(|migration| !applied.contains(&migration.version)) {
        Schema::Old
    } else {
        Schema::Current
    }
}

pub(super) fn migrate_error<D: Driver>(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => D::error(error),
        error @ (MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)) => {
            let message = "the tables are those of another version of kinitro";
            StoreError::new(StoreErrorKind::SchemaNew, message).with_source(error)
        }
        error => {
            let message = "the tables could not be brought up to date";
            StoreError::new(StoreErrorKind::Corrupt, message).with_source(error)
        }
    }
}

pub(super) fn corrupt(what: &str) -> StoreError {
    let message = format!("the database holds a {what} that is none");
    StoreError::new(StoreErrorKind::Corrupt, message)
}

/// Reads a text that was checked when it was stored.
pub(super) fn parsed<T: FromStr>(text: &str, what: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| corrupt(what))
}

/// Reads JSON that was made here.
pub(super) fn from_json<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| corrupt(what).with_source(error))
}

/// Reads a number that was not negative when it was stored, nor too large.
pub(super) fn number<T: TryFrom<i64>>(number: i64, what: &str) -> Result<T, StoreError> {
    T::try_from(number).map_err(|_| corrupt(what))
}

pub(super) fn uid(uid: i64) -> Result<MinerUid, StoreError> {
    number(uid, "uid").map(MinerUid)
}

pub(super) fn block(block: i64) -> Result<BlockNumber, StoreError> {
    number(block, "block number").map(BlockNumber)
}

/// A block as it is stored.
pub(super) fn stored_block(block: BlockNumber) -> Result<i64, StoreError> {
    rules::check_block(block)?;
    Ok(block.0.cast_signed())
}

/// The columns of a [`CycleRow`]. Nothing but these shows the secret, and only of a cycle that is over.
pub(super) const CYCLE_COLUMNS: &str = "
    evaluation_cycles.id AS id, evaluation_cycles.block_number AS block_number, status,
    {millis started_at} AS started_at, {millis completed_at} AS completed_at,
    n_miners, n_environments, episodes_per_env, seed_mode, seed_commitment, report, failure,
    CASE WHEN status IN ('completed', 'failed') THEN seed_secret END AS seed_secret";

#[derive(FromRow)]
pub(super) struct CycleRow {
    id: i64,
    block_number: i64,
    status: String,
    started_at: i64,
    completed_at: Option<i64>,
    n_miners: i64,
    n_environments: i64,
    episodes_per_env: i64,
    seed_mode: String,
    seed_commitment: String,
    seed_secret: Option<String>,
    report: Option<String>,
    failure: Option<String>,
}

impl TryFrom<CycleRow> for Cycle {
    type Error = StoreError;

    fn try_from(row: CycleRow) -> Result<Self, StoreError> {
        let secret = |hex: String| SeedSecret::from_hex(&hex).ok_or_else(|| corrupt("secret"));
        Ok(Self {
            id: CycleId(row.id),
            block: block(row.block_number)?,
            status: CycleStatus::from_name(&row.status).ok_or_else(|| corrupt("status"))?,
            started_at: Timestamp::from_millis(row.started_at),
            completed_at: row.completed_at.map(Timestamp::from_millis),
            miners: number(row.n_miners, "number of miners")?,
            environments: number(row.n_environments, "number of environments")?,
            episodes_per_env: number(row.episodes_per_env, "number of episodes")?,
            seed_mode: SeedMode::from_name(&row.seed_mode).ok_or_else(|| corrupt("seed mode"))?,
            seed_commitment: row.seed_commitment,
            seed_secret: row.seed_secret.map(secret).transpose()?,
            report: row.report.map(|report| from_json(&report, "report")).transpose()?,
            failure: row.failure,
        })
    }
}

#[derive(FromRow)]
pub(super) struct CycleMinerRow {
    uid: i64,
    hotkey: String,
    endpoint: String,
    repo: String,
    revision: String,
    first_block: Option<i64>,
}

impl TryFrom<CycleMinerRow> for CycleMiner {
    type Error = StoreError;

    fn try_from(row: CycleMinerRow) -> Result<Self, StoreError> {
        Ok(Self {
            uid: uid(row.uid)?,
            hotkey: parsed(&row.hotkey, "hotkey")?,
            endpoint: row.endpoint,
            repo: row.repo,
            revision: row.revision,
            first_block: row.first_block.map(block).transpose()?,
        })
    }
}

#[derive(FromRow)]
pub(super) struct MinerScoreRow {
    uid: i64,
    hotkey: String,
    env_id: String,
    success_rate: f64,
    mean_reward: f64,
    episodes_completed: i64,
    episodes_failed: i64,
}

impl TryFrom<MinerScoreRow> for MinerScore {
    type Error = StoreError;

    fn try_from(row: MinerScoreRow) -> Result<Self, StoreError> {
        Ok(Self {
            uid: uid(row.uid)?,
            hotkey: parsed(&row.hotkey, "hotkey")?,
            env_id: parsed(&row.env_id, "environment")?,
            success_rate: row.success_rate,
            mean_reward: row.mean_reward,
            episodes_completed: number(row.episodes_completed, "number of episodes")?,
            episodes_failed: number(row.episodes_failed, "number of episodes")?,
        })
    }
}
