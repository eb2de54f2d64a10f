//! The evaluation backend: what a subnet's owner runs, and the validators that take its weights.
//!
//! - [`scheduler`]: makes the cycles and judges them
//! - [`storage`]: the trait [`Store`](storage::Store) and its two implementations, SQLite and
//!   PostgreSQL. Cycles, the queue of their tasks, scores and weights
//! - [`api`]: the REST API over a store
//! - [`executor`]: takes tasks from the API, runs them and sends back what came of them
//! - [`up`]: all of them in one process, for a laptop
//!
//! What the queue promises, and what happens at each crash, is in `docs/DELIVERY.md`.
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
