//! A store that counts the episodes it has been paid for, over the one in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kinitro_eval::async_trait;
use kinitro_eval::backend::Timestamp;
use kinitro_eval::backend::storage::{
    Administration, Answer, Claim, ClaimedJob, Cycle, CyclePlan, CycleResult, CycleScores, Cycles,
    EnvironmentStatus, Expired, Heartbeat, JobRecord, JobStats, Lease, MemoryStore, Miner,
    MinerStatus, NewCycle, Overview, PairProgress, PublishedWeights, Queue, Reports, RetryPolicy,
    SchedulerLock, Schema, Settled, StoreError, Verdict,
};
use kinitro_eval::kinitro_core::{BlockNumber, CycleId};

/// Counts the jobs that were completed. Clones are the same store.
#[derive(Debug, Clone, Default)]
pub struct Metered {
    inner: MemoryStore,
    completed: Arc<AtomicU64>,
}

impl Metered {
    /// How many jobs were completed.
    pub fn completed(&self) -> u64 {
        self.completed.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Queue for Metered {
    async fn claim(&self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError> {
        self.inner.claim(claim).await
    }

    async fn renew(
        &self,
        leases: &[Lease],
        lease: Duration,
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        self.inner.renew(leases, lease).await
    }

    async fn submit(
        &self,
        executor_id: &str,
        answers: &[Answer],
        retry: &RetryPolicy,
    ) -> Result<Vec<Verdict>, StoreError> {
        let verdicts = self.inner.submit(executor_id, answers, retry).await?;
        let completed = Verdict::Accepted(Settled::Completed);
        let count = verdicts.iter().filter(|verdict| **verdict == completed).count();
        self.completed.fetch_add(count as u64, Ordering::Relaxed);
        Ok(verdicts)
    }

    async fn expire_leases(&self, retry: &RetryPolicy) -> Result<Expired, StoreError> {
        self.inner.expire_leases(retry).await
    }

    async fn pending_jobs(&self) -> Result<u64, StoreError> {
        self.inner.pending_jobs().await
    }

    async fn job_stats(&self) -> Result<JobStats, StoreError> {
        self.inner.job_stats().await
    }

    async fn jobs(
        &self,
        id: CycleId,
        from_position: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError> {
        self.inner.jobs(id, from_position, limit).await
    }
}

#[async_trait]
impl Cycles for Metered {
    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError> {
        self.inner.try_lock_scheduler().await
    }

    async fn put_miners(&self, miners: &[Miner]) -> Result<(), StoreError> {
        self.inner.put_miners(miners).await
    }

    async fn put_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        self.inner.put_heartbeat(heartbeat).await
    }

    async fn create_cycle(&self, cycle: &NewCycle) -> Result<CycleId, StoreError> {
        self.inner.create_cycle(cycle).await
    }

    async fn running_cycle(&self) -> Result<Option<CyclePlan>, StoreError> {
        self.inner.running_cycle().await
    }

    async fn cycle(&self, id: CycleId) -> Result<Option<Cycle>, StoreError> {
        self.inner.cycle(id).await
    }

    async fn progress(&self, id: CycleId) -> Result<Vec<PairProgress>, StoreError> {
        self.inner.progress(id).await
    }

    async fn finish_cycle(&self, id: CycleId, result: &CycleResult) -> Result<(), StoreError> {
        self.inner.finish_cycle(id, result).await
    }

    async fn fail_cycle(&self, id: CycleId, reason: &str) -> Result<(), StoreError> {
        self.inner.fail_cycle(id, reason).await
    }
}

#[async_trait]
impl Reports for Metered {
    async fn weights(
        &self,
        block: Option<BlockNumber>,
    ) -> Result<Option<PublishedWeights>, StoreError> {
        self.inner.weights(block).await
    }

    async fn scores(&self, id: Option<CycleId>) -> Result<Option<CycleScores>, StoreError> {
        self.inner.scores(id).await
    }

    async fn miners(&self) -> Result<Vec<MinerStatus>, StoreError> {
        self.inner.miners().await
    }

    async fn environments(&self) -> Result<Vec<EnvironmentStatus>, StoreError> {
        self.inner.environments().await
    }

    async fn overview(&self) -> Result<Overview, StoreError> {
        self.inner.overview().await
    }

    async fn cycle_seconds(&self) -> Result<Vec<f64>, StoreError> {
        self.inner.cycle_seconds().await
    }
}

#[async_trait]
impl Administration for Metered {
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
