//! PostgreSQL servers: the one of the test run, and ones of a test's own that it may stop.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::{not_tested, workspace};

/// A name that no other database of the test run has.
fn unique_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{number}", std::process::id())
}

fn with_database(server: &str, name: &str) -> String {
    let (server, _) = server.rsplit_once('/').expect("the URL of a server names a database");
    format!("{server}/{name}")
}

/// The URL of a database that is not there yet, on the server that `KINITRO_TEST_POSTGRES` names;
/// without one it says what could not be tested.
pub fn new_database(what: &str) -> Option<String> {
    match std::env::var("KINITRO_TEST_POSTGRES") {
        Ok(server) => Some(with_database(&server, &unique_name())),
        Err(_) => {
            not_tested(&format!("PostgreSQL: {what}: KINITRO_TEST_POSTGRES names no server"));
            None
        }
    }
}

/// A server of a test's own. It is removed when this is dropped.
pub struct Server {
    folder: TempDir,
    url: String,
}

impl Server {
    /// Starts a server; without PostgreSQL it says what could not be tested.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(what: &str) -> Option<Self> {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        // Its user must be able to enter it.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).expect("the folder is ours");
        match script("start", &folder.path().join("server")) {
            Ok(url) => Some(Self { url: url.trim().to_owned(), folder }),
            Err(reason) => {
                not_tested(&format!("PostgreSQL: {what}: {reason}"));
                None
            }
        }
    }

    /// The URL of a database that is not there yet.
    pub fn new_database(&self) -> String {
        with_database(&self.url, &unique_name())
    }

    /// Stops it as its administrator would.
    pub fn stop(&self) {
        self.run("stop");
    }

    /// Stops it as a crash of its machine would.
    pub fn kill(&self) {
        self.run("kill");
    }

    /// Starts it again, with what it stored.
    pub fn restart(&self) {
        self.run("start");
    }

    fn run(&self, verb: &str) {
        let result = script(verb, &self.folder.path().join("server"));
        assert!(result.is_ok(), "the server cannot {verb}: {result:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // What is left of it does not disturb other tests.
        let _ = script("remove", &self.folder.path().join("server"));
    }
}

fn script(verb: &str, folder: &Path) -> Result<String, String> {
    let output = Command::new("bash")
        .arg(workspace().join("scripts/postgres.sh"))
        .arg(verb)
        .arg(folder)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; "))
    }
}
