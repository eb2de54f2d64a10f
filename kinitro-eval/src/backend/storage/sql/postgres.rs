use std::io;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Transaction};
use url::Url;

use super::dialect::{Dialect, POSTGRES};
use super::{Driver, Record, Value, bind};
use crate::backend::storage::{SchedulerLock, Schema, StoreError, StoreErrorKind};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// How long a caller waits for a connection, be it for want of a free one or of a server.
const ACQUIRE: Duration = Duration::from_secs(5);
const CONNECTIONS: u32 = 16;
/// The number of the advisory lock that a scheduler holds: `kinitro` in ASCII.
const SCHEDULER_LOCK: i64 = 0x006b_696e_6974_726f;
/// The oldest version that is supported, in PostgreSQL's own numbering.
const OLDEST_VERSION: i32 = 130_000;

/// A PostgreSQL server.
#[derive(Debug)]
pub(super) struct Postgres {
    pool: PgPool,
}

fn options(url: &Url) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_url(url).map_err(Postgres::error)?;
    Ok(options
        .application_name("kinitro")
        // A client that is gone must not keep its locks for as long as TCP takes to notice.
        .options([("idle_in_transaction_session_timeout", "60000"), ("lock_timeout", "30000")]))
}

impl Postgres {
    pub(super) fn open(url: &Url) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_lazy_with(options(url)?);
        Ok(Self { pool })
    }

    pub(super) async fn create(url: &Url) -> Result<bool, StoreError> {
        let options = options(url)?;
        let name = options.get_database().unwrap_or_default().to_owned();
        // Every server has this one.
        let options = options.database("postgres");
        let mut connection = match tokio::time::timeout(ACQUIRE, options.connect()).await {
            Ok(connection) => connection.map_err(Self::error)?,
            Err(_) => return Err(silent()),
        };
        let is_there = "SELECT datname FROM pg_database WHERE datname = $1".to_owned();
        let values = super::values![name.as_str()];
        let found: Vec<(String,)> = Self::fetch(&mut connection, is_there, values).await?;
        let is_new = found.is_empty();
        if is_new {
            let create = format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""));
            Self::execute(&mut connection, create, vec![]).await?;
        }
        connection.close().await.map_err(Self::error)?;
        Ok(is_new)
    }

    /// A dedicated connection, which is closed rather than returned to the pool, so that its locks
    /// end with it.
    async fn own_connection(&self) -> Result<PgConnection, StoreError> {
        Ok(self.reader().await?.detach())
    }
}

fn silent() -> StoreError {
    let message = format!("the database did not answer within {} seconds", ACQUIRE.as_secs());
    StoreError::new(StoreErrorKind::Unreachable, message)
}

#[async_trait]
impl Driver for Postgres {
    type Database = sqlx::Postgres;

    fn dialect(&self) -> &'static Dialect {
        &POSTGRES
    }

    async fn reader(&self) -> Result<PoolConnection<sqlx::Postgres>, StoreError> {
        self.pool.acquire().await.map_err(Self::error)
    }

    async fn writer(&self) -> Result<PoolConnection<sqlx::Postgres>, StoreError> {
        self.reader().await
    }

    async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, sqlx::Postgres>, StoreError> {
        self.pool.begin().await.map_err(Self::error)
    }

    async fn fetch<T: Record>(
        connection: &mut PgConnection,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        let query = bind!(sqlx::query_as(AssertSqlSafe(sql)), values);
        query.fetch_all(connection).await.map_err(Self::error)
    }

    async fn execute(
        connection: &mut PgConnection,
        sql: String,
        values: Vec<Value>,
    ) -> Result<u64, StoreError> {
        let query = bind!(sqlx::query(AssertSqlSafe(sql)), values);
        let result = query.execute(connection).await.map_err(Self::error)?;
        Ok(result.rows_affected())
    }

    fn error(error: sqlx::Error) -> StoreError {
        use StoreErrorKind as Kind;
        let (kind, message) = match &error {
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                // <https://www.postgresql.org/docs/current/errcodes-appendix.html>
                let kind = match code.as_ref() {
                    "28000" | "28P01" => Kind::Authentication,
                    "3D000" => Kind::NoDatabase,
                    "25006" | "42501" => Kind::Permission,
                    "42P01" => Kind::SchemaMissing,
                    "53100" => Kind::DiskFull,
                    "57P01" | "57P02" | "57P03" => Kind::Unreachable,
                    "40001" | "40P01" | "53300" | "55P03" => Kind::Busy,
                    code if code.starts_with("08") => Kind::Unreachable,
                    code if code.starts_with("23") => Kind::Conflict,
                    code if code.starts_with("XX") => Kind::Corrupt,
                    _ => Kind::Other,
                };
                let message = match kind {
                    Kind::SchemaMissing => "the database has no tables yet".to_owned(),
                    Kind::DiskFull => "the disk of the database is full".to_owned(),
                    _ => format!("PostgreSQL says: {}", refusal.message()),
                };
                (kind, message)
            }
            sqlx::Error::Io(cause) if cause.kind() == io::ErrorKind::PermissionDenied => {
                (Kind::Permission, format!("the database cannot be reached: {cause}"))
            }
            sqlx::Error::Io(cause) => {
                (Kind::Unreachable, format!("the database cannot be reached: {cause}"))
            }
            sqlx::Error::Tls(cause) => {
                (Kind::Unreachable, format!("no TLS connection to the database: {cause}"))
            }
            sqlx::Error::PoolTimedOut => return silent().with_source(error),
            sqlx::Error::Configuration(_) => {
                (Kind::Invalid, "the URL of the database is malformed".to_owned())
            }
            error => (Kind::Other, format!("PostgreSQL could not be used: {error}")),
        };
        StoreError::new(kind, message).with_source(error)
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        let mut connection = self.reader().await?;
        let is_there = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL".to_owned();
        let found: Vec<(bool,)> = Self::fetch(&mut connection, is_there, vec![]).await?;
        if found != [(true,)] {
            return Ok(Schema::Missing);
        }
        let versions = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
        let rows: Vec<(i64,)> = Self::fetch(&mut connection, versions.to_owned(), vec![]).await?;
        let applied = rows.into_iter().map(|(version,)| version).collect();
        Ok(super::rows::schema(&MIGRATIONS, Some(applied)))
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let mut connection = self.own_connection().await?;
        let version = "SELECT CAST(current_setting('server_version_num') AS INTEGER)".to_owned();
        let version: Vec<(i32,)> = Self::fetch(&mut connection, version, vec![]).await?;
        if version.iter().any(|(version,)| *version < OLDEST_VERSION) {
            let message = "the PostgreSQL server is older than version 13";
            return Err(StoreError::new(StoreErrorKind::Unsupported, message));
        }
        // `run` itself has a future that the compiler cannot prove to be `Send`.
        let migrated = MIGRATIONS.run_direct(None, &mut connection, false).await;
        migrated.map_err(super::rows::migrate_error::<Self>)?;
        connection.close().await.map_err(Self::error)
    }

    async fn drop_tables(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let tables = super::rows::TABLES.join(", ");
        let sql = format!("DROP TABLE IF EXISTS {tables}");
        Self::execute(&mut transaction, sql, vec![]).await?;
        transaction.commit().await.map_err(Self::error)
    }

    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError> {
        let mut connection = self.own_connection().await?;
        let lock = "SELECT pg_try_advisory_lock($1)".to_owned();
        let values = super::values![SCHEDULER_LOCK];
        let locked: Vec<(bool,)> = Self::fetch(&mut connection, lock, values).await?;
        Ok((locked == [(true,)]).then(|| Box::new(SessionLock(connection)) as _))
    }
}

/// Unlocked when the session ends, which it does with this connection.
#[derive(Debug)]
struct SessionLock(PgConnection);

#[async_trait]
impl SchedulerLock for SessionLock {
    async fn check(&mut self) -> Result<(), StoreError> {
        match tokio::time::timeout(ACQUIRE, self.0.ping()).await {
            Ok(answer) => answer.map_err(Postgres::error),
            Err(_) => Err(silent()),
        }
    }
}
