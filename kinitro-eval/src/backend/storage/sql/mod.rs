//! The store over SQL. Statements are written once; what the two databases say differently is in
//! their [`Dialect`], and what they do differently in their [`Driver`].

mod cycles;
mod dialect;
mod jobs;
mod postgres;
mod reports;
mod rows;
mod sqlite;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{BlockNumber, CycleId, Hotkey, MinerUid};
use sqlx::pool::PoolConnection;
use sqlx::{FromRow, Transaction};

use self::dialect::Dialect;
use self::postgres::Postgres;
use self::sqlite::Sqlite;
use super::url::Location;
use super::{
    Administration, Answer, Claim, ClaimedJob, Cycle, CyclePlan, CycleResult, CycleScores, Cycles,
    DatabaseUrl, EnvironmentStatus, Expired, Heartbeat, JobRecord, JobStats, Lease, Miner,
    MinerStatus, NewCycle, Overview, PairProgress, PublishedWeights, Queue, Reports, RetryPolicy,
    SchedulerLock, Schema, Store, StoreError, StoreErrorKind, Verdict,
};
use crate::backend::Timestamp;

/// How long the last words to a database may take.
const GOODBYE: Duration = Duration::from_secs(5);

/// Opens a database, which must be there. Its tables need not be: see [`Administration::schema`].
///
/// # Errors
/// [`StoreErrorKind::NoDatabase`] when there is no such file, other kinds when it cannot be read.
/// PostgreSQL is not asked for anything yet, so that a program can start before its database does.
pub async fn connect(url: &DatabaseUrl) -> Result<Box<dyn Store>, StoreError> {
    Ok(match url.location() {
        Location::Memory => Box::new(SqlStore(Sqlite::in_memory().await?, Mutex::default())),
        Location::Sqlite(path) => Box::new(SqlStore(Sqlite::open(path).await?, Mutex::default())),
        Location::Postgres(url) => Box::new(SqlStore(Postgres::open(url)?, Mutex::default())),
    })
}

/// Opens a database that is ready to use: creates its file, if it is kept in one, and any missing
/// tables. A database on a server must already exist.
///
/// # Errors
/// Those of [`create`], [`connect`] and [`Administration::init`].
pub async fn open(url: &DatabaseUrl) -> Result<Box<dyn Store>, StoreError> {
    if url.file().is_some() {
        create(url).await?;
    }
    let store = connect(url).await?;
    store.init().await?;
    Ok(store)
}

/// Makes a database, without tables, unless there is one already. Says whether it made it.
///
/// # Errors
/// When the server or the folder is not there, or it may not be made.
pub async fn create(url: &DatabaseUrl) -> Result<bool, StoreError> {
    match url.location() {
        Location::Memory => Ok(false),
        Location::Sqlite(path) => Sqlite::create(path).await,
        Location::Postgres(url) => Postgres::create(url).await,
    }
}

/// A value that stands for `$1`, `$2`, ... in a statement. A missing one still has a type, which
/// PostgreSQL asks for.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
    Bool(Option<bool>),
}

/// Binds values to a query. Not a function: a query's type is another for each database and answer.
macro_rules! bind {
    ($query:expr, $values:expr) => {
        $values.into_iter().fold($query, |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bool(value) => query.bind(value),
        })
    };
}
use bind;

macro_rules! into_value {
    ($($from:ty => $variant:ident,)*) => {
        $(
            impl From<$from> for Value {
                fn from(value: $from) -> Self {
                    Self::$variant(Some(value.into()))
                }
            }

            impl From<Option<$from>> for Value {
                fn from(value: Option<$from>) -> Self {
                    Self::$variant(value.map(Into::into))
                }
            }
        )*
    };
}

into_value! {
    i64 => Int,
    u32 => Int,
    u16 => Int,
    f64 => Real,
    bool => Bool,
    String => Text,
    &str => Text,
}

/// The values of a statement, in the order of `$1`, `$2`, ...
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::backend::storage::sql::Value::from($value)),*]
    };
}
use values;

/// What a row of either database can be read into; `#[derive(FromRow)]` gives it.
trait Record:
    for<'r> FromRow<'r, sqlx::postgres::PgRow>
    + for<'r> FromRow<'r, sqlx::sqlite::SqliteRow>
    + Send
    + Unpin
{
}

impl<T> Record for T where
    T: for<'r> FromRow<'r, sqlx::postgres::PgRow>
        + for<'r> FromRow<'r, sqlx::sqlite::SqliteRow>
        + Send
        + Unpin
{
}

/// A connection of a driver's database.
type Connection<D> = <<D as Driver>::Database as sqlx::Database>::Connection;

/// A database: its connections, its tables and its errors.
#[async_trait]
trait Driver: fmt::Debug + Send + Sync + 'static {
    type Database: sqlx::Database;

    fn dialect(&self) -> &'static Dialect;

    /// Closes all connections.
    async fn close(&self);

    /// A connection for statements that change nothing.
    async fn reader(&self) -> Result<PoolConnection<Self::Database>, StoreError>;

    /// A connection for one statement that changes something.
    async fn writer(&self) -> Result<PoolConnection<Self::Database>, StoreError>;

    /// A transaction that changes something.
    async fn begin(&self) -> Result<Transaction<'static, Self::Database>, StoreError>;

    async fn fetch<T: Record>(
        connection: &mut Connection<Self>,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError>
    where
        Self: Sized;

    /// How many rows the statement has changed.
    async fn execute(
        connection: &mut Connection<Self>,
        sql: String,
        values: Vec<Value>,
    ) -> Result<u64, StoreError>
    where
        Self: Sized;

    /// What the database has refused, by its own words for it.
    fn error(error: sqlx::Error) -> StoreError
    where
        Self: Sized;

    async fn schema(&self) -> Result<Schema, StoreError>;

    async fn migrate(&self) -> Result<(), StoreError>;

    async fn drop_tables(&self) -> Result<(), StoreError>;

    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError>;
}

/// A store on a database.
#[derive(Debug)]
struct SqlStore<D>(D, Mutex<Option<Judged>>);

/// Who was judged by a cycle, which its number and its beginning name. It never changes, and is asked
/// for with all weights.
#[derive(Debug)]
struct Judged {
    cycle: (CycleId, Timestamp),
    hotkeys: BTreeMap<MinerUid, Hotkey>,
}

impl<D: Driver> SqlStore<D> {
    /// The rows that a statement gives.
    async fn rows<T: Record>(
        &self,
        connection: &mut Connection<D>,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        D::fetch(connection, self.0.dialect().render(statement), values).await
    }

    /// The first row that a statement gives.
    async fn row<T: Record>(
        &self,
        connection: &mut Connection<D>,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Option<T>, StoreError> {
        Ok(self.rows(connection, statement, values).await?.into_iter().next())
    }

    /// Runs a statement that returns no rows, and returns how many rows it changed.
    async fn run(
        &self,
        connection: &mut Connection<D>,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        D::execute(connection, self.0.dialect().render(statement), values).await
    }

    async fn commit(transaction: Transaction<'static, D::Database>) -> Result<(), StoreError> {
        transaction.commit().await.map_err(D::error)
    }
}

/// A list of values or of objects for `{items}` and `{records}`.
fn json(list: &impl serde::Serialize) -> Result<String, StoreError> {
    serde_json::to_string(list).map_err(|error| {
        StoreError::new(StoreErrorKind::Invalid, "something has no form in JSON").with_source(error)
    })
}

#[async_trait]
impl<D: Driver> Queue for SqlStore<D> {
    async fn claim(&self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError> {
        self.claim_jobs(claim).await
    }

    async fn renew(
        &self,
        leases: &[Lease],
        lease: Duration,
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.renew_leases(leases, lease).await
    }

    async fn submit(
        &self,
        executor_id: &str,
        answers: &[Answer],
        retry: &RetryPolicy,
    ) -> Result<Vec<Verdict>, StoreError> {
        self.take_answers(executor_id, answers, retry).await
    }

    async fn expire_leases(&self, retry: &RetryPolicy) -> Result<Expired, StoreError> {
        self.take_back_expired(retry).await
    }

    async fn pending_jobs(&self) -> Result<u64, StoreError> {
        self.count_pending().await
    }

    async fn job_stats(&self) -> Result<JobStats, StoreError> {
        self.count_jobs().await
    }

    async fn jobs(
        &self,
        id: CycleId,
        from_position: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError> {
        self.jobs_from(id, from_position, limit).await
    }
}

#[async_trait]
impl<D: Driver> Cycles for SqlStore<D> {
    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError> {
        self.0.try_lock_scheduler().await
    }

    async fn put_miners(&self, miners: &[Miner]) -> Result<(), StoreError> {
        self.put_all_miners(miners).await
    }

    async fn put_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        self.put_scheduler_state(heartbeat).await
    }

    async fn create_cycle(&self, cycle: &NewCycle) -> Result<CycleId, StoreError> {
        self.insert_cycle(cycle).await
    }

    async fn running_cycle(&self) -> Result<Option<CyclePlan>, StoreError> {
        self.plan_of_running_cycle().await
    }

    async fn cycle(&self, id: CycleId) -> Result<Option<Cycle>, StoreError> {
        self.cycle_by_id(id).await
    }

    async fn progress(&self, id: CycleId) -> Result<Vec<PairProgress>, StoreError> {
        self.progress_by_pair(id).await
    }

    async fn finish_cycle(&self, id: CycleId, result: &CycleResult) -> Result<(), StoreError> {
        self.complete_cycle(id, result).await
    }

    async fn fail_cycle(&self, id: CycleId, reason: &str) -> Result<(), StoreError> {
        self.give_up_cycle(id, reason).await
    }
}

#[async_trait]
impl<D: Driver> Reports for SqlStore<D> {
    async fn weights(
        &self,
        block: Option<BlockNumber>,
    ) -> Result<Option<PublishedWeights>, StoreError> {
        self.weights_of(block).await
    }

    async fn scores(&self, id: Option<CycleId>) -> Result<Option<CycleScores>, StoreError> {
        self.scores_of(id).await
    }

    async fn miners(&self) -> Result<Vec<MinerStatus>, StoreError> {
        self.all_miners().await
    }

    async fn environments(&self) -> Result<Vec<EnvironmentStatus>, StoreError> {
        self.all_environments().await
    }

    async fn overview(&self) -> Result<Overview, StoreError> {
        self.overview_now().await
    }

    async fn cycle_seconds(&self) -> Result<Vec<f64>, StoreError> {
        self.durations_of_cycles().await
    }
}

#[async_trait]
impl<D: Driver> Administration for SqlStore<D> {
    async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = self.0.reader().await?;
        self.run(&mut connection, "SELECT 1", values![]).await.map(drop)
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        self.0.schema().await
    }

    async fn init(&self) -> Result<(), StoreError> {
        self.0.migrate().await
    }

    async fn reset(&self) -> Result<(), StoreError> {
        self.0.drop_tables().await?;
        self.0.migrate().await
    }

    async fn prune_jobs(&self, keep_cycles: u32) -> Result<u64, StoreError> {
        self.delete_old_jobs(keep_cycles).await
    }

    async fn close(&self) {
        // A server that is gone says no goodbye, and nothing is lost without one.
        let _ = tokio::time::timeout(GOODBYE, self.0.close()).await;
    }
}
