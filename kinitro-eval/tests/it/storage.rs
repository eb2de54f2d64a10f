//! The storage of the backend, on every database that it supports.

pub(crate) mod databases;
mod errors;
mod queue;

use kinitro_eval::backend::storage::{DatabaseUrl, MemoryStore, conformance, connect};

use self::databases::{SqliteFile, postgres};

#[tokio::test]
async fn memory_keeps_the_contract() {
    let store = MemoryStore::new();
    conformance::store(&store, &store.clone()).await;
}

#[tokio::test]
async fn sqlite_in_memory_keeps_the_contract() {
    let store = connect(&DatabaseUrl::IN_MEMORY).await.unwrap();
    conformance::store(&*store, &*store).await;
}

#[tokio::test]
async fn sqlite_in_a_file_keeps_the_contract() {
    let database = SqliteFile::new().await;
    let (one, other) = (database.connect().await, database.connect().await);
    conformance::store(&*one, &*other).await;
}

#[tokio::test]
async fn postgres_keeps_the_contract() {
    let Some(database) = postgres("the contract of a store").await else { return };
    let (one, other) = (database.connect().await, database.connect().await);
    conformance::store(&*one, &*other).await;
}
