//! Databases of a test's own.

use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};

use kinitro_eval::backend::storage::{DatabaseUrl, Store, connect, create};
use tempfile::TempDir;

/// A database in a file.
pub(crate) struct SqliteFile {
    folder: TempDir,
}

impl SqliteFile {
    pub(crate) async fn new() -> Self {
        let database = Self { folder: tempfile::tempdir().unwrap() };
        assert!(create(&database.url()).await.unwrap());
        database
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        DatabaseUrl::sqlite(self.folder.path().join("kinitro.db"))
    }

    pub(crate) async fn connect(&self) -> Box<dyn Store> {
        connect(&self.url()).await.unwrap()
    }
}

/// A database on the server that `KINITRO_TEST_POSTGRES` names (see `scripts/postgres.sh`).
pub(crate) struct PostgresDatabase {
    pub(crate) url: DatabaseUrl,
}

impl PostgresDatabase {
    pub(crate) async fn connect(&self) -> Box<dyn Store> {
        connect(&self.url).await.unwrap()
    }
}

/// The URL of a database of that name on the server, if there is one.
pub(crate) fn postgres_url(name: &str) -> Option<String> {
    let server = std::env::var("KINITRO_TEST_POSTGRES").ok()?;
    Some(format!("{}/{name}", server.rsplit_once('/').unwrap().0))
}

/// A new database; without a server it says what could not be tested.
pub(crate) async fn postgres(what: &str) -> Option<PostgresDatabase> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let Some(url) = postgres_url(&format!("storage_{}_{number}", std::process::id())) else {
        // Not through a macro, whose words are held back where a test passes.
        let _ = writeln!(
            std::io::stderr(),
            "\nNOT TESTED: PostgreSQL: {what}: KINITRO_TEST_POSTGRES names no server\n"
        );
        return None;
    };
    let url: DatabaseUrl = url.parse().unwrap();
    assert!(create(&url).await.unwrap(), "there is a database {url}");
    Some(PostgresDatabase { url })
}
