//! `kinitro api`: the program, over real HTTP.

mod answers;
mod faults;
mod page;
mod refusals;
mod schema;

use kinitro_eval::backend::storage::conformance::example_cycle;
use kinitro_eval::backend::storage::{Store, connect};

/// What is done to a store directly.
pub(crate) fn with_store<T>(url: &str, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = connect(&url.parse().unwrap()).await.unwrap();
        work(&*store).await
    })
}

/// Begins a cycle with this many miners and episodes, in two environments.
pub(crate) fn begin_cycle(url: &str, miners: u16, episodes: u32) -> i64 {
    let cycle = example_cycle(miners, episodes);
    with_store(url, async |store| store.create_cycle(&cycle).await.unwrap().0)
}

/// The URL of a file in a folder.
pub(crate) fn sqlite(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("kinitro.db").display())
}
