//! A store that somebody else's code can interfere with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::{BlockNumber, CycleId};
use kinitro_eval::async_trait;
use kinitro_eval::backend::Timestamp;
use kinitro_eval::backend::storage::{
    Administration, Answer, Claim, ClaimedJob, Cycle, CyclePlan, CycleResult, CycleScores, Cycles,
    EnvironmentStatus, Expired, Heartbeat, JobRecord, JobStats, Lease, Miner, MinerStatus,
    NewCycle, Overview, PairProgress, PublishedWeights, Queue, Reports, RetryPolicy, SchedulerLock,
    Schema, Store, StoreError, StoreErrorKind, Verdict,
};

/// When in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Nothing has happened yet.
    Before,
    /// It has, and nobody was told.
    After,
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meddling {
    Nothing,
    Fail(StoreErrorKind),
    /// It never returns.
    Hang,
}

type Meddler = dyn Fn(&'static str, Moment) -> Meddling + Send + Sync;

pub(crate) struct Meddled {
    inner: Arc<dyn Store>,
    meddler: Box<Meddler>,
}

impl Meddled {
    pub(crate) fn with(
        inner: Arc<dyn Store>,
        meddler: impl Fn(&'static str, Moment) -> Meddling + Send + Sync + 'static,
    ) -> Arc<dyn Store> {
        Arc::new(Self { inner, meddler: Box::new(meddler) })
    }

    async fn at(&self, call: &'static str, moment: Moment) -> Result<(), StoreError> {
        match (self.meddler)(call, moment) {
            Meddling::Nothing => Ok(()),
            Meddling::Fail(kind) => Err(StoreError::new(kind, "made to fail")),
            Meddling::Hang => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Meddled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Meddled").field(&self.inner).finish()
    }
}

macro_rules! delegate {
    ($trait:ident: $(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl $trait for Meddled {
            $(async fn $name(&self, $($argument: $kind),*) -> Result<$answer, StoreError> {
                self.at(stringify!($name), Moment::Before).await?;
                let answer = self.inner.$name($($argument),*).await?;
                self.at(stringify!($name), Moment::After).await?;
                Ok(answer)
            })*
        }
    };
}

delegate! {
    Queue:
    fn claim(claim: &Claim) -> Vec<ClaimedJob>;
    fn renew(leases: &[Lease], lease: Duration) -> Vec<Option<Timestamp>>;
    fn submit(executor_id: &str, answers: &[Answer], retry: &RetryPolicy) -> Vec<Verdict>;
    fn expire_leases(retry: &RetryPolicy) -> Expired;
    fn pending_jobs() -> u64;
    fn job_stats() -> JobStats;
    fn jobs(id: CycleId, from_position: u64, limit: u32) -> Vec<JobRecord>;
}

delegate! {
    Cycles:
    fn try_lock_scheduler() -> Option<Box<dyn SchedulerLock>>;
    fn put_miners(miners: &[Miner]) -> ();
    fn put_heartbeat(heartbeat: &Heartbeat) -> ();
    fn create_cycle(cycle: &NewCycle) -> CycleId;
    fn running_cycle() -> Option<CyclePlan>;
    fn cycle(id: CycleId) -> Option<Cycle>;
    fn progress(id: CycleId) -> Vec<PairProgress>;
    fn finish_cycle(id: CycleId, result: &CycleResult) -> ();
    fn fail_cycle(id: CycleId, reason: &str) -> ();
}

delegate! {
    Reports:
    fn weights(block: Option<BlockNumber>) -> Option<PublishedWeights>;
    fn scores(id: Option<CycleId>) -> Option<CycleScores>;
    fn miners() -> Vec<MinerStatus>;
    fn environments() -> Vec<EnvironmentStatus>;
    fn overview() -> Overview;
    fn cycle_seconds() -> Vec<f64>;
}

#[async_trait]
impl Administration for Meddled {
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        self.inner.schema().await
    }

    async fn init(&self) -> Result<(), StoreError> {
        self.inner.init().await
    }

    async fn reset(&self) -> Result<(), StoreError> {
        self.inner.reset().await
    }

    async fn prune_jobs(&self, keep_cycles: u32) -> Result<u64, StoreError> {
        self.inner.prune_jobs(keep_cycles).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
