//! A running scheduler.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::scoring::{Method, Weighting};
use kinitro_core::{Backoff, BlockNumber, CycleId, Hotkey, MinerUid};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};

use super::super::Timestamp;
use super::super::storage::{
    Cycle, CycleMiner, CyclePlan, CycleStatus, Heartbeat, NewCycle, PairProgress, SchedulerLock,
    SeedSecret, StoreError, StoreErrorKind,
};
use super::judge::{Tallies, judge};
use super::plan::{Rules, jobs};
use super::roster::Roster;
use super::{CycleEnd, Scheduler, SchedulerError};

/// How often a call to the database is tried.
const TRIES: u32 = 5;
/// The longest pause after an error.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The number of jobs to read at a time when a cycle is scored.
const PAGE: u32 = 5000;
/// How often progress is logged.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The scheduler's state in memory. All that matters is in the database, so it may be lost at any
/// time.
pub(super) struct Run<'a> {
    scheduler: &'a Scheduler,
    lock: Option<Box<dyn SchedulerLock>>,
    /// The cycle in progress. If the database stores its end but the reply is lost, this is how the
    /// scheduler finds out that the cycle has ended.
    current: Option<CycleId>,
    /// When the next cycle is due; `None` until this has been looked up.
    due: Option<Instant>,
    /// The newest block seen.
    block: Option<BlockNumber>,
    last_sweep: Option<Instant>,
}

impl<'a> Run<'a> {
    pub(super) fn new(scheduler: &'a Scheduler) -> Self {
        Self { scheduler, lock: None, current: None, due: None, block: None, last_sweep: None }
    }

    pub(super) fn say_stopped(&self) {
        match self.current {
            Some(cycle) => info!(%cycle, "stopped: the cycle goes on at the next start"),
            None => info!("stopped"),
        }
    }

    /// Runs cycles one after another, without end.
    pub(super) async fn cycles(&mut self) {
        let mut backoff = self.backoff();
        loop {
            match self.next_cycle(true).await {
                Ok(_) => backoff.reset(),
                Err(SchedulerError::NobodyToJudge { rejected }) => {
                    backoff.reset();
                    warn!(rejected, "no miner can be judged: the chain is looked at again soon");
                    let again = LONGEST_PAUSE.min(self.scheduler.settings.eval_interval);
                    self.due = Some(Instant::now() + again);
                }
                Err(error) => {
                    self.pause_after(&error, backoff.fail()).await;
                }
            }
        }
    }

    /// Runs one cycle without waiting until it is due.
    pub(super) async fn one_cycle(&mut self) -> Result<CycleEnd, SchedulerError> {
        let mut backoff = self.backoff();
        loop {
            match self.next_cycle(false).await {
                Err(error) if error.is_transient() => {
                    self.pause_after(&error, backoff.fail()).await;
                }
                end => return end,
            }
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(self.scheduler.settings.poll_interval, LONGEST_PAUSE)
    }

    async fn pause_after(&mut self, error: &SchedulerError, pause: Duration) {
        if matches!(error, SchedulerError::LockLost(_)) {
            self.lock = None;
        }
        let hint = (self.scheduler.settings.hints)(error);
        error!(%error, hint, "tried again in {} s", pause.as_secs_f64());
        sleep(pause).await;
    }

    /// Resumes the running cycle, or starts the next one, and completes it.
    ///
    /// After an error it is called again and continues from the state in the database.
    async fn next_cycle(&mut self, when_due: bool) -> Result<CycleEnd, SchedulerError> {
        self.become_the_one().await?;
        let store = &self.scheduler.store;
        let plan = self.scheduler.ask(|| store.running_cycle()).await?;
        if let Some(id) = self.current
            && plan.as_ref().is_none_or(|plan| plan.cycle.id != id)
            && let Some(end) = self.end_of(id).await?
        {
            return Ok(end);
        }
        let plan = match plan {
            Some(plan) => {
                if self.current.is_none() {
                    info!(cycle = %plan.cycle.id, "going on with the cycle");
                }
                plan
            }
            None => {
                if when_due {
                    self.wait_until_due().await?;
                }
                let id = self.begin().await?;
                self.scheduler.ask(|| store.running_cycle()).await?.ok_or_else(|| gone(id))?
            }
        };
        let id = plan.cycle.id;
        self.current = Some(id);
        self.see_through(plan).await?;
        self.end_of(id).await?.ok_or_else(|| gone(id))
    }

    /// How the cycle in progress ended, if it has.
    async fn end_of(&mut self, id: CycleId) -> Result<Option<CycleEnd>, SchedulerError> {
        let store = &self.scheduler.store;
        let cycle = self.scheduler.ask(|| store.cycle(id)).await?;
        let Some(Cycle { status, failure, seed_secret, completed_at, started_at, .. }) = cycle
        else {
            // The database has been cleared.
            self.current = None;
            return Ok(None);
        };
        let seconds = completed_at.map(|end| end.since(started_at).as_secs());
        let seed_secret = seed_secret.map(|secret| secret.to_hex());
        let end = match status {
            CycleStatus::Completed => {
                info!(cycle = %id, seconds, seed_secret, "cycle completed");
                CycleEnd { id, failure: None }
            }
            CycleStatus::Failed => {
                let reason = failure.unwrap_or_default();
                warn!(cycle = %id, seconds, seed_secret, reason, "cycle failed");
                CycleEnd { id, failure: Some(reason) }
            }
            CycleStatus::Pending | CycleStatus::Running => return Ok(None),
        };
        self.current = None;
        Ok(Some(end))
    }

    /// Waits until no other scheduler is using the database.
    async fn become_the_one(&mut self) -> Result<(), SchedulerError> {
        if self.lock.is_some() {
            return self.check_lock().await;
        }
        let mut said = false;
        loop {
            self.lock = self.scheduler.store.try_lock_scheduler().await?;
            if self.lock.is_some() {
                if said {
                    info!("the other scheduler is gone");
                }
                return Ok(());
            }
            if !said {
                said = true;
                warn!("another scheduler works on this database: waiting until it is gone");
            }
            sleep(self.scheduler.settings.poll_interval).await;
        }
    }

    async fn check_lock(&mut self) -> Result<(), SchedulerError> {
        match &mut self.lock {
            Some(lock) => lock.check().await.map_err(SchedulerError::LockLost),
            None => Ok(()),
        }
    }

    async fn wait_until_due(&mut self) -> Result<(), SchedulerError> {
        let due = match self.due {
            Some(due) => due,
            None => self.look_up_due().await?,
        };
        self.due = Some(due);
        loop {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.check_lock().await?;
            self.beat(Some(left)).await?;
            sleep(left.min(self.scheduler.settings.poll_interval)).await;
        }
    }

    /// When the next cycle is due, given when the last one started.
    async fn look_up_due(&mut self) -> Result<Instant, SchedulerError> {
        let now = self.database_time().await?;
        let store = &self.scheduler.store;
        let last = self.scheduler.ask(|| store.overview()).await?.last_completed_cycle;
        let interval = self.scheduler.settings.eval_interval;
        let left =
            last.map_or(Duration::ZERO, |last| interval.saturating_sub(now.since(last.started_at)));
        Ok(later(left))
    }

    /// Stores a heartbeat with the scheduler's current state.
    async fn beat(&mut self, next_cycle_in: Option<Duration>) -> Result<(), SchedulerError> {
        match self.scheduler.chain.head().await {
            Ok(head) => self.block = Some(head.best.number),
            // The block is for display only.
            Err(error) => warn!(%error, "the chain does not say its newest block"),
        }
        let heartbeat = Heartbeat {
            current_block: self.block.unwrap_or(BlockNumber(0)),
            next_cycle_in,
            environments: self.scheduler.settings.env_ids.clone(),
        };
        let store = &self.scheduler.store;
        self.scheduler.ask(|| store.put_heartbeat(&heartbeat)).await
    }

    /// The current time by the database's clock, which may be another machine's.
    async fn database_time(&mut self) -> Result<Timestamp, SchedulerError> {
        self.beat(None).await?;
        let store = &self.scheduler.store;
        let state = self.scheduler.ask(|| store.overview()).await?.scheduler;
        Ok(state.map_or_else(Timestamp::now, |state| state.updated_at))
    }

    /// Reads the chain and stores the jobs of a new cycle.
    async fn begin(&mut self) -> Result<CycleId, SchedulerError> {
        let Scheduler { settings, chain, store } = self.scheduler;
        let subnet = chain.subnet(settings.netuid).await?;
        let known = self.scheduler.ask(|| store.miners()).await?;
        let key = settings.private_key.as_ref();
        let roster = Roster::read(&subnet.value, settings.netuid, key, &known);
        for rejected in &roster.rejected {
            let super::Rejected { uid, hotkey, block, reason } = rejected;
            warn!(%uid, %hotkey, %block, reason, "a commitment is no good");
        }
        self.check_lock().await?;
        self.scheduler.ask(|| store.put_miners(&roster.miners)).await?;
        let miners = roster.contenders();
        if miners.is_empty() {
            let rejected = roster.rejected.len();
            return Err(SchedulerError::NobodyToJudge { rejected });
        }
        let cycle =
            self.new_cycle(subnet.block.number, miners, Rules::new(settings, roster.rejected))?;
        let id = store.create_cycle(&cycle).await?;
        self.due = Some(later(settings.eval_interval));
        self.current = Some(id);
        info!(
            cycle = %id,
            block = %cycle.block,
            miners = cycle.miners.len(),
            environments = settings.env_ids.len(),
            tasks = cycle.jobs.len(),
            seed_mode = ?cycle.seed_mode,
            seed_commitment = cycle.seed_secret.commitment(),
            "cycle begun"
        );
        Ok(id)
    }

    fn new_cycle(
        &self,
        block: BlockNumber,
        miners: Vec<CycleMiner>,
        rules: Rules,
    ) -> Result<NewCycle, SchedulerError> {
        let seed_secret = SeedSecret::draw()?;
        let seed_mode = self.scheduler.settings.seed_mode;
        let Rules { ref env_ids, episodes_per_env, .. } = rules;
        let jobs = jobs(&miners, env_ids, episodes_per_env, seed_mode, &seed_secret)?;
        let settings = serde_json::to_value(&rules)?;
        Ok(NewCycle { block, seed_mode, seed_secret, episodes_per_env, settings, miners, jobs })
    }

    /// Waits for the jobs of a cycle and ends it.
    async fn see_through(&mut self, plan: CyclePlan) -> Result<(), SchedulerError> {
        let CyclePlan { cycle, settings, miners, .. } = plan;
        let rules = match read_rules(settings) {
            Ok(rules) => rules,
            Err(reason) => return self.fail(cycle.id, &reason).await,
        };
        // An unknown rule does not fail the cycle: a program that knows the rule can still finish
        // it.
        let weighting = self.scheduler.weighting(&rules.scoring)?;
        let elapsed = self.database_time().await?.since(cycle.started_at);
        let deadline = later(rules.timeout().saturating_sub(elapsed));
        let timed_out = self.wait_for_jobs(cycle.id, deadline).await?;
        let subnet = self.scheduler.chain.neurons(rules.netuid).await?.value;
        let present: BTreeMap<MinerUid, Hotkey> =
            subnet.into_iter().map(|neuron| (neuron.uid, neuron.hotkey)).collect();
        let tallies = self.scheduler.tally(cycle.id, &miners, &rules).await?;
        self.check_lock().await?;
        match judge(&rules, &*weighting, &miners, tallies, &present, timed_out) {
            Ok(result) => Ok(self.scheduler.store.finish_cycle(cycle.id, &result).await?),
            Err(reason) => self.fail(cycle.id, &reason).await,
        }
    }

    async fn fail(&mut self, id: CycleId, reason: &str) -> Result<(), SchedulerError> {
        self.check_lock().await?;
        Ok(self.scheduler.store.fail_cycle(id, reason).await?)
    }

    /// Waits until all jobs are done or the time is up. Returns which.
    async fn wait_for_jobs(
        &mut self,
        cycle: CycleId,
        deadline: Instant,
    ) -> Result<bool, SchedulerError> {
        let Scheduler { settings, store, .. } = self.scheduler;
        let mut last_said = None;
        loop {
            self.check_lock().await?;
            self.sweep().await?;
            let now = Instant::now();
            let progress = self.scheduler.ask(|| store.progress(cycle)).await?;
            let sum = |count: fn(&PairProgress) -> u32| progress.iter().map(count).sum::<u32>();
            let (pending, assigned) = (sum(|pair| pair.pending), sum(|pair| pair.assigned));
            if pending + assigned == 0 {
                return Ok(false);
            }
            if now >= deadline {
                warn!(%cycle, pending, assigned, "the time limit of the cycle is reached");
                return Ok(true);
            }
            let (completed, failed) = (sum(|pair| pair.completed), sum(|pair| pair.failed));
            if last_said.is_none_or(|last| now.duration_since(last) >= SAY_EVERY) {
                last_said = Some(now);
                info!(%cycle, completed, failed, pending, assigned, "cycle running");
            } else {
                debug!(%cycle, completed, failed, pending, assigned, "cycle running");
            }
            self.beat(None).await?;
            let left = deadline.saturating_duration_since(Instant::now());
            sleep(left.min(settings.poll_interval)).await;
        }
    }

    /// Revokes expired leases from time to time. A running API does so continually.
    async fn sweep(&mut self) -> Result<(), SchedulerError> {
        let Scheduler { settings, store, .. } = self.scheduler;
        let last = *self.last_sweep.get_or_insert_with(Instant::now);
        if last.elapsed() >= settings.stale_threshold {
            let expired = self.scheduler.ask(|| store.expire_leases(&settings.retry)).await?;
            self.last_sweep = Some(Instant::now());
            if expired.returned + expired.failed > 0 {
                warn!(
                    returned = expired.returned,
                    failed = expired.failed,
                    "took back tasks whose leases ran out"
                );
            }
        }
        Ok(())
    }
}

impl Scheduler {
    /// Makes an idempotent call to the database, retrying a few times.
    async fn ask<T, F>(&self, question: impl Fn() -> F) -> Result<T, SchedulerError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut tries = 1;
        loop {
            match question().await {
                Err(error) if error.is_transient() && tries < TRIES => {
                    warn!(%error, tries, "the database is asked again");
                    sleep(self.settings.poll_interval).await;
                    tries += 1;
                }
                answer => return Ok(answer?),
            }
        }
    }

    /// The weighting rule that a cycle was started with.
    fn weighting(&self, method: &Method) -> Result<Arc<dyn Weighting>, SchedulerError> {
        let own = &self.settings.weighting;
        if own.method() == *method {
            return Ok(Arc::clone(own));
        }
        Ok(self.settings.weightings.of(method)?)
    }

    /// Tallies the jobs of a cycle, in order.
    async fn tally(
        &self,
        cycle: CycleId,
        miners: &[CycleMiner],
        rules: &Rules,
    ) -> Result<Tallies, SchedulerError> {
        let mut tallies = Tallies::new(miners, &rules.env_ids);
        let mut next = 0;
        loop {
            let page = self.ask(|| self.store.jobs(cycle, next, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(tallies) };
            next = last.position + 1;
            page.iter().for_each(|task| tallies.add(task));
        }
    }
}

/// The instant after this time, at most a year from now: longer times may overflow.
fn later(time: Duration) -> Instant {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    Instant::now() + time.min(YEAR)
}

fn gone(id: CycleId) -> SchedulerError {
    StoreError::new(StoreErrorKind::NotFound, format!("cycle {id} is not there any more")).into()
}

fn read_rules(settings: Value) -> Result<Rules, String> {
    serde_json::from_value(settings)
        .map_err(|error| format!("the rules that the cycle began with cannot be read: {error}"))
}
