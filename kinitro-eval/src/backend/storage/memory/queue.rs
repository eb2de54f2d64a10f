//! The queue of jobs.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{CycleId, EnvId};

use super::super::super::Timestamp;
use super::super::rules::{self, JobState, Recorded};
use super::super::{
    Answer, Claim, ClaimedJob, Expired, JobRecord, JobStats, JobStatus, Lease, MAX_CLAIM, NewJob,
    Queue, Refusal, RetryPolicy, Settled, StoreError, Verdict, check_executor_id,
};
use super::{MemoryStore, State};

#[derive(Debug)]
pub(super) struct Job {
    pub(super) new: NewJob,
    pub(super) state: JobState,
    /// The job cannot be claimed before this time.
    available_at: Timestamp,
    lease_expires_at: Timestamp,
    pub(super) outcome: Option<String>,
    pub(super) error: Option<String>,
    /// The result of the episode, if it counts.
    pub(super) result: Option<Recorded>,
}

impl Job {
    pub(super) fn new(new: NewJob, now: Timestamp) -> Self {
        Self {
            new,
            state: JobState::new(),
            available_at: now,
            lease_expires_at: now,
            outcome: None,
            error: None,
            result: None,
        }
    }

    /// Ends the job without a result, if it is not over.
    pub(super) fn give_up(&mut self) {
        if self.state.give_up() {
            self.outcome = Some(rules::GIVEN_UP.to_owned());
            self.error = Some(rules::GIVEN_UP_ERROR.to_owned());
        }
    }

    fn record(&self, position: u64) -> JobRecord {
        let result = self.result.as_ref();
        JobRecord {
            status: self.state.status,
            attempts: self.state.attempts,
            executor_id: self.state.executor_id.clone(),
            outcome: self.outcome.clone(),
            error: self.error.clone(),
            success: result.and_then(|result| result.success),
            score: result.and_then(|result| result.score),
            total_reward: result.and_then(|result| result.total_reward),
            timesteps: result.and_then(|result| result.timesteps),
            verification: result.and_then(|result| result.verification),
            ..JobRecord::new(position, &self.new)
        }
    }
}

/// The moment after that time.
fn after(now: Timestamp, time: Duration) -> Timestamp {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}

impl State {
    fn claim(&mut self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError> {
        let now = Timestamp::now();
        let can_run =
            |env_id: &EnvId| claim.env_ids.as_ref().is_none_or(|ids| ids.contains(env_id));
        let is_free = |place: &&(i64, u64)| {
            let job = self.jobs.get(place);
            job.is_some_and(|job| job.available_at <= now && can_run(&job.new.env_id))
        };
        let limit = claim.limit.min(MAX_CLAIM) as usize;
        let places: Vec<(i64, u64)> =
            self.pending.iter().filter(is_free).take(limit).copied().collect();
        let mut claimed = Vec::with_capacity(places.len());
        for place in places {
            let cycle = self.cycles.get(&place.0);
            let (Some(stored), Some(job)) = (cycle, self.jobs.get_mut(&place)) else { continue };
            let Some(miner) = stored.miners.get(&job.new.miner) else { continue };
            let token = rules::lease_token()?;
            job.state.claim(&claim.executor_id, &token);
            job.lease_expires_at = after(now, rules::lease_length(claim.lease));
            self.pending.remove(&place);
            self.assigned.insert(place);
            claimed.push(
                ClaimedJob::new(CycleId(place.0), &job.new, miner, token)
                    .attempt(job.state.attempts)
                    .times(stored.cycle.started_at, job.lease_expires_at),
            );
        }
        Ok(claimed)
    }

    fn renew(&mut self, lease: &Lease, length: Duration) -> Option<Timestamp> {
        let place = self.places.get(&lease.task_uuid)?;
        let job = self.jobs.get_mut(place).filter(|job| job.state.holds(lease))?;
        job.lease_expires_at = after(Timestamp::now(), rules::lease_length(length));
        Some(job.lease_expires_at)
    }

    fn submit(&mut self, executor_id: &str, answer: &Answer, retry: &RetryPolicy) -> Verdict {
        let place = self.places.get(&answer.task_uuid).copied();
        let Some((place, job)) = place.and_then(|place| Some((place, self.jobs.get_mut(&place)?)))
        else {
            return Verdict::Refused(Refusal::UnknownTask);
        };
        let verdict = job.state.judge(executor_id, answer, retry, rules::jitter());
        if let Verdict::Accepted(settled) = verdict {
            let recorded = Recorded::new(answer, settled);
            job.outcome = Some(recorded.outcome.clone());
            job.error = recorded.error.clone();
            job.result = Some(recorded);
            let wait = match settled {
                Settled::Retried(wait) => wait,
                _ => Duration::ZERO,
            };
            job.available_at = after(Timestamp::now(), wait);
            self.assigned.remove(&place);
            if job.state.status == JobStatus::Pending {
                self.pending.insert(place);
            }
        }
        verdict
    }

    fn expire(&mut self, retry: &RetryPolicy) -> Expired {
        let now = Timestamp::now();
        let mut expired = Expired::default();
        for place in self.assigned.clone() {
            let late = |job: &&mut Job| job.lease_expires_at <= now;
            let Some(job) = self.jobs.get_mut(&place).filter(late) else { continue };
            job.state.expire(retry);
            job.available_at = now;
            job.outcome = Some(rules::LEASE_EXPIRED.to_owned());
            job.error = Some(rules::LEASE_EXPIRED_ERROR.to_owned());
            self.assigned.remove(&place);
            if job.state.status == JobStatus::Pending {
                self.pending.insert(place);
                expired.returned += 1;
            } else {
                expired.failed += 1;
            }
        }
        expired
    }

    fn stats(&self) -> JobStats {
        let now = Timestamp::now();
        let holders: BTreeSet<&str> = self
            .assigned
            .iter()
            .filter_map(|place| self.jobs.get(place))
            .filter(|job| job.lease_expires_at > now)
            .filter_map(|job| job.state.executor_id.as_deref())
            .collect();
        let mut stats = JobStats {
            current_cycle: self.running().map(|stored| stored.cycle.id),
            active_executors: holders.len() as u64,
            ..JobStats::default()
        };
        if let Some((&last, _)) = self.cycles.last_key_value() {
            let jobs = self.jobs.range((last, 0)..=(last, u64::MAX));
            jobs.for_each(|(_, job)| stats.add(job.state.status, 1));
        }
        stats
    }
}

#[async_trait]
impl Queue for MemoryStore {
    async fn claim(&self, claim: &Claim) -> Result<Vec<ClaimedJob>, StoreError> {
        check_executor_id(&claim.executor_id)?;
        self.with(|state| state.claim(claim))
    }

    async fn renew(
        &self,
        leases: &[Lease],
        lease: Duration,
    ) -> Result<Vec<Option<Timestamp>>, StoreError> {
        Ok(self.with(|state| leases.iter().map(|held| state.renew(held, lease)).collect()))
    }

    async fn submit(
        &self,
        executor_id: &str,
        answers: &[Answer],
        retry: &RetryPolicy,
    ) -> Result<Vec<Verdict>, StoreError> {
        check_executor_id(executor_id)?;
        Ok(self.with(|state| {
            answers.iter().map(|answer| state.submit(executor_id, answer, retry)).collect()
        }))
    }

    async fn expire_leases(&self, retry: &RetryPolicy) -> Result<Expired, StoreError> {
        Ok(self.with(|state| state.expire(retry)))
    }

    async fn pending_jobs(&self) -> Result<u64, StoreError> {
        Ok(self.with(|state| state.pending.len() as u64))
    }

    async fn job_stats(&self) -> Result<JobStats, StoreError> {
        Ok(self.with(|state| state.stats()))
    }

    async fn jobs(
        &self,
        id: CycleId,
        from_position: u64,
        limit: u32,
    ) -> Result<Vec<JobRecord>, StoreError> {
        Ok(self.with(|state| {
            let jobs = state.jobs.range((id.0, from_position)..=(id.0, u64::MAX));
            let jobs = jobs.take(limit as usize);
            jobs.map(|((_, position), job)| job.record(*position)).collect()
        }))
    }
}
