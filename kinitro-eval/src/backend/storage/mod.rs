//! Where the backend keeps cycles, the queue of their jobs, scores and weights.
//!
//! A store is four traits, split by who uses them: [`Queue`] is what executors need, [`Cycles`] what
//! the scheduler needs, [`Reports`] what people, dashboards and validators ask for, and
//! [`Administration`] what an operator does. [`Store`] is all four.
//!
//! With the feature `sql`, `open` and `connect` open an SQLite or PostgreSQL database by its URL.
//! [`MemoryStore`] keeps everything in this process. To write another, take the decisions from
//! [`rules`] and run the suite in `conformance` on it, which a feature of that name brings: all stores
//! keep to the same contract.
//!
//! A queued episode is a *job* here. The REST API and the tables call it a task.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod cycle;
mod error;
mod job;
mod memory;
mod named;
mod report;
pub mod rules;
#[cfg(feature = "sql")]
mod sql;
mod store;
#[cfg(feature = "sql")]
mod url;

pub use cycle::{
    Cycle, CycleMiner, CyclePlan, CycleResult, CycleScores, CycleStatus, MinerScore, NewCycle,
    NewJob, PairProgress, PublishedWeights, SeedMode, SeedSecret,
};
pub use error::{StoreError, StoreErrorKind};
pub use job::{
    Answer, Claim, ClaimedJob, Expired, JobRecord, JobStats, JobStatus, Lease, Refusal,
    RetryPolicy, Settled, Verdict, Verification, check_executor_id,
};
pub use memory::MemoryStore;
pub use report::{
    EnvironmentStatus, Heartbeat, Miner, MinerStatus, Overview, SchedulerState, Schema,
};
#[cfg(feature = "sql")]
pub use sql::{connect, create, open};
pub use store::{Administration, Cycles, Queue, Reports, SchedulerLock, Store};
#[cfg(feature = "sql")]
pub use url::DatabaseUrl;

/// The longest executor id, in characters.
pub const MAX_EXECUTOR_ID: usize = 128;
/// The most jobs that one [`Claim`] is given.
pub const MAX_CLAIM: u32 = 1000;
/// How many characters are kept of an error's description.
pub const MAX_ERROR: usize = 2000;
