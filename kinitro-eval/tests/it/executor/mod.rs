//! The executor against an API over real HTTP.

mod api;
mod delivery;
mod strangers;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{EnvId, Outcome};
use kinitro_eval::CancellationToken;
use kinitro_eval::backend::executor::{
    Concurrency, Executor, ExecutorError, ExecutorReport, ExecutorSettings,
};
use kinitro_eval::isolation::{EpisodeJob, EpisodeResult, Play, Sandbox, SandboxError, Scripted};
use tokio::task::JoinHandle;

use self::api::Api;

const POINT: &str = "toy/point-v0";

fn env_id(text: &str) -> EnvId {
    text.parse().unwrap()
}

/// A sandbox with one environment.
fn scripted(script: impl Fn(&EpisodeJob) -> Play + Send + Sync + 'static) -> Arc<Scripted> {
    Arc::new(Scripted::new([env_id(POINT)], script))
}

/// A sandbox that knows how many episodes ran in it at once.
#[derive(Debug)]
struct Counting {
    inner: Arc<Scripted>,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Counting {
    fn new(inner: Arc<Scripted>) -> Arc<Self> {
        Arc::new(Self { inner, running: AtomicUsize::new(0), most: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl Sandbox for Counting {
    async fn environments(&self) -> Result<Vec<EnvId>, SandboxError> {
        self.inner.environments().await
    }

    async fn run(
        &self,
        job: &EpisodeJob,
        stop: &CancellationToken,
    ) -> Result<EpisodeResult, SandboxError> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let result = self.inner.run(job, stop).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        result
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// Episodes that take so long.
fn taking(time: Duration) -> Play {
    Play { steps: 1, step_time: time, outcome: Outcome::Success }
}

/// Settings for tests: little patience, many at once.
fn settings(api: &Api, spool: &Path) -> ExecutorSettings {
    let mut settings = ExecutorSettings::new(&api.url, spool);
    settings.poll_interval = Duration::from_millis(20);
    settings.drain_timeout = Duration::from_secs(10);
    settings.concurrency = Concurrency::PerFamily { default: 4, families: Default::default() };
    settings
}

/// An executor that works until it is stopped.
struct Working {
    stop: CancellationToken,
    task: JoinHandle<Result<ExecutorReport, ExecutorError>>,
}

impl Working {
    async fn start(settings: ExecutorSettings, sandbox: Arc<dyn Sandbox>) -> Self {
        let executor = Executor::open(settings, sandbox).await.unwrap();
        let stop = CancellationToken::new();
        let switch = stop.clone();
        Self { stop, task: tokio::spawn(async move { executor.run(&switch).await }) }
    }

    async fn stop(self) -> ExecutorReport {
        self.stop.cancel();
        self.end().await.unwrap()
    }

    async fn end(self) -> Result<ExecutorReport, ExecutorError> {
        tokio::time::timeout(Duration::from_secs(60), self.task).await.unwrap().unwrap()
    }

    /// Ends it as `kill -9` does, as far as that is possible within a process.
    async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        // Its parts end when the runtime gets to them.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
