//! A store in the memory of this process.

mod cycles;
mod queue;
mod reports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use kinitro_core::{Hotkey, MinerUid};
use serde_json::Value;

use self::queue::Job;
use super::super::Timestamp;
use super::{
    Administration, Cycle, CycleMiner, CycleResult, CycleStatus, Heartbeat, Miner, SchedulerLock,
    Schema, SeedSecret, StoreError, StoreErrorKind,
};

/// A store that ends with the process: for tests, and for programs that need no database. It decides
/// everything by [`rules`](super::rules), and is the shortest complete answer to what a store does.
///
/// Clones are handles on the same store. Its clock is that of this machine.
///
/// ```
/// use kinitro_eval::backend::storage::{Administration as _, MemoryStore, Queue as _};
///
/// # async fn example() -> Result<(), kinitro_eval::backend::storage::StoreError> {
/// let store = MemoryStore::new();
/// assert_eq!(store.pending_jobs().await?, 0);
/// # Ok(())
/// # }
/// # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    scheduler: Arc<AtomicBool>,
}

impl MemoryStore {
    /// An empty store, which needs no [`init`](Administration::init).
    pub fn new() -> Self {
        Self::default()
    }

    /// One transaction.
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        // Nothing in here panics half way through a change.
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// All that is stored.
#[derive(Debug, Default)]
struct State {
    cycles: BTreeMap<i64, StoredCycle>,
    /// Jobs by cycle and position.
    jobs: BTreeMap<(i64, u64), Job>,
    /// Where the jobs are, by their UUIDs.
    places: BTreeMap<String, (i64, u64)>,
    /// Where the pending jobs are.
    pending: BTreeSet<(i64, u64)>,
    /// Where the assigned jobs are.
    assigned: BTreeSet<(i64, u64)>,
    /// Miners, and whether they are active.
    miners: BTreeMap<Hotkey, (Miner, bool)>,
    heartbeat: Option<(Heartbeat, Timestamp)>,
}

#[derive(Debug)]
struct StoredCycle {
    cycle: Cycle,
    /// [`Cycle::seed_secret`] is set once the cycle is over.
    secret: SeedSecret,
    settings: Value,
    miners: BTreeMap<MinerUid, CycleMiner>,
    result: Option<CycleResult>,
}

impl State {
    fn running(&self) -> Option<&StoredCycle> {
        self.cycles.values().find(|stored| stored.cycle.status == CycleStatus::Running)
    }

    /// The completed cycles, the newest first.
    fn completed(&self) -> impl Iterator<Item = (&StoredCycle, &CycleResult)> {
        self.cycles.values().rev().filter_map(|stored| Some((stored, stored.result.as_ref()?)))
    }
}

#[async_trait]
impl Administration for MemoryStore {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn schema(&self) -> Result<Schema, StoreError> {
        Ok(Schema::Current)
    }

    async fn init(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn reset(&self) -> Result<(), StoreError> {
        self.with(|state| *state = State::default());
        Ok(())
    }

    async fn prune_jobs(&self, keep_cycles: u32) -> Result<u64, StoreError> {
        Ok(self.with(|state| {
            let over = |stored: &&StoredCycle| {
                matches!(stored.cycle.status, CycleStatus::Completed | CycleStatus::Failed)
            };
            let old: BTreeSet<i64> = state
                .cycles
                .values()
                .rev()
                .filter(over)
                .skip(keep_cycles as usize)
                .map(|stored| stored.cycle.id.0)
                .collect();
            let before = state.jobs.len();
            state.jobs.retain(|(cycle, _), _| !old.contains(cycle));
            state.places.retain(|_, (cycle, _)| !old.contains(cycle));
            (before - state.jobs.len()) as u64
        }))
    }

    async fn close(&self) {}
}

/// A flag that is set while somebody is the scheduler, for stores that no other process sees.
#[derive(Debug)]
pub(super) struct FlagLock(Arc<AtomicBool>);

impl FlagLock {
    /// Sets the flag; `None` when it is set already.
    pub(super) fn try_new(flag: &Arc<AtomicBool>) -> Option<Box<dyn SchedulerLock>> {
        let is_mine = !flag.swap(true, Ordering::SeqCst);
        is_mine.then(|| Box::new(Self(Arc::clone(flag))) as _)
    }
}

#[async_trait]
impl SchedulerLock for FlagLock {
    async fn check(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Drop for FlagLock {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

fn conflict(message: impl Into<std::borrow::Cow<'static, str>>) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, message)
}
