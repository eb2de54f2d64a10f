//! A whole backend in one process: API, scheduler and executor, for a laptop.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kinitro_chain::Chain;

use super::api::{Access, ApiConfig, ApiServer};
use super::executor::{self, Executor, ExecutorError, ExecutorReport, ExecutorSettings};
use super::scheduler::{CycleEnd, Scheduler, SchedulerError, SchedulerSettings, SettingsError};
use super::storage::Store;
use crate::CancellationToken;
use crate::isolation::{EpisodeLimits, Sandbox};
use crate::wire::ApiKey;

/// How often executor and scheduler look whether there is something to do: they are next to each
/// other and disturb nobody.
const POLL: Duration = Duration::from_millis(100);
/// How long episodes may go on once all is to end: somebody sits in front of it and waits.
const DRAIN: Duration = Duration::from_secs(2);

/// How a backend in one process is set up.
#[derive(Debug, Clone)]
pub struct UpSettings {
    /// What is judged, and how.
    pub scheduler: SchedulerSettings,
    /// The host that the API listens on.
    pub host: String,
    /// The port that it listens on; 0 takes a free one.
    pub port: u16,
    /// How many episodes run at once.
    pub concurrent: usize,
    /// What episodes are held to.
    pub limits: EpisodeLimits,
    /// The folder for results on their way to the API.
    pub spool: PathBuf,
}

/// Why a backend does not start, or has to end.
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
        /// Where.
        address: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The operating system has no random numbers for the key of the API.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// A backend that listens and does not work yet.
pub struct Up {
    scheduler: Scheduler,
    executor: Executor,
    server: ApiServer,
}

impl Up {
    /// Sets everything up. The executor asks the API as any other would, with a key that only the
    /// two know.
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
        let server = ApiServer::bind((host.as_str(), port), store, ApiConfig::new(access)).await;
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

    /// Makes cycle after cycle until it is stopped.
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

    /// Sees one cycle through, and serves its results until it is stopped if `keep` says so. `None`
    /// when it was stopped before the end.
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

    /// Runs API and executor while the scheduler does its work, and ends them in the order in which
    /// they need each other.
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
