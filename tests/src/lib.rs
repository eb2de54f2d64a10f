//! Shared set-up of the whole-system tests.
//!
//! They run the `kinitro` program as a person does: [`program`] starts it and catches what it says,
//! [`api`] is the API of a backend and [`relay`] a bad connection to it, [`subnet`] a local chain,
//! [`postgres`] a database. [`server`] is a policy server that does as a test tells it, [`task_api`]
//! an API with tasks for executors, [`results`] reads what an evaluation leaves in its folder, and
//! [`mounts`] makes disks that are full or cannot be written to.

#![forbid(unsafe_code)]

pub mod api;
mod binary;
pub mod http;
pub mod mounts;
pub mod postgres;
pub mod program;
pub mod relay;
pub mod results;
pub mod server;
pub mod subnet;
pub mod task_api;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use binary::kinitro_binary;
pub use program::{Finished, Program, Running, kinitro};

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("this crate lies in the workspace")
}

/// Where the set-up has put the MetaWorld assets.
///
/// # Panics
/// When they are not there: without them next to nothing can be tested.
pub fn assets() -> PathBuf {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let local = || {
        let home = variable("HOME").expect("HOME is set where XDG_DATA_HOME is not");
        Path::new(&home).join(".local/share")
    };
    let usual = || {
        let data = variable("XDG_DATA_HOME").map_or_else(local, PathBuf::from);
        data.join("kinitro/assets/metaworld-3.1.1")
    };
    let folder = variable("KINITRO_METAWORLD_ASSETS").map_or_else(usual, PathBuf::from);
    let is_there = folder.join("sawyer_xyz").is_dir();
    assert!(is_there, "the assets are not in {}: run `make setup`", folder.display());
    folder
}

/// Says that something could not be tested for want of a part of the machine. With `CI=true` that
/// fails the whole run.
pub fn not_tested(what: &str) {
    say_aloud(format_args!("NOT TESTED: {what}"));
}

/// Says that something was not tested because what lies beside the project is not there, which is
/// no part of it.
pub fn skipped(what: &str) {
    say_aloud(format_args!("SKIPPED: {what}"));
}

/// The Python that the Bittensor SDK is installed for; `None`, and said so, where it is not.
pub fn foreign_python() -> Option<PathBuf> {
    let python = workspace().join("target/foreign/bin/python");
    if python.exists() {
        return Some(python);
    }
    not_tested("foreign clients: there is no target/foreign (scripts/foreign_client.sh makes it)");
    None
}

/// Not through a macro, whose words are held back where a test passes.
fn say_aloud(line: std::fmt::Arguments<'_>) {
    // Nowhere is left to say that nothing can be said.
    let _ = writeln!(std::io::stderr(), "\n{line}\n");
}

/// Waits until something is so.
///
/// # Panics
/// When it is not within a minute: far more than it takes, even on a machine that is busy.
#[track_caller]
pub fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    wait_for_long(Duration::from_secs(60), what, is_so);
}

/// Waits until something is so that takes longer.
///
/// # Panics
/// When it is not within that time.
#[track_caller]
pub fn wait_for_long(limit: Duration, what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < limit, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
