//! The database that arguments name, and its tables.

use std::sync::Arc;

use kinitro_eval::backend::storage::{
    self, DatabaseUrl, Schema, Store, StoreError, StoreErrorKind,
};

use crate::failure::Failure;
use crate::variables;

/// Refuses tables of another version.
pub(crate) async fn check_schema(store: &dyn Store) -> Result<(), StoreError> {
    let (kind, message) = match store.schema().await? {
        Schema::Current => return Ok(()),
        Schema::Missing => (StoreErrorKind::SchemaMissing, "the database has no tables yet"),
        Schema::Old => {
            (StoreErrorKind::SchemaOld, "the tables are those of an older version of kinitro")
        }
        Schema::New => {
            (StoreErrorKind::SchemaNew, "the tables are those of a newer version of kinitro")
        }
    };
    Err(StoreError::new(kind, message))
}

/// Connects to a database. A file that is not there is made: it needs no server to be set up.
pub(crate) async fn open(url: &DatabaseUrl) -> Result<Arc<dyn Store>, StoreError> {
    if url.file().is_some() {
        storage::create(url).await?;
    }
    Ok(Arc::from(storage::connect(url).await?))
}

/// The database that was named, or the usual one.
pub(crate) fn url(named: Option<&str>) -> Result<DatabaseUrl, Failure> {
    Ok(named.map_or_else(DatabaseUrl::standard, str::parse)?)
}

/// Makes the tables where there are none yet. Those of another version are somebody's decision.
pub(crate) async fn prepare(store: &dyn Store) -> Result<(), StoreError> {
    if store.schema().await? == Schema::Missing {
        store.init().await?;
    }
    check_schema(store).await
}

/// The database of a service: its own, or the one that all commands use.
pub(crate) fn service_url(own: Option<&str>) -> Result<DatabaseUrl, Failure> {
    let common = std::env::var(variables::KINITRO_DATABASE_URL.name).ok();
    url(own.or(common.as_deref()))
}
