use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{AssertSqlSafe, Transaction};

use super::dialect::{Dialect, SQLITE};
use super::{Driver, Record, Value, bind};
use crate::backend::storage::memory::FlagLock;
use crate::backend::storage::{SchedulerLock, Schema, StoreError, StoreErrorKind};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a process waits for another one that is writing.
const BUSY: Duration = Duration::from_secs(20);
/// The number of reading connections. In WAL mode they neither wait for the writer nor block it.
const READERS: u32 = 4;

/// A database in a file or in memory. All writes go through one connection, so nothing in this
/// process ever finds the database locked.
#[derive(Debug)]
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    scheduler: LockPlace,
}

/// Where the scheduler's lock is kept: SQLite has no lock that outlasts a transaction.
#[derive(Debug)]
enum LockPlace {
    /// A file beside the database, which the operating system unlocks when its process ends.
    File(PathBuf),
    /// A flag, because no other process sees a database in memory.
    Memory(Arc<AtomicBool>),
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .foreign_keys(true)
        .busy_timeout(BUSY)
        // What was said to be stored is stored, also when the power fails.
        .synchronous(SqliteSynchronous::Full)
}

impl Sqlite {
    pub(super) async fn in_memory() -> Result<Self, StoreError> {
        // The database exists only in this one connection: it must stay open, and no other can read
        // it.
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options().in_memory(true))
            .await
            .map_err(Self::error)?;
        let scheduler = LockPlace::Memory(Arc::default());
        Ok(Self { writer: pool.clone(), readers: pool, scheduler })
    }

    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        match std::fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let message = format!("there is no database {}", path.display());
                return Err(StoreError::new(StoreErrorKind::NoDatabase, message));
            }
            Err(error) => return Err(file_error("opened", path, error)),
        }
        let options = options().filename(path);
        let named = |error| {
            let error = Self::error(error);
            let message = format!("the database {} cannot be used: {error}", path.display());
            StoreError::new(error.kind(), message).with_source(error)
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY)
            // Kept in the file, so it is set once and seen by all.
            .connect_with(options.clone().journal_mode(SqliteJournalMode::Wal))
            .await
            .map_err(named)?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.pragma("query_only", "ON"))
            .await
            .map_err(named)?;
        let mut lock = path.as_os_str().to_owned();
        lock.push(".scheduler-lock");
        Ok(Self { writer, readers, scheduler: LockPlace::File(lock.into()) })
    }

    pub(super) async fn create(path: &Path) -> Result<bool, StoreError> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| file_error("made", folder, error))?;
        }
        // An empty file is an empty database. Others may not read it: it holds endpoints.
        let mut file = OpenOptions::new();
        file.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
        match file.open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(file_error("made", path, error)),
        }
        Self::open(path).await.map(|_| true)
    }

    /// Whether the database outlives its connections.
    fn is_file(&self) -> bool {
        matches!(self.scheduler, LockPlace::File(_))
    }

    async fn applied(connection: &mut SqliteConnection) -> Result<Option<Vec<i64>>, StoreError> {
        let is_there = "SELECT name FROM sqlite_master WHERE name = '_sqlx_migrations'";
        let tables: Vec<(String,)> = Self::fetch(connection, is_there.to_owned(), vec![]).await?;
        if tables.is_empty() {
            return Ok(None);
        }
        let versions = "SELECT version FROM _sqlx_migrations WHERE success ORDER BY version";
        let rows: Vec<(i64,)> = Self::fetch(connection, versions.to_owned(), vec![]).await?;
        Ok(Some(rows.into_iter().map(|(version,)| version).collect()))
    }
}

fn file_error(done: &str, path: &Path, error: io::Error) -> StoreError {
    let kind = match error.kind() {
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::AlreadyExists
        | io::ErrorKind::NotADirectory => StoreErrorKind::Permission,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreErrorKind::DiskFull,
        io::ErrorKind::NotFound => StoreErrorKind::NoDatabase,
        _ => StoreErrorKind::Other,
    };
    let message = format!("{} could not be {done}: {error}", path.display());
    StoreError::new(kind, message).with_source(error)
}

#[async_trait]
impl Driver for Sqlite {
    type Database = sqlx::Sqlite;

    fn dialect(&self) -> &'static Dialect {
        &SQLITE
    }

    async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(Self::error)
    }

    async fn writer(&self) -> Result<PoolConnection<sqlx::Sqlite>, StoreError> {
        self.writer.acquire().await.map_err(Self::error)
    }

    async fn close(&self) {
        // The last one moves what was written into the file, which readers may not.
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        loop {
            // One that begins by reading could not go on to write once another has written.
            match self.writer.begin_with("BEGIN IMMEDIATE").await {
                // Where the disk is full SQLite itself ends a transaction, and sqlx goes on counting
                // it: nothing can be begun on that connection any more.
                Err(sqlx::Error::InvalidSavePointStatement) if self.is_file() => {
                    let spoilt = self.writer.acquire().await.map_err(Self::error)?;
                    // It holds nothing that could be lost.
                    let _ = spoilt.close().await;
                }
                begun => return begun.map_err(Self::error),
            }
        }
    }

    async fn fetch<T: Record>(
        connection: &mut SqliteConnection,
        sql: String,
        values: Vec<Value>,
    ) -> Result<Vec<T>, StoreError> {
        let query = bind!(sqlx::query_as(AssertSqlSafe(sql)), values);
        query.fetch_all(connection).await.map_err(Self::error)
    }

    async fn execute(
        connection: &mut SqliteConnection,
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
                let code: i32 = refusal.code().and_then(|code| code.parse().ok()).unwrap_or(1);
                // The low byte is the primary result code, <https://sqlite.org/rescode.html>.
                let kind = match code & 0xff {
                    // Generic; it has no code of its own for a table that is not there.
                    1 if refusal.message().contains("no such table") => Kind::SchemaMissing,
                    3 | 8 | 14 | 23 => Kind::Permission,
                    5 | 6 => Kind::Busy,
                    11 | 26 => Kind::Corrupt,
                    13 => Kind::DiskFull,
                    19 => Kind::Conflict,
                    _ => Kind::Other,
                };
                let message = match kind {
                    Kind::SchemaMissing => "the database has no tables yet".to_owned(),
                    Kind::DiskFull => "the disk of the database is full".to_owned(),
                    _ => format!("SQLite says: {}", refusal.message()),
                };
                (kind, message)
            }
            sqlx::Error::PoolTimedOut => {
                (Kind::Busy, "the database was busy for too long".to_owned())
            }
            error => (Kind::Other, format!("SQLite could not be used: {error}")),
        };
        StoreError::new(kind, message).with_source(error)
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        let mut connection = self.reader().await?;
        let applied = Self::applied(&mut connection).await?;
        Ok(super::rows::schema(&MIGRATIONS, applied))
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        // Two processes at once: the second waits, and finds what the first has made.
        let mut transaction = self.begin().await?;
        // `run` itself has a future that the compiler cannot prove to be `Send`.
        let migrated = MIGRATIONS.run_direct(None, &mut *transaction, false).await;
        migrated.map_err(super::rows::migrate_error::<Self>)?;
        transaction.commit().await.map_err(Self::error)
    }

    async fn drop_tables(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        // Children before those whom their rows refer to.
        for table in super::rows::TABLES {
            let sql = format!("DROP TABLE IF EXISTS {table}");
            Self::execute(&mut transaction, sql, vec![]).await?;
        }
        transaction.commit().await.map_err(Self::error)
    }

    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError> {
        match &self.scheduler {
            LockPlace::Memory(flag) => Ok(FlagLock::try_new(flag)),
            LockPlace::File(path) => {
                let file = OpenOptions::new().write(true).create(true).truncate(false).open(path);
                let file = file.map_err(|error| file_error("opened", path, error))?;
                match file.try_lock() {
                    Ok(()) => Ok(Some(Box::new(FileLock(file)))),
                    Err(TryLockError::WouldBlock) => Ok(None),
                    Err(TryLockError::Error(error)) => Err(file_error("locked", path, error)),
                }
            }
        }
    }
}

/// Unlocked when the file is closed.
#[derive(Debug)]
struct FileLock(File);

#[async_trait]
impl SchedulerLock for FileLock {
    async fn check(&mut self) -> Result<(), StoreError> {
        let links = self.0.metadata().map(|metadata| {
            #[cfg(unix)]
            return std::os::unix::fs::MetadataExt::nlink(&metadata);
            #[cfg(not(unix))]
            return u64::from(metadata.is_file());
        });
        match links {
            Ok(1..) => Ok(()),
            // Another scheduler would create and lock a new file.
            _ => Err(StoreError::new(StoreErrorKind::Conflict, "the lock file was deleted")),
        }
    }
}
