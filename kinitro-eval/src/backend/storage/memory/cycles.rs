//! Cycles of evaluation.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use kinitro_core::{CycleId, EnvId, Hotkey, MinerUid};

use super::super::super::Timestamp;
use super::super::{
    Cycle, CycleMiner, CyclePlan, CycleResult, CycleStatus, Cycles, Heartbeat, JobStatus, Miner,
    NewCycle, PairProgress, SchedulerLock, StoreError, StoreErrorKind, rules,
};
use super::queue::Job;
use super::{FlagLock, MemoryStore, State, StoredCycle, conflict};

impl State {
    fn create(&mut self, new: &NewCycle) -> Result<CycleId, StoreError> {
        let jobs = rules::in_order(new)?;
        if self.running().is_some() {
            return Err(conflict("a cycle is running: only one can at a time"));
        }
        let mut uuids = BTreeSet::new();
        if !jobs.iter().all(|job| uuids.insert(&job.uuid) && !self.places.contains_key(&job.uuid)) {
            let message = "a job has the uuid of another";
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        let id = self.cycles.last_key_value().map_or(1, |(last, _)| last + 1);
        let now = Timestamp::now();
        for (position, job) in (0..).zip(jobs) {
            self.places.insert(job.uuid.clone(), (id, position));
            self.pending.insert((id, position));
            self.jobs.insert((id, position), Job::new(job.clone(), now));
        }
        let miners = new.miners.iter().map(|miner| {
            let stored = CycleMiner {
                endpoint: rules::storable(&miner.endpoint),
                repo: rules::storable(&miner.repo),
                revision: rules::storable(&miner.revision),
                ..*miner
            };
            (miner.uid, stored)
        });
        let stored = StoredCycle {
            cycle: Cycle::new(CycleId(id), new, now),
            secret: new.seed_secret,
            settings: new.settings.clone(),
            miners: miners.collect(),
            result: None,
        };
        self.cycles.insert(id, stored);
        Ok(CycleId(id))
    }

    /// Ends a running cycle, and returns it for what is different about its end.
    fn end(&mut self, id: CycleId, status: CycleStatus) -> Result<&mut StoredCycle, StoreError> {
        let Some(stored) = self.cycles.get_mut(&id.0) else {
            let message = format!("there is no cycle {id}");
            return Err(StoreError::new(StoreErrorKind::NotFound, message));
        };
        if stored.cycle.status != CycleStatus::Running {
            return Err(conflict(format!(
                "cycle {id} does not run: it is {}",
                stored.cycle.status
            )));
        }
        stored.cycle.status = status;
        stored.cycle.completed_at = Some(Timestamp::now());
        stored.cycle.seed_secret = Some(stored.secret);
        for (_, job) in self.jobs.range_mut((id.0, 0)..=(id.0, u64::MAX)) {
            job.give_up();
        }
        // Only the running cycle has any.
        self.pending.clear();
        self.assigned.clear();
        Ok(stored)
    }

    fn finish(&mut self, id: CycleId, result: &CycleResult) -> Result<(), StoreError> {
        let mut seen = BTreeSet::new();
        if !result.scores.iter().all(|score| seen.insert((score.uid, &score.env_id))) {
            return Err(conflict("a miner has two scores in an environment"));
        }
        let stored = self.end(id, CycleStatus::Completed)?;
        stored.cycle.report = Some(result.report.clone());
        let mut result = result.clone();
        result.scores.sort_by(|a, b| (a.uid, &a.env_id).cmp(&(b.uid, &b.env_id)));
        stored.result = Some(result);
        Ok(())
    }

    fn progress(&self, id: CycleId) -> Vec<PairProgress> {
        let mut pairs: BTreeMap<(MinerUid, EnvId), (PairProgress, f64)> = BTreeMap::new();
        for (_, job) in self.jobs.range((id.0, 0)..=(id.0, u64::MAX)) {
            let key = (job.new.miner, job.new.env_id.clone());
            let (pair, rewards) = pairs
                .entry(key)
                .or_insert_with_key(|(uid, env)| (PairProgress::new(*uid, env.clone()), 0.0));
            match job.state.status {
                JobStatus::Pending => pair.pending += 1,
                JobStatus::Assigned => pair.assigned += 1,
                JobStatus::Failed => pair.failed += 1,
                JobStatus::Completed => {
                    let result = job.result.as_ref();
                    let success = result.and_then(|result| result.success);
                    pair.completed += 1;
                    pair.successes += u32::from(success == Some(true));
                    *rewards += result.and_then(|result| result.total_reward).unwrap_or(0.0);
                }
            }
        }
        let with_mean = |(mut pair, rewards): (PairProgress, f64)| {
            let completed = f64::from(pair.completed);
            pair.mean_reward = (pair.completed > 0).then(|| rewards / completed);
            pair
        };
        pairs.into_values().map(with_mean).collect()
    }

    fn put_miners(&mut self, miners: &[Miner]) -> Result<(), StoreError> {
        miners.iter().filter_map(|miner| miner.first_block).try_for_each(rules::check_block)?;
        // A hotkey has one slot; should it be there twice, the last is the newest.
        let newest: BTreeMap<Hotkey, &Miner> =
            miners.iter().map(|miner| (miner.hotkey, miner)).collect();
        self.miners.values_mut().for_each(|(_, active)| *active = false);
        for (hotkey, miner) in newest {
            let mut miner = Miner {
                endpoint: miner.endpoint.as_deref().map(rules::storable),
                repo: rules::storable(&miner.repo),
                revision: rules::storable(&miner.revision),
                ..*miner
            };
            let before = self.miners.get(&hotkey).map(|(before, _)| before);
            miner.first_block = rules::first_block(before, &miner);
            self.miners.insert(hotkey, (miner, true));
        }
        Ok(())
    }
}

#[async_trait]
impl Cycles for MemoryStore {
    async fn try_lock_scheduler(&self) -> Result<Option<Box<dyn SchedulerLock>>, StoreError> {
        Ok(FlagLock::try_new(&self.scheduler))
    }

    async fn put_miners(&self, miners: &[Miner]) -> Result<(), StoreError> {
        self.with(|state| state.put_miners(miners))
    }

    async fn put_heartbeat(&self, heartbeat: &Heartbeat) -> Result<(), StoreError> {
        rules::check_block(heartbeat.current_block)?;
        self.with(|state| state.heartbeat = Some((heartbeat.clone(), Timestamp::now())));
        Ok(())
    }

    async fn create_cycle(&self, cycle: &NewCycle) -> Result<CycleId, StoreError> {
        self.with(|state| state.create(cycle))
    }

    async fn running_cycle(&self) -> Result<Option<CyclePlan>, StoreError> {
        Ok(self.with(|state| {
            state.running().map(|stored| CyclePlan {
                cycle: stored.cycle.clone(),
                seed_secret: stored.secret,
                settings: stored.settings.clone(),
                miners: stored.miners.values().cloned().collect(),
            })
        }))
    }

    async fn cycle(&self, id: CycleId) -> Result<Option<Cycle>, StoreError> {
        Ok(self.with(|state| state.cycles.get(&id.0).map(|stored| stored.cycle.clone())))
    }

    async fn progress(&self, id: CycleId) -> Result<Vec<PairProgress>, StoreError> {
        Ok(self.with(|state| state.progress(id)))
    }

    async fn finish_cycle(&self, id: CycleId, result: &CycleResult) -> Result<(), StoreError> {
        self.with(|state| state.finish(id, result))
    }

    async fn fail_cycle(&self, id: CycleId, reason: &str) -> Result<(), StoreError> {
        self.with(|state| {
            let stored = state.end(id, CycleStatus::Failed)?;
            stored.cycle.failure = Some(rules::storable(reason));
            Ok(())
        })
    }
}
