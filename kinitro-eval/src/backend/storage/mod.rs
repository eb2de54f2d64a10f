//! Where the backend keeps what it knows: cycles, the queue of their jobs, scores and weights.
//!
//! [`connect`] opens a database by its URL. Both kinds keep to the same contract, which
//! [`conformance`] checks; so should any other implementation of [`Store`].

pub mod conformance;
mod cycle;
mod error;
mod job;
mod named;
mod queue;
mod report;
mod sql;
mod url;

use std::fmt;

use async_trait::async_trait;
use kinitro_core::{BlockNumber, CycleId};

pub use cycle::{
    Cycle, CycleMiner, CyclePlan, CycleResult, CycleScores, CycleStatus, MinerScore, NewCycle,
    NewJob, PairProgress, PublishedWeights, SeedMode, SeedSecret,
};
pub use error::{StoreError, StoreErrorKind};
pub use job::{
    Answer, Claim, ClaimedJob, Expired, JobRecord, JobStats, JobStatus, Lease, Refusal,
    RetryPolicy, Settled, Verdict, Verification, check_executor_id,
};
pub use report::{
    EnvironmentStatus, Heartbeat, Miner, MinerStatus, Overview, SchedulerState, Schema,
};
pub use sql::{connect, create};
pub use url::DatabaseUrl;

/// The longest executor id, in characters.
pub const MAX_EXECUTOR_ID: usize = 128;
/// The most jobs that one [`Claim`] is given.
pub const MAX_CLAIM: u32 = 1000;
/// How many characters are kept of what an answer says went wrong.
pub const MAX_ERROR: usize = 2000;

/// The storage of a backend. Several processes may work on one at a time.
///
/// All times are by the clock of the database. Every method is one transaction: it has happened
/// with all it does or not at all, also when the future is dropped or the process killed on the way.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// Asks the database for a sign of life.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Whether the tables are there and of this version.
    async fn schema(&self) -> Result<Schema, StoreError>;

    /// Makes the tables, or brings those of an older version up to date. What is there is kept.
    /// Several processes may do so at once.
    ///
    /// # Errors
    /// [`StoreErrorKind::SchemaNew`] when they are of a newer version.
    async fn init(&self) -> Result<(), StoreError>;

    /// Drops all tables with all that is in them, and makes them again.
    async fn reset(&self) -> Result<(), StoreError>;

    /// Deletes the jobs of all cycles that are over, but for the newest so many of those, and says
    /// how many jobs they were. Scores, weights and reports are kept.
    async fn prune_jobs(&self, keep_cycles: u32) -> Result<u64, StoreError>;

    /// Lets go of the database, once what is under way is done, but after some seconds at the
    /// latest; nothing can be asked of it afterwards. When the last process has let go of an SQLite
    /// database, all of it is in its one file.
    async fn close(&self);

    /// Becomes the one scheduler of this database; `None` while another is. It stays so until the
    /// lock is dropped, the process ends or the connection breaks.
    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError>;

    /// Replaces what is known of the miners. Those that are not among them are kept as inactive.
    async fn put_miners(&self, miners: &[Miner]) -> Result<(), StoreError>;

    /// Notes what the scheduler says of itself.
    async fn put_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError>;

    /// Begins a cycle with all its miners and jobs.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] when one is running, [`StoreErrorKind::Invalid`] when a miner or
    /// a job is there twice or a job is of no miner.
    async fn create_cycle(&self, cycle: &NewCycle) -> Result<CycleId, StoreError>;

    /// The cycle that runs, with what a scheduler needs to go on with it.
    async fn running_cycle(&self) -> Result<Option<CyclePlan>, StoreError>;

    /// A cycle.
    async fn cycle(&self, id: CycleId) -> Result<Option<Cycle>, StoreError>;

    /// How far a cycle is and what came of it, by uid and environment.
    async fn progress(&self, id: CycleId) -> Result<Vec<PairProgress>, StoreError>;

    /// Ends a running cycle with its scores and weights. Jobs that are not done are given up.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] when it does not run, [`StoreErrorKind::NotFound`].
    async fn finish_cycle(&self, id: CycleId, result: &CycleResult) -> Result<(), StoreError>;

    /// Ends a running cycle without scores, and says why. Jobs that are not done are given up.
    ///
    /// # Errors
    /// [`StoreErrorKind::Conflict`] when it does not run, [`StoreErrorKind::NotFound`].
    async fn fail_cycle(&self, id: CycleId, reason: &str) -> Result<(), StoreError>;

    /// Hands out jobs of the running cycle, in order, each to one caller only, and counts the
    /// attempt.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] for an executor id that is empty, too long or has control
    /// characters.
    async fn claim(&self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError>;

    /// Makes leases last `lease` from now on, and says which of them still could: when each now
    /// ends, in the order of `leases`, or `None` for one that was lost.
    async fn renew(
        &self,
        leases: &[Lease],
        lease: std::time::Duration,
    ) -> Result<Vec<Option<super::Timestamp>>, StoreError>;

    /// Takes answers, and says of each what it makes of it, in their order.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] for an executor id as in [`Store::claim`].
    async fn submit(
        &self,
        executor_id: &str,
        answers: &[Answer],
        retry: &RetryPolicy,
    ) -> Result<Vec<Verdict>, StoreError>;

    /// Takes back the jobs whose leases ran out. Until somebody does, their holders may still
    /// renew and submit. Everybody who serves the queue calls this every few seconds.
    async fn expire_leases(&self, retry: &RetryPolicy) -> Result<Expired, StoreError>;

    /// How many jobs nobody works on.
    async fn pending_jobs(&self) -> Result<u64, StoreError>;

    /// How many jobs there are of each kind.
    async fn job_stats(&self) -> Result<JobStats, StoreError>;

    /// The jobs of a cycle from a position on, at most `limit` of them.
    async fn jobs(
        &self,
        id: CycleId,
        from_position: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError>;

    /// The weights of the last completed cycle, or of the last that judged that block.
    async fn weights(
        &self,
        block: Option<BlockNumber>,
    ) -> Result<Option<PublishedWeights>, StoreError>;

    /// The scores of a cycle, or of the last that is completed.
    async fn scores(&self, id: Option<CycleId>) -> Result<Option<CycleScores>, StoreError>;

    /// Everybody who was ever seen with a commitment, by uid, those on the chain first.
    async fn miners(&self) -> Result<Vec<MinerStatus>, StoreError>;

    /// The environments that miners are or were judged in.
    async fn environments(&self) -> Result<Vec<EnvironmentStatus>, StoreError>;

    /// The state of the backend.
    async fn overview(&self) -> Result<Overview, StoreError>;

    /// How long the cycles took that completed, in seconds, the last thousand of them.
    async fn cycle_seconds(&self) -> Result<Vec<f64>, StoreError>;
}

/// Being the one scheduler of a database, until this is dropped.
#[async_trait]
pub trait SchedulerLock: Send + fmt::Debug {
    /// Asks whether the lock still holds. A scheduler that gets an error is none any more, and must
    /// not change the cycle.
    async fn check(&mut self) -> Result<(), StoreError>;
}
