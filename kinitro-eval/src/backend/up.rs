//! A whole backend in one process: API, scheduler and executor, for a laptop.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kinitro_chain::Chain;

use super::api::{Access, ApiServer, ApiSettings};
use super::executor::{self, Executor, ExecutorError, ExecutorReport, ExecutorSettings};
use super::scheduler::{CycleEnd, Scheduler, SchedulerError, SchedulerSettings, SettingsError};
use super::storage::Store;
use crate::CancellationToken;
use crate::isolation::{EpisodeLimits, Sandbox};
use crate::wire::ApiKey;

/// How often executor and scheduler look for something to do. They share a process with the API, so
/// that asking often costs little.
const POLL: Duration = Duration::from_millis(100);
/// How long running episodes may go on after a stop: somebody is waiting for the prompt.
const DRAIN: Duration = Duration::from_secs(2);

/// How a backend in one process is set up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpSettings {
    /// What is judged, and how.
    pub scheduler: SchedulerSettings,
    /// The host that the API listens on. `127.0.0.1`.
    pub host: String,
    /// The port that the API listens on; 0 means any free port. 0.
    pub port: u16,
    /// How many episodes run at once, at least 1. As many as the machine has threads.
    pub concurrent: usize,
    /// What episodes are held to.
    pub limits: EpisodeLimits,
    /// The folder for results that the API has not taken yet.
    pub spool: PathBuf,
}

impl UpSettings {
    /// The defaults, for these cycles and this folder of results.
    pub fn new(scheduler: SchedulerSettings, spool: impl Into<PathBuf>) -> Self {
        Self {
            scheduler,
            host: "127.0.0.1".to_owned(),
            port: 0,
            concurrent: std::thread::available_parallelism().map_or(1, usize::from),
            limits: EpisodeLimits::default(),
            spool: spool.into(),
        }
    }
}

/// Why a backend does not start, or has to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpError {
    /// The settings of the scheduler.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The scheduler.
    #[error(transparent)]
    Scheduler(#[from] SchedulerError),
    /// The executor.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// The API cannot listen there.
    #[error("the API cannot listen on {address}: {source}")]
    Listen {
        /// Host and port.
        address: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The operating system has no random numbers for the key of the API.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// A backend whose API listens, and which works once it [runs](Self::run).
pub struct Up {
    scheduler: Scheduler,
    executor: Executor,
    server: ApiServer,
}

impl Up {
    /// Sets everything up. The executor talks to the API as any other executor would, with a random
    /// key that only the two of them have.
    ///
    /// # Errors
    /// [`UpError`].
    pub async fn open(
        settings: UpSettings,
        chain: Arc<dyn Chain>,
        store: Arc<dyn Store>,
        sandbox: Arc<dyn Sandbox>,
    ) -> Result<Self, UpError> {
        let UpSettings { mut scheduler, host, port, concurrent, limits, spool } = settings;
        scheduler.poll_interval = scheduler.poll_interval.min(POLL);
        let scheduler = Scheduler::new(scheduler, chain, Arc::clone(&store))?;
        let key = random_key()?;
        let access = Access::key(&key).expect("64 random hex digits are a good key");
        let address = format!("{host}:{port}");
        let server = ApiServer::bind((host.as_str(), port), store, ApiSettings::new(access)).await;
        let server = server.map_err(|source| UpError::Listen { address, source })?;
        // An API that listens on all addresses is on this one too.
        let api_url = format!("http://127.0.0.1:{}", server.local_addr().port());
        let api_url = match server.local_addr() {
            address if address.ip().is_unspecified() => api_url,
            address => format!("http://{address}"),
        };
        let mut working = ExecutorSettings::new(api_url, spool);
        working.api_key = Some(key);
        working.poll_interval = POLL;
        working.drain_timeout = DRAIN;
        working.limits = limits;
        working.concurrency =
            executor::Concurrency::PerFamily { default: concurrent, families: BTreeMap::new() };
        let executor = Executor::open(working, sandbox).await?;
        Ok(Self { scheduler, executor, server })
    }

    /// The address of the API.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Runs cycle after cycle until it is stopped.
    ///
    /// # Errors
    /// [`UpError::Executor`] when no episode can be run.
    pub async fn run(self, stop: &CancellationToken) -> Result<(), UpError> {
        self.work(stop, async |scheduler, stop| {
            scheduler.run(stop).await;
            Ok(())
        })
        .await
    }

    /// Runs one cycle, and with `keep` serves its results until it is stopped. `None` when it was
    /// stopped before the cycle ended.
    ///
    /// # Errors
    /// [`UpError::Scheduler`] when there is no cycle, [`UpError::Executor`] when no episode can be
    /// run.
    pub async fn run_cycle(
        self,
        stop: &CancellationToken,
        keep: bool,
        on_end: impl AsyncFnOnce(&CycleEnd),
    ) -> Result<Option<CycleEnd>, UpError> {
        self.work(stop, async |scheduler, stop| {
            let end = scheduler.run_cycle(stop).await?;
            if let Some(end) = &end {
                on_end(end).await;
                if keep {
                    stop.cancelled().await;
                }
            }
            Ok(end)
        })
        .await
    }

    /// Runs API and executor while the scheduler works, then stops first the executor, which still
    /// has results to send, and then the API.
    async fn work<T>(
        self,
        stop: &CancellationToken,
        schedule: impl AsyncFnOnce(&Scheduler, &CancellationToken) -> Result<T, SchedulerError>,
    ) -> Result<T, UpError> {
        let Self { scheduler, executor, server } = self;
        let (no_executor, no_api) = (CancellationToken::new(), CancellationToken::new());
        let ended = no_api.clone();
        let serving = server.serve(async move { ended.cancelled().await });
        let working = async {
            let report: Result<ExecutorReport, ExecutorError> = executor.run(&no_executor).await;
            // Nobody waits for a cycle that nobody runs.
            if report.is_err() {
                stop.cancel();
            }
            no_api.cancel();
            report
        };
        let scheduling = async {
            let end = schedule(&scheduler, stop).await;
            no_executor.cancel();
            end
        };
        let ((), report, end) = tokio::join!(serving, working, scheduling);
        report?;
        Ok(end?)
    }
}

impl fmt::Debug for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Up")
            .field("scheduler", &self.scheduler)
            .field("address", &self.local_addr())
            .finish_non_exhaustive()
    }
}

fn random_key() -> Result<ApiKey, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(ApiKey::new(base16ct::lower::encode_string(&bytes)))
}
