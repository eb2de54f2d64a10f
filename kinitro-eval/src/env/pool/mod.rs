//! Many environments at once: [`VecEnvironment`].

mod worker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use kinitro_core::{Action, ActionError, EnvId, Seed};
use ndarray::{Array1, Array2, Array4, ArrayView2, Axis};

use self::worker::{Job, Order};
use super::{CameraSpec, EnvironmentError, EnvironmentSpec, EpisodeStatus, Registry};

/// N environments on T threads, with their results in reused arrays.
///
/// Each environment has a slot, and each slot has a row in the arrays of the [`Batch`]. After a
/// reset, a slot is [running](SlotStatus::Running) until its episode is over, its steps are used up
/// or its environment breaks down; it then stays unchanged until the next reset. What happens in a
/// slot depends only on its seed and actions, not on the number of threads or on other slots.
///
/// ```
/// use kinitro_core::Seed;
/// use kinitro_eval::env::point::PointFamily;
/// use kinitro_eval::env::{PoolOptions, Registry, VecEnvironment};
/// use ndarray::Array2;
///
/// # fn main() -> Result<(), kinitro_eval::env::PoolError> {
/// let mut registry = Registry::empty();
/// registry.register(PointFamily);
/// let ids = vec!["toy/point-v0".parse().expect("an id"); 4];
/// let mut pool = VecEnvironment::new(&registry, &ids, PoolOptions::default())?;
///
/// // All at once: every slot that runs takes a step.
/// pool.reset_all(Seed(7))?;
/// let actions = Array2::from_elem((4, pool.action_len()), 0.5);
/// let batch = pool.step(actions.view())?;
/// assert_eq!(batch.observations.dim(), (4, 2));
/// assert!(batch.rewards.iter().all(|reward| *reward < 0.0));
///
/// // Or one by one: the first that is done comes back first.
/// for slot in 0..4 {
///     pool.send(slot, &[0.5, 0.5])?;
/// }
/// while let Some(slot) = pool.recv() {
///     assert_eq!(pool.batch().steps[slot], 2);
/// }
/// # Ok(())
/// # }
/// ```
pub struct VecEnvironment {
    ids: Vec<EnvId>,
    spec: EnvironmentSpec,
    cameras: Vec<CameraSpec>,
    max_steps: u32,
    /// Slot `i` belongs to the thread at `i` modulo the number of threads.
    threads: Vec<Thread>,
    finished: Receiver<Vec<Job>>,
    /// Jobs sent by `send` that came back while waiting for others.
    arrived: VecDeque<Job>,
    /// The job of each slot; `None` while a thread is working on it.
    jobs: Vec<Option<Job>>,
    batch: Batch,
    failures: Vec<Option<String>>,
}

struct Thread {
    /// `None` once the pool is being dropped.
    work: Option<Sender<Vec<Job>>>,
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    fn give(&self, jobs: Vec<Job>) {
        // The thread lives as long as the sending end of its channel.
        if let Some(work) = &self.work {
            let _ = work.send(jobs);
        }
    }
}

/// The settings of a pool.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PoolOptions {
    /// The number of threads, at most one per slot; `None` for as many as the machine has.
    pub threads: Option<usize>,
    /// The cameras to take pictures from after every reset and every step. Threads take turns
    /// rendering.
    pub cameras: Vec<String>,
    /// The number of steps after which an episode ends; `None` for the environment's own limit.
    pub max_steps: Option<u32>,
}

impl PoolOptions {
    /// The same with this many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// The same with pictures from one more camera.
    #[must_use]
    pub fn with_camera(mut self, camera: impl Into<String>) -> Self {
        self.cameras.push(camera.into());
        self
    }

    /// The same with episodes of at most this many steps.
    #[must_use]
    pub fn with_max_steps(mut self, steps: u32) -> Self {
        self.max_steps = Some(steps);
        self
    }
}

/// The latest results of a pool's environments, one row per slot.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Batch {
    /// The latest observation: the concatenated proprioceptive channels, in the order and units of
    /// the specification. Shape (slots, numbers).
    pub observations: Array2<f64>,
    /// The reward of the latest step; 0 after a reset, and for slots that took no part in the step.
    pub rewards: Array1<f64>,
    /// The state of each slot.
    pub statuses: Vec<SlotStatus>,
    /// The number of steps since the reset.
    pub steps: Array1<u32>,
    /// The latest pictures, one array per requested camera. Shape (slots, rows, columns, 3), 8-bit
    /// RGB.
    pub pictures: Vec<Array4<u8>>,
}

/// The state of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotStatus {
    /// The slot has not been reset yet.
    Idle,
    /// The episode is running, and the slot takes actions.
    Running,
    /// The latest step solved the scenario. The episode is over.
    Success,
    /// The latest step made the scenario unsolvable. The episode is over.
    Failure,
    /// The steps are used up. The episode is over.
    OutOfSteps,
    /// The environment broke down or panicked; see [`VecEnvironment::breakdown`]. The next reset
    /// makes a new one.
    Broken,
}

/// Why a call to a pool failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The settings make no sense.
    #[error("{0}")]
    Settings(String),
    /// An environment cannot be made on this machine.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Environments with different observations, actions, cameras or step limits cannot share a
    /// pool.
    #[error("`{other}` does not fit beside `{first}`: its {what} differ")]
    Misfit {
        /// The environment of the first slot.
        first: EnvId,
        /// The environment that differs.
        other: EnvId,
        /// What differs: `observations`, `actions`, `cameras` or `steps`.
        what: &'static str,
    },
    /// The actions do not have the shape (slots, numbers per action).
    #[error("the actions are of shape {found:?} instead of {expected:?}")]
    Shape {
        /// The shape they should have.
        expected: (usize, usize),
        /// The shape they have.
        found: (usize, usize),
    },
    /// An action does not fit the environment. No slot has taken a step.
    #[error("slot {slot}: {source}")]
    Action {
        /// The slot whose action it is.
        slot: usize,
        /// What is wrong with it.
        source: ActionError,
    },
    /// There is no such slot.
    #[error("there is no slot {slot}: the pool has {slots}")]
    NoSlot {
        /// The requested slot.
        slot: usize,
        /// The number of slots.
        slots: usize,
    },
    /// The slot takes no actions: it has not been reset, or its episode is over.
    #[error("slot {slot} takes no actions before its next reset")]
    NotRunning {
        /// The slot.
        slot: usize,
    },
    /// The slot is working; its result has to be received first.
    #[error("slot {slot} is still at work: receive its result first")]
    Busy {
        /// The slot.
        slot: usize,
    },
}

impl std::fmt::Debug for VecEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VecEnvironment")
            .field("slots", &self.ids.len())
            .field("threads", &self.threads.len())
            .field("statuses", &self.batch.statuses)
            .finish_non_exhaustive()
    }
}

impl VecEnvironment {
    /// A pool with a slot for each of these environments, none of them reset. They may differ as
    /// long as their observations, actions and cameras are the same.
    ///
    /// # Errors
    /// [`PoolError::Settings`] when there are no environments or no threads, [`PoolError::Misfit`],
    /// or [`PoolError::Environment`] when an environment cannot be made or lacks a camera.
    pub fn new(
        registry: &Registry,
        ids: &[EnvId],
        options: PoolOptions,
    ) -> Result<Self, PoolError> {
        let wrong = |text: &str| Err(PoolError::Settings(text.to_owned()));
        let Some(first) = ids.first() else { return wrong("a pool needs an environment") };
        if options.threads == Some(0) {
            return wrong("a pool needs at least one thread");
        }
        if options.max_steps == Some(0) {
            return wrong("an episode needs at least one step");
        }
        let spec = registry.spec(first)?;
        for id in ids {
            let other = registry.spec(id)?;
            let differs = [
                (other.observation != spec.observation, "observations"),
                (other.action != spec.action, "actions"),
                (other.cameras != spec.cameras, "cameras"),
                (other.max_steps != spec.max_steps && options.max_steps.is_none(), "steps"),
            ];
            if let Some((_, what)) = differs.into_iter().find(|(differs, _)| *differs) {
                return Err(PoolError::Misfit { first: first.clone(), other: id.clone(), what });
            }
        }
        let cameras = options.cameras.iter().map(|camera| spec.camera(camera).cloned());
        let cameras = cameras.collect::<Result<Vec<_>, _>>()?;

        let slots = ids.len();
        let observation_len = spec.observation.iter().map(|channel| channel.len).sum();
        let picture = |camera: &CameraSpec| Array4::zeros((slots, camera.height, camera.width, 3));
        let batch = Batch {
            observations: Array2::zeros((slots, observation_len)),
            rewards: Array1::zeros(slots),
            statuses: vec![SlotStatus::Idle; slots],
            steps: Array1::zeros(slots),
            pictures: cameras.iter().map(picture).collect(),
        };
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or_else(available).min(slots);
        let (send, finished) = mpsc::channel();
        let (made, all_made) = mpsc::channel();
        let shared = Arc::new((spec.clone(), options.cameras));
        let threads = (0..threads)
            .map(|thread| {
                let slots = (thread..slots).step_by(threads);
                let own = slots.map(|slot| (slot, ids[slot].clone())).collect();
                let (work, jobs) = mpsc::channel();
                let (registry, shared) = (registry.clone(), Arc::clone(&shared));
                let (made, send) = (made.clone(), send.clone());
                let handle = std::thread::spawn(move || {
                    worker::run(&registry, own, &shared.0, &shared.1, made, &jobs, &send);
                });
                Thread { work: Some(work), handle: Some(handle) }
            })
            .collect();
        drop(made);
        let job = |slot| Some(Job::new(slot, &spec, &cameras));
        let max_steps = options.max_steps.unwrap_or(spec.max_steps);
        let pool = Self {
            ids: ids.to_vec(),
            max_steps,
            threads,
            finished,
            arrived: VecDeque::new(),
            jobs: (0..slots).map(job).collect(),
            batch,
            failures: vec![None; slots],
            spec,
            cameras,
        };
        // Every thread reports once: either that its environments are made, or why not.
        all_made.into_iter().collect::<Result<(), _>>()?;
        Ok(pool)
    }

    /// The number of slots.
    #[expect(clippy::len_without_is_empty, reason = "a pool has at least one slot")]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// The environment of each slot.
    pub fn env_ids(&self) -> &[EnvId] {
        &self.ids
    }

    /// The specification of the first slot's environment. The others share its observations,
    /// actions and cameras.
    pub fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    /// The number of numbers in an action: those of its continuous channels one after another, then
    /// one for each discrete channel, which must be an integer.
    pub fn action_len(&self) -> usize {
        let continuous = self.spec.action.continuous.iter().map(|channel| channel.len);
        continuous.sum::<usize>() + self.spec.action.discrete.len()
    }

    /// The cameras that pictures are taken from, in the order of [`Batch::pictures`].
    pub fn cameras(&self) -> &[CameraSpec] {
        &self.cameras
    }

    /// The latest results of all slots. The row of a working slot still shows its previous step.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// How the environment of a slot broke down, if it is broken.
    pub fn breakdown(&self, slot: usize) -> Option<&str> {
        self.failures.get(slot)?.as_deref()
    }

    /// The number of slots that are working.
    pub fn at_work(&self) -> usize {
        self.jobs.iter().filter(|job| job.is_none()).count()
    }

    /// Resets all slots, slot `i` to the scenario of seed `first + i`, and waits for them.
    ///
    /// # Errors
    /// As for [`reset`](Self::reset), and [`PoolError::Settings`] when a seed would be too large.
    pub fn reset_all(&mut self, first: Seed) -> Result<&Batch, PoolError> {
        let seed = |slot: usize| first.0.checked_add(slot as u64).map(|seed| (slot, Seed(seed)));
        let seeds: Option<Vec<_>> = (0..self.len()).map(seed).collect();
        let too_large = || PoolError::Settings("the last seed would exceed 2^64 - 1".to_owned());
        self.reset(&seeds.ok_or_else(too_large)?)
    }

    /// Resets these slots, running or not, and waits for them. A slot whose environment cannot be
    /// reset is [broken](SlotStatus::Broken).
    ///
    /// # Errors
    /// [`PoolError::NoSlot`] or [`PoolError::Busy`], before any slot is reset. A slot that is named
    /// twice is also `Busy`.
    pub fn reset(&mut self, seeds: &[(usize, Seed)]) -> Result<&Batch, PoolError> {
        for (index, &(slot, _)) in seeds.iter().enumerate() {
            self.free(slot)?;
            if seeds[..index].iter().any(|(other, _)| *other == slot) {
                return Err(PoolError::Busy { slot });
            }
        }
        self.batch.rewards.fill(0.0);
        self.work_off(seeds.iter().map(|&(slot, seed)| (slot, Order::Reset(seed))));
        Ok(&self.batch)
    }

    /// Steps every running slot with its row of the actions, and waits for all of them. The rows of
    /// other slots are ignored.
    ///
    /// # Errors
    /// [`PoolError::Shape`], [`PoolError::Action`] or [`PoolError::Busy`], before any slot takes a
    /// step.
    pub fn step(&mut self, actions: ArrayView2<'_, f64>) -> Result<&Batch, PoolError> {
        let expected = (self.len(), self.action_len());
        if actions.dim() != expected {
            return Err(PoolError::Shape { expected, found: actions.dim() });
        }
        for slot in 0..self.len() {
            let job = self.free(slot)?;
            job.action.clear();
            job.action.extend(actions.row(slot));
            if self.batch.statuses[slot] == SlotStatus::Running {
                self.check(slot)?;
            }
        }
        self.batch.rewards.fill(0.0);
        let statuses = self.batch.statuses.clone().into_iter().enumerate();
        let running = statuses.filter(|(_, status)| *status == SlotStatus::Running);
        self.work_off(running.map(|(slot, _)| (slot, Order::Step)));
        Ok(&self.batch)
    }

    /// Starts the reset of a slot without waiting for it.
    ///
    /// # Errors
    /// [`PoolError::NoSlot`] or [`PoolError::Busy`].
    pub fn send_reset(&mut self, slot: usize, seed: Seed) -> Result<(), PoolError> {
        self.free(slot)?;
        self.dispatch(slot, Order::Reset(seed));
        Ok(())
    }

    /// Starts a step of a running slot without waiting for it.
    ///
    /// # Errors
    /// [`PoolError::NoSlot`], [`PoolError::Busy`], [`PoolError::NotRunning`] or
    /// [`PoolError::Action`]. The slot has then not taken a step.
    pub fn send(&mut self, slot: usize, action: &[f64]) -> Result<(), PoolError> {
        let job = self.free(slot)?;
        job.action.clear();
        job.action.extend_from_slice(action);
        if self.batch.statuses[slot] != SlotStatus::Running {
            return Err(PoolError::NotRunning { slot });
        }
        self.check(slot)?;
        self.dispatch(slot, Order::Step);
        Ok(())
    }

    /// Waits for the next slot to finish and updates its row. `None` when no slot is working.
    pub fn recv(&mut self) -> Option<usize> {
        if self.at_work() == 0 {
            return None;
        }
        while self.arrived.is_empty() {
            // A thread ends only when the pool is dropped, and returns every job it was given.
            self.arrived.extend(self.finished.recv().ok()?);
        }
        self.arrived.pop_front().map(|job| self.file(job))
    }

    /// The job of a slot that is not working.
    fn free(&mut self, slot: usize) -> Result<&mut Job, PoolError> {
        let slots = self.len();
        match self.jobs.get_mut(slot) {
            None => Err(PoolError::NoSlot { slot, slots }),
            Some(None) => Err(PoolError::Busy { slot }),
            Some(Some(job)) => Ok(job),
        }
    }

    /// Checks the action in a slot's job.
    fn check(&self, slot: usize) -> Result<(), PoolError> {
        let Some(job) = &self.jobs[slot] else { return Err(PoolError::Busy { slot }) };
        if job.action.len() != self.action_len() {
            let (slots, expected) = (self.len(), self.action_len());
            let (expected, found) = ((slots, expected), (slots, job.action.len()));
            return Err(PoolError::Shape { expected, found });
        }
        let discrete = &self.spec.action.discrete;
        if discrete.is_empty() && job.action.iter().all(|number| number.is_finite()) {
            return Ok(());
        }
        let refused = |source| PoolError::Action { slot, source };
        let start = job.action.len() - discrete.len();
        for (channel, &number) in discrete.iter().zip(&job.action[start..]) {
            if number.fract() != 0.0 {
                let (channel, low, high) = (channel.name.clone(), channel.low, channel.high);
                let found = number.to_string();
                return Err(refused(ActionError::OutOfRange { channel, found, low, high }));
            }
        }
        self.spec.action.check(&action(&self.spec, &job.action)).map_err(refused)
    }

    /// Sends one slot to work.
    fn dispatch(&mut self, slot: usize, order: Order) {
        if let Some(mut job) = self.jobs[slot].take() {
            (job.order, job.awaited) = (order, false);
            self.threads[slot % self.threads.len()].give(vec![job]);
        }
    }

    /// Sends slots to work and waits for them. Each thread gets its share in one message and
    /// returns it in one, since waking a thread often takes longer than the work itself.
    fn work_off(&mut self, orders: impl Iterator<Item = (usize, Order)>) {
        let threads = self.threads.len();
        let mut shares: Vec<Vec<Job>> = (0..threads).map(|_| Vec::new()).collect();
        let mut awaited = 0;
        for (slot, order) in orders {
            if let Some(mut job) = self.jobs[slot].take() {
                (job.order, job.awaited) = (order, true);
                shares[slot % threads].push(job);
                awaited += 1;
            }
        }
        for (thread, share) in self.threads.iter().zip(shares) {
            if !share.is_empty() {
                thread.give(share);
            }
        }
        while awaited > 0 {
            let Ok(jobs) = self.finished.recv() else { return };
            for job in jobs {
                if job.awaited {
                    awaited -= 1;
                    self.file(job);
                } else {
                    self.arrived.push_back(job);
                }
            }
        }
    }

    /// Copies the result of a slot's job into its row.
    fn file(&mut self, job: Job) -> usize {
        let slot = job.slot;
        let batch = &mut self.batch;
        batch.rewards[slot] = 0.0;
        self.failures[slot].clone_from(&job.failure);
        if job.failure.is_some() {
            batch.statuses[slot] = SlotStatus::Broken;
        } else {
            let row = batch.observations.row_mut(slot).into_iter();
            row.zip(&job.observation).for_each(|(cell, number)| *cell = *number);
            for (pictures, bytes) in batch.pictures.iter_mut().zip(&job.pictures) {
                let row = pictures.index_axis_mut(Axis(0), slot).into_iter();
                row.zip(bytes).for_each(|(cell, byte)| *cell = *byte);
            }
            match job.order {
                Order::Reset(_) => {
                    batch.steps[slot] = 0;
                    batch.statuses[slot] = SlotStatus::Running;
                }
                Order::Step => {
                    batch.steps[slot] += 1;
                    batch.rewards[slot] = job.reward;
                    batch.statuses[slot] = match job.status {
                        EpisodeStatus::Success => SlotStatus::Success,
                        EpisodeStatus::Failure => SlotStatus::Failure,
                        EpisodeStatus::Running if batch.steps[slot] >= self.max_steps => {
                            SlotStatus::OutOfSteps
                        }
                        EpisodeStatus::Running => SlotStatus::Running,
                    };
                }
            }
        }
        self.jobs[slot] = Some(job);
        slot
    }
}

impl Drop for VecEnvironment {
    fn drop(&mut self) {
        for thread in &mut self.threads {
            thread.work = None;
        }
        for thread in &mut self.threads {
            if let Some(handle) = thread.handle.take() {
                // Panics of environments are caught in the worker, so the thread never panics.
                let _ = handle.join();
            }
        }
    }
}

/// Builds an action from its concatenated channels.
fn action(spec: &EnvironmentSpec, numbers: &[f64]) -> Action {
    let mut action = Action::new();
    let mut start = 0;
    for channel in &spec.action.continuous {
        action.continuous.insert(channel.name.as_str(), &numbers[start..start + channel.len]);
        start += channel.len;
    }
    for (channel, &number) in spec.action.discrete.iter().zip(&numbers[start..]) {
        // Checked to be an integer. A number beyond the range of an i64 saturates, and is then
        // refused like any other value that the channel does not take.
        action.discrete.insert(channel.name.clone(), number as i64);
    }
    action
}
