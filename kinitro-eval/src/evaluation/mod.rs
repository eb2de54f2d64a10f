//! Many episodes: a policy judged in several environments.

mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use kinitro_core::{EnvId, PolicyFault, Seed};
use tokio::sync::oneshot;

use crate::CancellationToken;
use crate::env::{EnvironmentError, Registry};
use crate::episode::{EpisodeOptions, EpisodeRecord};
use crate::policy::Policy;
use crate::report::{FolderError, Identity, Machine, Manifest, Summary, Video};

/// The form of the files that an evaluation writes.
const FORMAT: u32 = 1;

/// Makes a policy for each worker.
type Factory = Arc<dyn Fn() -> Box<dyn Policy> + Send + Sync>;
/// Is told what happens.
type Listener = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// An evaluation to be run: which policy, where, how often.
///
/// Episode `i` of an environment has the seed `seed + i`, so that two policies that are evaluated
/// with the same seed meet the same tasks, and `seed(s).episodes(1)` runs any one of them again.
///
/// ```no_run
/// use kinitro_eval::{Evaluation, HttpPolicy};
///
/// # async fn judge() -> Result<(), Box<dyn std::error::Error>> {
/// let report = Evaluation::new(HttpPolicy::new("http://127.0.0.1:8000")?)
///     .env("metaworld/reach-v3")
///     .env("metaworld/p*")
///     .episodes(50)
///     .seed(7)
///     .run()
///     .await?;
/// for environment in &report.summary.environments {
///     println!("{}: {:?}", environment.env_id, environment.success_rate);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Evaluation {
    factory: Factory,
    policy: String,
    policy_uses_images: bool,
    registry: Registry,
    patterns: Vec<String>,
    episodes: u32,
    seed: Seed,
    workers: Option<usize>,
    images: Option<bool>,
    cameras: Vec<String>,
    options: EpisodeOptions,
    folder: Option<PathBuf>,
    video: Option<Video>,
    arguments: Vec<String>,
    listener: Option<Listener>,
    stop: CancellationToken,
}

impl std::fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation")
            .field("policy", &self.policy)
            .field("environments", &self.patterns)
            .field("episodes", &self.episodes)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

/// What happens while an evaluation runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It begins.
    Started {
        /// How many episodes there are in all.
        total: usize,
        /// Those that an earlier run has left.
        done: &'a [EpisodeRecord],
    },
    /// So many more steps were taken.
    Steps(u32),
    /// An episode is over, and on the disk where a folder was given.
    Episode(&'a EpisodeRecord),
    /// An episode broke down on our side and is run again.
    Retry(&'a EpisodeRecord),
}

/// What came of an evaluation.
#[derive(Debug, Clone, PartialEq)]
pub struct EvaluationReport {
    /// What was evaluated, with what, and where.
    pub manifest: Manifest,
    /// The results in numbers.
    pub summary: Summary,
    /// Every episode, environment by environment in the order asked for, then by seed.
    pub episodes: Vec<EpisodeRecord>,
    /// Whether it was stopped before the end.
    pub stopped: bool,
}

/// Why an evaluation could not be run or finished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluationError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Settings(String),
    /// An environment is not there or cannot be run on this machine.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Results could not be kept.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The policy cannot be used at all.
    #[error("the policy cannot be used: {0}")]
    Policy(#[from] PolicyFault),
    /// A worker ended in a panic: a defect, of this program or of a policy in it.
    #[error("a worker panicked: {0}")]
    Panic(String),
}

impl Evaluation {
    /// An evaluation of a policy: 10 episodes from seed 0, in no environment yet. Each worker gets
    /// a clone.
    pub fn new(policy: impl Policy + Clone + 'static) -> Self {
        let (name, uses_images) = (policy.name(), policy.uses_images());
        // Workers take their clones one after another, so that a policy need not be `Sync`.
        let original = Mutex::new(policy);
        Self {
            factory: Arc::new(move || {
                Box::new(original.lock().unwrap_or_else(PoisonError::into_inner).clone())
            }),
            policy: name,
            policy_uses_images: uses_images,
            registry: Registry::builtin(),
            patterns: Vec::new(),
            episodes: 10,
            seed: Seed(0),
            workers: None,
            images: None,
            cameras: Vec::new(),
            options: EpisodeOptions::default(),
            folder: None,
            video: None,
            arguments: Vec::new(),
            listener: None,
            stop: CancellationToken::new(),
        }
    }

    /// What reports call the policy. Of a URL with a password it is the URL without it.
    pub fn policy_name(&self) -> &str {
        &self.policy
    }

    /// Finds environments here, in place of the [built-in](Registry::builtin) registry.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Adds an environment, or all that a glob stands for: `metaworld/p*`.
    #[must_use]
    pub fn env(mut self, name_or_glob: impl Into<String>) -> Self {
        self.patterns.push(name_or_glob.into());
        self
    }

    /// Episodes in each environment.
    #[must_use]
    pub fn episodes(mut self, episodes: u32) -> Self {
        self.episodes = episodes;
        self
    }

    /// The seed of each environment's first episode.
    #[must_use]
    pub fn seed(mut self, seed: impl Into<Seed>) -> Self {
        self.seed = seed.into();
        self
    }

    /// How many episodes run at once; as many as the machine has threads unless it is said. It
    /// changes the time an evaluation takes and nothing else.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// Steps after which an episode is over, in place of each environment's own number.
    #[must_use]
    pub fn max_steps(mut self, steps: u32) -> Self {
        self.options.max_steps = Some(steps);
        self
    }

    /// How long the policy may take over one action; 500 ms unless it is said.
    #[must_use]
    pub fn action_timeout(mut self, limit: Duration) -> Self {
        self.options.action_timeout = limit;
        self
    }

    /// How long the policy may take to begin an episode; 5 s unless it is said.
    #[must_use]
    pub fn reset_timeout(mut self, limit: Duration) -> Self {
        self.options.reset_timeout = limit;
        self
    }

    /// Whether observations have pictures; as the policy [says](Policy::uses_images) by itself.
    #[must_use]
    pub fn images(mut self, images: bool) -> Self {
        self.images = Some(images);
        self
    }

    /// Adds a camera, in place of all that an environment has.
    #[must_use]
    pub fn camera(mut self, camera: impl Into<String>) -> Self {
        self.cameras.push(camera.into());
        self
    }

    /// Keeps the results in a folder, episode by episode, and goes on where an earlier run of the
    /// same evaluation into that folder stopped.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Keeps films of episodes in the folder `videos` of the [results](Self::out): GIFs of the
    /// cameras that the policy sees, or of all where it sees none. Only what is run now is filmed,
    /// not what an earlier run has left.
    #[must_use]
    pub fn video(mut self, video: Video) -> Self {
        self.video = Some(video);
        self
    }

    /// The command line, for the manifest.
    #[must_use]
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments = arguments.into_iter().collect();
        self
    }

    /// Calls this with all that happens. It is called from several threads.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Lets that switch stop the evaluation. Running episodes are given up, finished ones kept.
    #[must_use]
    pub fn stop(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Runs the evaluation on threads of its own. Dropping the future stops it.
    ///
    /// # Errors
    /// See [`EvaluationError`]. A policy that fails is not an error but a result.
    pub async fn run(self) -> Result<EvaluationReport, EvaluationError> {
        // A caller's own switch is thrown by the caller alone.
        let inner = CancellationToken::new();
        let _guard = inner.clone().drop_guard();
        let (send, receive) = oneshot::channel();
        let evaluation = self;
        std::thread::spawn(move || {
            // Nobody is left to tell when the future was dropped.
            let _ = send.send(evaluation.run_until(Some(&inner)));
        });
        receive.await.unwrap_or_else(|_| Err(EvaluationError::Panic("no report".to_owned())))
    }

    /// Runs the evaluation and waits for it. Not to be called from asynchronous code.
    ///
    /// # Errors
    /// See [`EvaluationError`]. A policy that fails is not an error but a result.
    pub fn run_blocking(self) -> Result<EvaluationReport, EvaluationError> {
        self.run_until(None)
    }

    fn run_until(
        mut self,
        dropped: Option<&CancellationToken>,
    ) -> Result<EvaluationReport, EvaluationError> {
        let environments = self.resolve()?;
        self.options.cameras = self.resolve_cameras(&environments)?;
        let manifest = self.manifest(&environments)?;
        run::run(&self, environments, manifest, dropped)
    }

    fn workers_or_default(&self) -> usize {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(available)
    }

    /// The environments asked for, each once, after a look at the other settings.
    fn resolve(&self) -> Result<Vec<EnvId>, EvaluationError> {
        let wrong = |text: &str| Err(EvaluationError::Settings(text.to_owned()));
        if self.patterns.is_empty() {
            return wrong("no environment was named");
        }
        if self.episodes == 0 {
            return wrong("zero episodes show nothing: ask for at least one");
        }
        if self.workers == Some(0) {
            return wrong("zero workers do nothing: ask for at least one");
        }
        if self.options.max_steps == Some(0) {
            return wrong("an episode of zero steps shows nothing: ask for at least one");
        }
        if self.options.action_timeout.is_zero() || self.options.reset_timeout.is_zero() {
            return wrong("a time limit of zero lets no policy answer");
        }
        if self.seed.0.checked_add(u64::from(self.episodes) - 1).is_none() {
            return wrong("the last episode's seed would be larger than 2^64 - 1");
        }
        if self.video.is_some() && self.folder.is_none() {
            return wrong("films are kept with the results: name a folder for them");
        }
        let mut environments = Vec::new();
        for pattern in &self.patterns {
            for id in self.registry.resolve(pattern)? {
                if !environments.contains(&id) {
                    environments.push(id);
                }
            }
        }
        Ok(environments)
    }

    fn resolve_cameras(&self, environments: &[EnvId]) -> Result<Vec<String>, EvaluationError> {
        if !self.images.unwrap_or(self.policy_uses_images || !self.cameras.is_empty()) {
            return Ok(Vec::new());
        }
        let mut all = Vec::new();
        for env_id in environments {
            let spec = self.registry.spec(env_id)?;
            for camera in &self.cameras {
                spec.camera(camera)?;
            }
            all.extend(spec.cameras.into_iter().map(|camera| camera.name));
        }
        let mut cameras = if self.cameras.is_empty() { all } else { self.cameras.clone() };
        cameras.sort();
        cameras.dedup();
        Ok(cameras)
    }

    fn manifest(&self, environments: &[EnvId]) -> Result<Manifest, EvaluationError> {
        let mut families = BTreeMap::new();
        for env_id in environments {
            if !families.contains_key(env_id.family()) {
                let provenance = self.registry.family(env_id)?.provenance()?;
                families.insert(env_id.family().to_owned(), provenance);
            }
        }
        Ok(Manifest {
            format: FORMAT,
            evaluation: Identity {
                kinitro: env!("CARGO_PKG_VERSION").to_owned(),
                policy: self.policy.clone(),
                environments: environments.to_vec(),
                episodes: self.episodes,
                seed: self.seed,
                max_steps: self.options.max_steps,
                action_timeout: self.options.action_timeout.as_secs_f64(),
                reset_timeout: self.options.reset_timeout.as_secs_f64(),
                cameras: self.options.cameras.clone(),
                families,
            },
            machine: Machine::this(),
            workers: self.workers_or_default(),
            arguments: self.arguments.clone(),
            started_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        })
    }
}
