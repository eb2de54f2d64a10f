//! Episodes in this process.
//!
//! A simulator lives on a thread of its own, together with a runtime on which it waits for the
//! policy between steps. It is kept for the next episode in the same environment, unless it broke
//! down. A thread whose simulator hangs cannot be ended: it is left behind, and ends by itself if
//! the simulator ever returns.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kinitro_core::{
    Action, EnvId, InfraFault, InfraFaultKind, Observation, Outcome, PolicyFault, PolicyFaultKind,
};
use tokio::sync::oneshot;

use super::{EpisodeJob, EpisodeResult, Sandbox, SandboxError, out_of_time};
use crate::CancellationToken;
use crate::env::{Environment, EnvironmentError, Registry};
use crate::episode::{EpisodeOptions, EpisodeRecord, run_episode};
use crate::panic_text;
use crate::policy::http::{HttpPolicy, Reach};
use crate::policy::{EpisodeStart, Policy, TimeLimits};

/// How long a simulator that was told to stop may take to do so. The longest thing that it does at
/// a stretch is to be made and reset for the first time.
const HALT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs episodes on threads of this process.
///
/// It keeps strangers' policies out of this machine's network, but not simulators out of this
/// process: one that corrupts memory corrupts ours.
pub struct InProcess {
    registry: Registry,
    reach: Reach,
    max_idle: usize,
    halt_timeout: Duration,
    /// Those that nobody uses, the one that was used last at the end.
    idle: Mutex<VecDeque<Simulator>>,
}

impl InProcess {
    /// A sandbox with the environments of a registry. Policies must be on the public internet.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            reach: Reach::public(),
            max_idle: 32,
            halt_timeout: HALT_TIMEOUT,
            idle: Mutex::default(),
        }
    }

    /// The same for policies at these addresses.
    #[must_use]
    pub fn with_reach(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// The same with that many simulators kept ready for later episodes, 32 by default.
    #[must_use]
    pub fn with_max_idle(mut self, simulators: usize) -> Self {
        self.max_idle = simulators;
        self
    }

    /// The same, giving up simulators that do not stop within that time, 10 s by default.
    #[must_use]
    pub fn with_halt_timeout(mut self, limit: Duration) -> Self {
        self.halt_timeout = limit;
        self
    }

    fn policy(&self, endpoint: &str) -> Result<HttpPolicy, PolicyFault> {
        let policy = HttpPolicy::new(endpoint).and_then(|p| p.with_reach(self.reach.clone()));
        policy.map_err(|error| PolicyFault::new(PolicyFaultKind::Unreachable, error))
    }

    /// A simulator that waits for an episode: one that is there, or a new one.
    fn take(&self, env_id: &EnvId) -> Result<Simulator, SandboxError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = idle.iter().rposition(|simulator| simulator.env_id == *env_id)
            && let Some(simulator) = idle.remove(index)
        {
            return Ok(simulator);
        }
        drop(idle);
        Simulator::start(self.registry.clone(), env_id.clone())
    }

    fn put_back(&self, simulator: Simulator) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back(simulator);
        while idle.len() > self.max_idle {
            idle.pop_front();
        }
    }
}

#[async_trait]
impl Sandbox for InProcess {
    async fn environments(&self) -> Result<Vec<EnvId>, SandboxError> {
        Ok(self.registry.env_ids())
    }

    async fn run(
        &self,
        job: &EpisodeJob,
        stop: &CancellationToken,
    ) -> Result<EpisodeResult, SandboxError> {
        let started = Instant::now();
        let spec = self.registry.spec(&job.env_id)?;
        let limits = &job.limits;
        if stop.is_cancelled() {
            return Ok(EpisodeResult::without_steps(Outcome::Cancelled, Duration::ZERO));
        }
        let policy = match self.policy(&job.endpoint) {
            Ok(policy) => policy,
            Err(fault) => return Ok(EpisodeResult::without_steps(fault, started.elapsed())),
        };
        let waited = Waited::default();
        // Stops an episode that nobody waits for any more.
        let halt = CancellationToken::new();
        let _halt_when_dropped = halt.clone().drop_guard();
        let (report, reported) = oneshot::channel();
        let cameras = spec.cameras.into_iter().filter(|_| limits.use_images);
        let episode = Episode {
            job: job.clone(),
            options: EpisodeOptions::default()
                .with_max_steps(limits.max_timesteps)
                .with_limits(TimeLimits::new(limits.reset_timeout, limits.action_timeout))
                .with_cameras(cameras.map(|camera| camera.name)),
            policy: Timed { policy, waited: waited.clone() },
            halt: halt.clone(),
            report,
        };
        let simulator = self.take(&job.env_id)?;
        // A thread that has ended gives the episode back by dropping it, which is seen below.
        let _ = simulator.episodes.send(episode);

        tokio::pin!(reported);
        let mut stalls = Stalls::new();
        let (interrupted, ending) = tokio::select! {
            ending = &mut reported => (None, Some(ending)),
            () = stop.cancelled() => (Some(Outcome::Cancelled), None),
            () = tokio::time::sleep(limits.episode_timeout) => {
                (Some(out_of_time(limits.episode_timeout, waited.total())), None)
            }
            never = stalls.watch() => match never {},
        };
        stalls.look();
        let ending = match ending {
            Some(ending) => ending,
            None => {
                halt.cancel();
                match tokio::time::timeout(self.halt_timeout, &mut reported).await {
                    Ok(ending) => ending,
                    Err(_) => {
                        let elapsed = started.elapsed();
                        let detail = format!(
                            "the simulator of `{}` hangs: it did not stop within {} s",
                            job.env_id,
                            self.halt_timeout.as_secs_f64()
                        );
                        log::error!("{detail}; its thread is left behind");
                        return Ok(EpisodeResult::without_steps(broken(detail), elapsed));
                    }
                }
            }
        };
        let record = match ending {
            Ok(Ok(record)) => record,
            Ok(Err(Breakdown::Machine(error))) => return Err(error.into()),
            Ok(Err(Breakdown::NoRuntime(error))) => return Err(error.into()),
            Ok(Err(Breakdown::Panic(text))) => {
                let detail = format!("the simulator of `{}` panicked: {text}", job.env_id);
                return Ok(EpisodeResult::without_steps(broken(detail), started.elapsed()));
            }
            Err(oneshot::error::RecvError { .. }) => {
                let detail = format!("the thread of a simulator of `{}` is gone", job.env_id);
                return Ok(EpisodeResult::without_steps(broken(detail), started.elapsed()));
            }
        };
        if !matches!(record.outcome, Outcome::InfraFault(_)) {
            self.put_back(simulator);
        }
        let outcome = match (record.outcome, interrupted) {
            // It had come to its end when it was told to stop.
            (Outcome::Cancelled, Some(outcome)) => outcome,
            (outcome, _) if record.total_reward.is_finite() => outcome,
            (_, _) => broken(format!("`{}` gave a reward that is not finite", job.env_id)),
        };
        let outcome = match outcome {
            // Its time may have passed while nobody here could hear it.
            Outcome::PolicyFault(fault) if stalls.longest > limits.action_timeout / 2 => {
                let seconds = stalls.longest.as_secs_f64();
                broken(format!("this machine stood still for {seconds:.1} s, after which: {fault}"))
            }
            outcome => outcome,
        };
        let total_reward = if record.total_reward.is_finite() { record.total_reward } else { 0.0 };
        Ok(EpisodeResult { outcome, steps: record.steps, total_reward, elapsed: started.elapsed() })
    }

    async fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess")
            .field("registry", &self.registry)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

fn broken(detail: String) -> Outcome {
    InfraFault::new(InfraFaultKind::Simulator, detail).into()
}

/// How often the clock is looked at, to notice that time passed without us.
const LOOK: Duration = Duration::from_millis(100);

/// The times in which this process did not run: it was stopped, its machine was frozen, or others
/// had all of it.
struct Stalls {
    looked: Instant,
    longest: Duration,
}

impl Stalls {
    fn new() -> Self {
        Self { looked: Instant::now(), longest: Duration::ZERO }
    }

    /// Notes how much later it is than it should be.
    fn look(&mut self) {
        self.longest = self.longest.max(self.looked.elapsed().saturating_sub(LOOK));
        self.looked = Instant::now();
    }

    /// Looks again and again.
    async fn watch(&mut self) -> Infallible {
        loop {
            tokio::time::sleep(LOOK).await;
            self.look();
        }
    }
}

/// A thread with one environment. It ends when this is dropped and its episode is over.
struct Simulator {
    env_id: EnvId,
    episodes: mpsc::Sender<Episode>,
}

/// What a simulator is given.
struct Episode {
    job: EpisodeJob,
    options: EpisodeOptions,
    policy: Timed,
    halt: CancellationToken,
    report: oneshot::Sender<Result<EpisodeRecord, Breakdown>>,
}

/// Why a simulator has no record of an episode. It has ended then.
enum Breakdown {
    Machine(EnvironmentError),
    NoRuntime(std::io::Error),
    Panic(String),
}

impl Simulator {
    fn start(registry: Registry, env_id: EnvId) -> Result<Self, SandboxError> {
        let (episodes, receiver) = mpsc::channel();
        let own_id = env_id.clone();
        std::thread::Builder::new()
            .name(format!("sim {}", env_id.task()))
            .spawn(move || live(&registry, &own_id, &receiver))?;
        Ok(Self { env_id, episodes })
    }
}

/// What a simulator does: episode after episode until one breaks it or there are no more.
fn live(registry: &Registry, env_id: &EnvId, episodes: &mpsc::Receiver<Episode>) {
    let mut environment: Option<Box<dyn Environment>> = None;
    while let Ok(Episode { job, options, mut policy, halt, report }) = episodes.recv() {
        let played = catch_unwind(AssertUnwindSafe(|| {
            play(registry, env_id, &mut environment, &job, &options, &mut policy, &halt)
        }));
        let ending = match played {
            Ok(ending) => ending,
            Err(panic) => Err(Breakdown::Panic(panic_text(panic.as_ref()))),
        };
        let is_sound = match &ending {
            Ok(record) => !matches!(record.outcome, Outcome::InfraFault(_)),
            Err(_) => false,
        };
        // Whoever asked may have given up waiting.
        let _ = report.send(ending);
        if !is_sound {
            return;
        }
    }
}

fn play(
    registry: &Registry,
    env_id: &EnvId,
    environment: &mut Option<Box<dyn Environment>>,
    job: &EpisodeJob,
    options: &EpisodeOptions,
    policy: &mut Timed,
    halt: &CancellationToken,
) -> Result<EpisodeRecord, Breakdown> {
    let environment = match environment {
        Some(environment) => environment,
        none => none.insert(registry.make(env_id).map_err(Breakdown::Machine)?),
    };
    // One for each episode, so that no connection of a stranger outlives it.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Breakdown::NoRuntime)?;
    let scenario = environment.generate_scenario(job.seed).map_err(Breakdown::Machine)?;
    let episode = run_episode(environment.as_mut(), policy, &scenario, options, halt, || {});
    let ending = runtime.block_on(episode).map_err(Breakdown::Machine);
    // Resolving a name blocks a thread of the runtime, and may do so for as long as it likes.
    runtime.shutdown_background();
    ending
}

/// How long a policy was waited for, seen from another thread.
#[derive(Clone)]
struct Waited(Arc<WaitedSince>);

struct WaitedSince {
    began: Instant,
    /// Microseconds of the questions that are over.
    over: AtomicU64,
    /// When the question that is open was asked, in microseconds after `began`, plus one; 0 when
    /// none is.
    open: AtomicU64,
}

impl Default for Waited {
    fn default() -> Self {
        let (over, open) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(WaitedSince { began: Instant::now(), over, open }))
    }
}

impl Waited {
    fn now(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_micros()).unwrap_or(u64::MAX - 1)
    }

    /// Begins a question, which is over when what it returns is dropped.
    fn ask(&self) -> Asking<'_> {
        let at = self.now();
        self.0.open.store(at + 1, Ordering::Relaxed);
        Asking { waited: self, at }
    }

    fn total(&self) -> Duration {
        let open = match self.0.open.load(Ordering::Relaxed) {
            0 => 0,
            at => self.now().saturating_sub(at - 1),
        };
        Duration::from_micros(self.0.over.load(Ordering::Relaxed) + open)
    }
}

struct Asking<'a> {
    waited: &'a Waited,
    at: u64,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let took = self.waited.now().saturating_sub(self.at);
        self.waited.0.open.store(0, Ordering::Relaxed);
        self.waited.0.over.fetch_add(took, Ordering::Relaxed);
    }
}

/// A policy whose time is taken.
struct Timed {
    policy: HttpPolicy,
    waited: Waited,
}

#[async_trait]
impl Policy for Timed {
    fn name(&self) -> String {
        self.policy.name()
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        let _asking = self.waited.ask();
        self.policy.reset(start).await
    }

    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let _asking = self.waited.ask();
        self.policy.act(observation).await
    }

    fn waiting_for(&self) -> Option<String> {
        self.policy.waiting_for()
    }
}
