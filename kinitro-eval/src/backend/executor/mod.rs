//! The executor: fetches jobs from the API, runs their episodes in a sandbox, and returns the results.
//!
//! - It never asks for more jobs than it can start at once, and for none while results cannot be
//!   delivered. A job that it holds never waits.
//! - It renews the leases of running jobs. A lease is timed by this process's clock from the moment
//!   of the request, so that clocks of different machines are never compared.
//! - A result is on disk before it is sent, and stays there until the API has accepted or rejected
//!   it. It survives a crash of the program and an outage of the API.
//! - When stopped, it fetches no more jobs, gives running episodes some time to finish, returns the
//!   jobs of the rest, and sends all results.
//!
//! `docs/DELIVERY.md` describes the queue's side of this. Nothing here needs a database: the
//! executor talks to the backend through its API only.

mod client;
mod lease;
mod outbox;
mod settings;
mod spool;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kinitro_core::{Backoff, Outcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{debug, error, info, warn};

use self::client::{Api, CallError};
use self::lease::Leases;
use self::outbox::Outbox;
pub use self::settings::{Concurrency, ExecutorSettings, SettingsError};
use self::settings::{Lane, lanes};
use self::spool::Spool;
pub use self::spool::SpoolError;
use crate::CancellationToken;
use crate::isolation::{EpisodeJob, EpisodeResult, Sandbox, SandboxError};
use crate::quote::quote;
use crate::wire::{TaskBody, TaskResult};

/// How long to wait after the first failure to fetch jobs, or to run them.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long to keep sending results once everything else has ended. The spool keeps the rest.
const LAST_SENDING: Duration = Duration::from_secs(10);

/// Waits with jitter, so that executors that failed together do not retry together.
fn backoff(first: Duration) -> Backoff {
    Backoff::new(first, LONGEST_WAIT).spread()
}

/// Why an executor could not start, or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecutorError {
    /// The URL of the API is not an HTTP URL, or has a query or a fragment.
    #[error("`{0}` is not the URL of an API: write it as in `http://localhost:8000`")]
    Url(String),
    /// The key contains characters that cannot be sent in a header.
    #[error("the key of the API has characters in it that cannot be sent")]
    Key,
    /// An HTTP client could not be created on this machine.
    #[error("the HTTP client of this machine does not start: {0}")]
    Client(String),
    /// The settings cannot be used with this sandbox.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Results cannot be stored on disk.
    #[error("results cannot be kept: {0}")]
    Spool(#[from] SpoolError),
    /// No episode can be run on this machine.
    #[error("no episode can be run here: {0}")]
    Sandbox(#[from] SandboxError),
    /// The API does not accept the key.
    #[error("the API does not take the key")]
    Unauthorized,
    /// The API does not understand the executor's requests.
    #[error("the API does not understand the executor: status {status}: {detail}")]
    Refused {
        /// The HTTP status: 400, 413 or 422.
        status: u16,
        /// The beginning of the API's answer.
        detail: String,
    },
}

/// What an executor has done since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExecutorReport {
    /// Episodes that count: successes, failures and faults of the policy.
    pub episodes: u64,
    /// Episodes that failed for reasons other than the policy. The queue retries them.
    pub infra_faults: u64,
    /// Jobs that were returned to the queue without a result.
    pub given_back: u64,
    /// Results that the API has not accepted yet. The next run sends those that are on disk.
    pub unsent: usize,
    /// How many of the unsent results could not be written to disk either and are lost.
    pub lost: usize,
}

/// Fetches jobs from the API and runs them.
pub struct Executor {
    settings: ExecutorSettings,
    lanes: Vec<Lane>,
    shared: Arc<Shared>,
}

/// The state that the parts of an executor share.
struct Shared {
    api: Api,
    sandbox: Arc<dyn Sandbox>,
    outbox: Outbox,
    leases: Arc<Leases>,
    /// Stops the fetching.
    quit: CancellationToken,
    /// The first reason for having to stop.
    failure: Mutex<Option<ExecutorError>>,
    report: Mutex<ExecutorReport>,
}

impl Executor {
    /// An executor that runs episodes in this sandbox. It makes no request yet. Only one running
    /// executor can use an id and its folder.
    ///
    /// # Errors
    /// [`ExecutorError`].
    pub async fn open(
        settings: ExecutorSettings,
        sandbox: Arc<dyn Sandbox>,
    ) -> Result<Self, ExecutorError> {
        let lanes = lanes(&settings, &sandbox.environments().await?)?;
        // Checked first, so that a malformed address or key leaves no folder behind.
        let key = settings.api_key.as_ref();
        Api::new(&settings.api_url, key, String::new())?;
        let spool = Spool::open(&settings.spool, settings.executor_id.as_deref())?;
        let api = Api::new(&settings.api_url, key, spool.executor_id().to_owned())?;
        info!(executor = spool.executor_id(), spool = %spool.folder().display(), "executor");
        let shared = Shared {
            api,
            sandbox,
            outbox: Outbox::open(spool)?,
            leases: Arc::default(),
            quit: CancellationToken::new(),
            failure: Mutex::default(),
            report: Mutex::default(),
        };
        Ok(Self { settings, lanes, shared: Arc::new(shared) })
    }

    /// Fetches and runs jobs until it is stopped or cannot go on.
    ///
    /// # Errors
    /// [`ExecutorError::Unauthorized`], [`ExecutorError::Refused`] and [`ExecutorError::Sandbox`],
    /// once running episodes have ended.
    pub async fn run(self, stop: &CancellationToken) -> Result<ExecutorReport, ExecutorError> {
        let Self { settings, lanes, shared } = self;
        let settings = Arc::new(settings);
        let is_last = CancellationToken::new();
        // Join sets, because they abort their tasks when this future is dropped.
        let (mut delivering, mut renewing) = (JoinSet::new(), JoinSet::new());
        delivering.spawn({
            let (shared, is_last) = (Arc::clone(&shared), is_last.clone());
            async move {
                if let Err(error) = shared.outbox.deliver(&shared.api, &is_last).await {
                    shared.fail(error);
                }
            }
        });
        renewing.spawn({
            let shared = Arc::clone(&shared);
            async move { shared.leases.renew(&shared.api).await }
        });
        let mut working = JoinSet::new();
        for lane in lanes {
            info!(lane = lane.name, environments = lane.env_ids.len(), slots = lane.slots, "lane");
            working.spawn(work(Arc::clone(&shared), Arc::clone(&settings), lane));
        }
        let all_over = async { while working.join_next().await.is_some() {} };
        tokio::pin!(all_over);
        let stopped = tokio::select! {
            () = &mut all_over => false,
            () = stop.cancelled() => true,
            () = shared.quit.cancelled() => true,
        };
        if stopped {
            shared.quit.cancel();
            info!(seconds = settings.drain_timeout.as_secs(), "draining: nothing more is fetched");
            if tokio::time::timeout(settings.drain_timeout, &mut all_over).await.is_err() {
                shared.leases.halt_all();
                all_over.await;
            }
        }
        is_last.cancel();
        let _ = tokio::time::timeout(LAST_SENDING, delivering.join_next()).await;
        delivering.shutdown().await;
        renewing.shutdown().await;
        shared.sandbox.close().await;

        let (unsent, lost) = (shared.outbox.len(), shared.outbox.not_on_disk());
        if unsent > 0 {
            warn!(
                unsent,
                lost, "results are left, and those that are not lost sent by the next run"
            );
        }
        let report = *shared.report.lock().unwrap_or_else(PoisonError::into_inner);
        match shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(ExecutorReport { unsent, lost, ..report }),
        }
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Shared {
    /// Stops the work and keeps the first reason for it.
    fn fail(&self, failure: ExecutorError) {
        error!(error = %failure, "the executor has to end");
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        self.quit.cancel();
    }

    /// Waits, or returns early if the work is stopped.
    async fn pause(&self, time: Duration) {
        self.quit.run_until_cancelled(tokio::time::sleep(time)).await;
    }

    async fn give_back(&self, task: &TaskBody) {
        let nothing = EpisodeResult::without_steps(Outcome::Cancelled, Duration::ZERO);
        self.finish(task, nothing).await;
    }

    /// Counts the result of a job and queues it for sending.
    async fn finish(&self, task: &TaskBody, result: EpisodeResult) {
        {
            let mut report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
            match &result.outcome {
                Outcome::Cancelled => report.given_back += 1,
                Outcome::InfraFault(_) => report.infra_faults += 1,
                Outcome::Success | Outcome::Failure | Outcome::PolicyFault(_) => {
                    report.episodes += 1;
                }
            }
        }
        self.outbox.put(answer(task, result)).await;
    }
}

/// Fetches jobs for the free slots of a lane and runs them until the work is stopped and the last
/// episode has ended.
async fn work(shared: Arc<Shared>, settings: Arc<ExecutorSettings>, lane: Lane) {
    let slots = Arc::new(Semaphore::new(lane.slots));
    // A fault that is not the policy's is most likely this machine's.
    let mut failures = backoff(FIRST_WAIT);
    let breakdowns = Arc::new(Mutex::new(backoff(FIRST_WAIT)));
    let mut running = JoinSet::new();
    while let Some(mut free) = free_slots(&shared, &slots, settings.batch_size).await {
        while running.try_join_next().is_some() {}
        let asked = Instant::now();
        let fetched = match shared.api.fetch(free.len(), &lane.env_ids).await {
            Ok(fetched) => fetched,
            Err(error) => {
                match error {
                    CallError::Unauthorized => shared.fail(ExecutorError::Unauthorized),
                    CallError::Refused { status, detail } => {
                        shared.fail(ExecutorError::Refused { status, detail });
                    }
                    error @ CallError::Transient(_) if failures.failures() == 0 => {
                        warn!(lane = lane.name, %error, "no tasks can be fetched");
                    }
                    error @ CallError::Transient(_) => debug!(lane = lane.name, %error, "again"),
                }
                drop(free);
                shared.pause(failures.fail()).await;
                continue;
            }
        };
        if failures.failures() > 0 {
            info!(lane = lane.name, "tasks are fetched again");
            failures.reset();
        }
        let lasts = lease::duration(fetched.lease_seconds);
        let mut has_odd_tasks = false;
        for task in fetched.tasks {
            let slot = free.pop();
            let is_ours = lane.env_ids.contains(&task.env_id);
            let (Some(slot), true, false) = (slot, is_ours, shared.quit.is_cancelled()) else {
                // The work was stopped meanwhile, or the API sent jobs that were not asked for.
                has_odd_tasks = true;
                shared.give_back(&task).await;
                continue;
            };
            let lease = shared.leases.keep(&task, asked, lasts);
            let (shared, settings) = (Arc::clone(&shared), Arc::clone(&settings));
            let breakdowns = Arc::clone(&breakdowns);
            running.spawn(async move {
                run(&shared, &settings, &task, &lease, &breakdowns).await;
                drop((lease, slot));
            });
        }
        let has_more = free.is_empty() && !has_odd_tasks;
        drop(free);
        if !has_more {
            shared.pause(settings.poll_interval).await;
        }
        let wait = breakdowns.lock().unwrap_or_else(PoisonError::into_inner).wait();
        if !wait.is_zero() {
            warn!(lane = lane.name, seconds = wait.as_secs(), "episodes break down here: a pause");
            shared.pause(wait).await;
        }
    }
    while running.join_next().await.is_some() {}
}

/// Waits for a free slot and takes all that are free, up to `at_most`. `None` when the work is
/// stopped.
async fn free_slots(
    shared: &Shared,
    slots: &Arc<Semaphore>,
    at_most: usize,
) -> Option<Vec<OwnedSemaphorePermit>> {
    let first = async {
        shared.outbox.flows().await;
        Arc::clone(slots).acquire_owned().await.ok()
    };
    let mut free = vec![tokio::select! {
        biased;
        () = shared.quit.cancelled() => return None,
        first = first => first?,
    }];
    while free.len() < at_most
        && let Ok(slot) = Arc::clone(slots).try_acquire_owned()
    {
        free.push(slot);
    }
    Some(free)
}

/// Runs the episode of a job.
async fn run(
    shared: &Shared,
    settings: &ExecutorSettings,
    task: &TaskBody,
    lease: &lease::LeaseGuard,
    breakdowns: &Mutex<Backoff>,
) {
    let name = quote(task.task_uuid.as_bytes());
    let cycle = task.cycle_id.0;
    debug!(task = name, cycle, env = %task.env_id, uid = %task.miner_uid, "episode begins");
    let job = EpisodeJob {
        env_id: task.env_id.clone(),
        seed: task.seed,
        endpoint: task.miner_endpoint.clone(),
        limits: settings.limits.clone(),
    };
    let result = match shared.sandbox.run(&job, lease.halt()).await {
        Ok(result) => result,
        Err(error) => {
            shared.give_back(task).await;
            shared.fail(error.into());
            return;
        }
    };
    let EpisodeResult { outcome, steps, elapsed, .. } = &result;
    let detail = match outcome {
        Outcome::PolicyFault(fault) => fault.detail.as_str(),
        Outcome::InfraFault(fault) => fault.detail.as_str(),
        Outcome::Success | Outcome::Failure | Outcome::Cancelled => "",
    };
    info!(
        task = name,
        cycle,
        env = %task.env_id,
        uid = %task.miner_uid,
        outcome = outcome.label(),
        detail,
        steps,
        seconds = elapsed.as_secs_f64(),
        "episode is over"
    );
    {
        let mut breakdowns = breakdowns.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::InfraFault(_) => {
                breakdowns.fail();
            }
            Outcome::Cancelled => {}
            Outcome::Success | Outcome::Failure | Outcome::PolicyFault(_) => breakdowns.reset(),
        }
    }
    if lease.is_lost() {
        warn!(task = name, cycle, "the lease on a task was lost, and its result is dropped");
        return;
    }
    shared.finish(task, result).await;
}

/// The result to send for an episode.
fn answer(task: &TaskBody, result: EpisodeResult) -> TaskResult {
    let EpisodeResult { outcome, steps, total_reward, .. } = result;
    TaskResult::new(&task.task_uuid, outcome)
        .lease_token(&task.lease_token)
        .steps(total_reward, steps)
}
