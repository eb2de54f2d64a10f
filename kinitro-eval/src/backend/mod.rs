//! The evaluation backend, which the owner of a subnet runs. Each part has a feature of the same
//! name; the stores in SQLite and PostgreSQL have the feature `sql`.
//!
//! - [`storage`]: the trait [`Store`](storage::Store), and stores in memory, SQLite and PostgreSQL.
//!   Cycles, the queue of their jobs, scores and weights
//! - [`scheduler`]: starts cycles and judges them
//! - [`api`]: the REST API over a store
//! - [`executor`]: fetches jobs from the API, runs them and returns the results
//! - [`up`]: all of them in one process, for a laptop
//!
//! [`wire`](crate::wire) has the JSON of the API; the [validator](crate::validator) is a client of it.
//! `docs/DELIVERY.md` describes what the queue promises, and what happens after each crash.
//!
//! ```
//! use kinitro_eval::backend::storage::{DatabaseUrl, Store as _, connect};
//!
//! # async fn example() -> Result<(), kinitro_eval::backend::storage::StoreError> {
//! let store = connect(&DatabaseUrl::IN_MEMORY).await?;
//! store.init().await?;
//! assert!(store.running_cycle().await?.is_none());
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

#[cfg(feature = "api")]
pub mod api;
#[cfg(all(feature = "bench", feature = "storage"))]
pub mod bench;
#[cfg(feature = "executor")]
pub mod executor;
#[cfg(feature = "scheduler")]
pub mod scheduler;
#[cfg(feature = "storage")]
pub mod storage;
#[cfg(feature = "backend")]
pub mod up;

pub use crate::wire::Timestamp;
