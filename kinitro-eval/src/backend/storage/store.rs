//! What a store can be asked to do.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{BlockNumber, CycleId};

use super::super::Timestamp;
use super::{
    Answer, Claim, ClaimedJob, Cycle, CyclePlan, CycleResult, CycleScores, EnvironmentStatus,
    Expired, Heartbeat, JobRecord, JobStats, Lease, Miner, MinerStatus, NewCycle, Overview,
    PairProgress, PublishedWeights, RetryPolicy, Schema, StoreError, Verdict,
};

/// The storage of a backend. Several processes may use one at the same time.
///
/// All times are by the clock of the store. Every method is one transaction: it takes effect whole
/// or not at all, even when its future is dropped or the process is killed halfway.
///
/// Whatever implements the four traits is a store.
pub trait Store: Queue + Cycles + Reports + Administration {}

impl<T: Queue + Cycles + Reports + Administration + ?Sized> Store for T {}

/// The queue of jobs: handing them out, and taking their answers.
#[async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// Hands out jobs of the running cycle, in their order, each to one caller only, and counts the
    /// attempt.
    ///
    /// # Errors
    /// [`Invalid`](super::StoreErrorKind::Invalid) for an executor id that is empty, too long or
    /// has control characters.
    async fn claim(&self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError>;

    /// Extends leases to `lease` from now. For each of `leases`, in their order, the moment at which
    /// it now ends, or `None` when it was lost.
    async fn renew(
        &self,
        leases: &[Lease],
        lease: Duration,
    ) -> Result<Vec<Option<Timestamp>>, StoreError>;

    /// Takes answers, and gives a verdict on each, in their order.
    ///
    /// # Errors
    /// [`Invalid`](super::StoreErrorKind::Invalid) for an executor id as in [`Queue::claim`].
    async fn submit(
        &self,
        executor_id: &str,
        answers: &[Answer],
        retry: &RetryPolicy,
    ) -> Result<Vec<Verdict>, StoreError>;

    /// Takes back the jobs whose leases have run out. Until this is called, their holders may still
    /// renew and submit. Every process that serves the queue calls it every few seconds.
    async fn expire_leases(&self, retry: &RetryPolicy) -> Result<Expired, StoreError>;

    /// The number of jobs waiting for an executor.
    async fn pending_jobs(&self) -> Result<u64, StoreError>;

    /// How many jobs have each status.
    async fn job_stats(&self) -> Result<JobStats, StoreError>;

    /// The jobs of a cycle from a position on, at most `limit` of them.
    async fn jobs(
        &self,
        id: CycleId,
        from_position: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError>;
}

/// Cycles of evaluation: beginning them, following them and ending them.
#[async_trait]
pub trait Cycles: Send + Sync + fmt::Debug {
    /// Becomes the one scheduler of this store; `None` while another is. It stays so until the lock
    /// is dropped, the process ends or the connection breaks.
    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError>;

    /// Replaces the list of miners. Those that are no longer in it are kept as inactive.
    async fn put_miners(&self, miners: &[Miner]) -> Result<(), StoreError>;

    /// Stores the state of the scheduler.
    async fn put_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError>;

    /// Begins a cycle with all its miners and jobs.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when one is running,
    /// [`Invalid`](super::StoreErrorKind::Invalid) for those that [`rules::in_order`] refuses, and
    /// when a job has the uuid of another.
    ///
    /// [`rules::in_order`]: super::rules::in_order
    async fn create_cycle(&self, cycle: &NewCycle) -> Result<CycleId, StoreError>;

    /// The running cycle, with all that a scheduler needs to finish it.
    async fn running_cycle(&self) -> Result<Option<CyclePlan>, StoreError>;

    /// A cycle.
    async fn cycle(&self, id: CycleId) -> Result<Option<Cycle>, StoreError>;

    /// The progress and results of a cycle, by uid and environment.
    async fn progress(&self, id: CycleId) -> Result<Vec<PairProgress>, StoreError>;

    /// Ends a running cycle with its scores and weights. Jobs that are not done are given up.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it is not running,
    /// [`NotFound`](super::StoreErrorKind::NotFound) when there is none.
    async fn finish_cycle(&self, id: CycleId, result: &CycleResult) -> Result<(), StoreError>;

    /// Ends a running cycle without scores, and stores the reason. Jobs that are not done are given
    /// up.
    ///
    /// # Errors
    /// Those of [`Cycles::finish_cycle`].
    async fn fail_cycle(&self, id: CycleId, reason: &str) -> Result<(), StoreError>;
}

/// What is known: weights, scores, miners and the state of the backend.
#[async_trait]
pub trait Reports: Send + Sync + fmt::Debug {
    /// The weights of the last completed cycle, or of the last one that judged that block.
    async fn weights(
        &self,
        block: Option<BlockNumber>,
    ) -> Result<Option<PublishedWeights>, StoreError>;

    /// The scores of a cycle, or of the last completed one.
    async fn scores(&self, id: Option<CycleId>) -> Result<Option<CycleScores>, StoreError>;

    /// Everybody who was ever seen with a commitment: first those on the chain, then the others,
    /// each by uid.
    async fn miners(&self) -> Result<Vec<MinerStatus>, StoreError>;

    /// The environments that miners are or were judged in, by id.
    async fn environments(&self) -> Result<Vec<EnvironmentStatus>, StoreError>;

    /// The state of the backend.
    async fn overview(&self) -> Result<Overview, StoreError>;

    /// The durations of the last thousand completed cycles, in seconds, the newest first.
    async fn cycle_seconds(&self) -> Result<Vec<f64>, StoreError>;
}

/// What an operator does with a store.
#[async_trait]
pub trait Administration: Send + Sync + fmt::Debug {
    /// Checks that the store answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Whether the tables are there and of this version.
    async fn schema(&self) -> Result<Schema, StoreError>;

    /// Makes the tables, or updates those of an older version, and keeps what is in them. Several
    /// processes may do so at once.
    ///
    /// # Errors
    /// [`SchemaNew`](super::StoreErrorKind::SchemaNew) when they are of a newer version.
    async fn init(&self) -> Result<(), StoreError>;

    /// Drops all tables with all that is in them, and makes them again.
    async fn reset(&self) -> Result<(), StoreError>;

    /// Deletes the jobs of all cycles that are over, except for the newest `keep_cycles` of those
    /// cycles, and returns how many jobs there were. Scores, weights and reports are kept.
    async fn prune_jobs(&self, keep_cycles: u32) -> Result<u64, StoreError>;

    /// Closes the store once what is under way is done, but after a few seconds at the latest. It
    /// must not be used afterwards. When the last process has closed an SQLite database, all of it
    /// is in its one file.
    async fn close(&self);
}

/// Being the one scheduler of a store, until this is dropped.
#[async_trait]
pub trait SchedulerLock: Send + fmt::Debug {
    /// Checks that the lock still holds. After an error, this process is no longer the scheduler
    /// and must not change the cycle.
    async fn check(&mut self) -> Result<(), StoreError>;
}
