//! Evaluates a policy over many episodes in several environments.

#[cfg(feature = "video")]
mod film;
mod run;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kinitro_core::{EnvId, PolicyFault, Seed};
use tokio::sync::oneshot;

use crate::CancellationToken;
use crate::env::{Controller, EnvironmentError, Registry};
use crate::episode::{EpisodeOptions, EpisodeRecord};
use crate::policy::Policy;
#[cfg(feature = "video")]
use crate::report::Video;
use crate::report::{FolderError, Identity, Manifest, Summary};

/// Makes a policy for each worker.
type Policies = Arc<dyn Fn() -> Box<dyn Policy> + Send + Sync>;
/// Makes the expert of an environment, given the evaluation's registry.
type Experts = Arc<dyn Fn(&Registry, &EnvId) -> Option<Box<dyn Controller>> + Send + Sync>;
/// Called with every event.
type Listener = Arc<dyn Fn(Event<'_>) + Send + Sync>;

/// Who acts in the episodes.
#[derive(Clone)]
enum Players {
    Policies(Policies),
    Experts(Experts),
}

/// An evaluation to run: which policy, in which environments, for how many episodes.
///
/// Episode `i` of an environment has the seed `seed + i`. Two policies evaluated with the same seed
/// face the same scenarios, and `seed(s).episodes(1)` repeats any one of them.
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
    players: Players,
    policy: String,
    /// `None` until the first policy has been made, which can be asked.
    policy_uses_images: Option<bool>,
    registry: Registry,
    patterns: Vec<String>,
    episodes: u32,
    seed: Seed,
    workers: Option<usize>,
    images: Option<bool>,
    cameras: Vec<String>,
    options: EpisodeOptions,
    folder: Option<PathBuf>,
    #[cfg(feature = "video")]
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

/// Progress of an evaluation.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The evaluation begins.
    #[non_exhaustive]
    Started {
        /// The total number of episodes.
        total: usize,
        /// The episodes that an earlier run completed.
        done: &'a [EpisodeRecord],
    },
    /// The number of steps taken since the last such event.
    Steps(u32),
    /// An episode is over, and on disk if there is a results folder.
    Episode(&'a EpisodeRecord),
    /// An episode broke down through no fault of the policy, and will be run again.
    Retry(&'a EpisodeRecord),
}

/// The results of an evaluation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EvaluationReport {
    /// What was evaluated, with what, and where.
    pub manifest: Manifest,
    /// The results, environment by environment and overall.
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
    /// The settings make no sense.
    #[error("{0}")]
    Settings(String),
    /// There is no scripted expert for an environment.
    #[error("`{0}` has no scripted expert")]
    NoExpert(EnvId),
    /// An environment does not exist or cannot be run on this machine.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Results could not be stored.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The policy cannot be used at all.
    #[error("the policy cannot be used: {0}")]
    Policy(#[from] PolicyFault),
    /// A worker panicked: a bug in this program or in a policy it runs.
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
        let clone = move || original.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            policy_uses_images: Some(uses_images),
            ..Self::of(name, Players::Policies(Arc::new(move || Box::new(clone()))))
        }
    }

    /// An evaluation of a policy that cannot be cloned: the factory makes one for each worker. `name`
    /// is its name in reports.
    pub fn from_factory<P: Policy + 'static>(
        name: impl Into<String>,
        factory: impl Fn() -> P + Send + Sync + 'static,
    ) -> Self {
        Self::of(name.into(), Players::Policies(Arc::new(move || Box::new(factory()))))
    }

    /// An evaluation of the environments' [scripted
    /// experts](crate::env::EnvironmentFamily::expert), under the name `expert`. They see the full
    /// state: their success rate is an upper bound, not what a robot could achieve.
    pub fn of_experts() -> Self {
        let experts: Experts = Arc::new(|registry, env_id| registry.expert(env_id));
        Self::of("expert".to_owned(), Players::Experts(experts))
    }

    /// An evaluation of your own controllers, which see the full state. The factory is called each
    /// time a worker starts on an environment.
    pub fn of_controllers(
        name: impl Into<String>,
        factory: impl Fn(&EnvId) -> Option<Box<dyn Controller>> + Send + Sync + 'static,
    ) -> Self {
        Self::of(name.into(), Players::Experts(Arc::new(move |_, env_id| factory(env_id))))
    }

    fn of(policy: String, players: Players) -> Self {
        let is_blind = matches!(players, Players::Experts(_));
        Self {
            players,
            policy,
            policy_uses_images: is_blind.then_some(false),
            registry: Registry::builtin(),
            patterns: Vec::new(),
            episodes: 10,
            seed: Seed(0),
            workers: None,
            images: None,
            cameras: Vec::new(),
            options: EpisodeOptions::default(),
            folder: None,
            #[cfg(feature = "video")]
            video: None,
            arguments: Vec::new(),
            listener: None,
            stop: CancellationToken::new(),
        }
    }

    /// The policy's name in reports. A URL is shown without its user name and password.
    pub fn policy_name(&self) -> &str {
        &self.policy
    }

    /// Takes environments from this registry instead of the [built-in](Registry::builtin) one.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Adds an environment, or all that match a glob: `metaworld/p*`.
    #[must_use]
    pub fn env(mut self, name_or_glob: impl Into<String>) -> Self {
        self.patterns.push(name_or_glob.into());
        self
    }

    /// The number of episodes in each environment; 10 by default.
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

    /// How many episodes run at once; by default as many as the machine has threads. This affects
    /// only how long the evaluation takes, not its results.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = Some(workers);
        self
    }

    /// The number of steps after which an episode ends, instead of each environment's own limit.
    #[must_use]
    pub fn max_steps(mut self, steps: u32) -> Self {
        self.options.max_steps = Some(steps);
        self
    }

    /// How long the policy may take for one action; 500 ms by default.
    #[must_use]
    pub fn action_timeout(mut self, limit: Duration) -> Self {
        self.options.limits.action = limit;
        self
    }

    /// How long the policy may take to begin an episode; 5 s by default.
    #[must_use]
    pub fn reset_timeout(mut self, limit: Duration) -> Self {
        self.options.limits.reset = limit;
        self
    }

    /// Whether observations have pictures. By default that is up to the
    /// [policy](Policy::uses_images).
    #[must_use]
    pub fn images(mut self, images: bool) -> Self {
        self.images = Some(images);
        self
    }

    /// Adds a camera. Without this, observations have the pictures of all cameras.
    #[must_use]
    pub fn camera(mut self, camera: impl Into<String>) -> Self {
        self.cameras.push(camera.into());
        self
    }

    /// Stores the results in a folder, episode by episode. If the folder holds an unfinished run of
    /// the same evaluation, this continues it.
    #[must_use]
    pub fn out(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Stores films of episodes in the folder `videos` of the [results](Self::out): GIFs from the
    /// cameras that the policy sees, or from all cameras if it sees none. Only episodes of this run
    /// are filmed, not those that an earlier run completed.
    #[cfg(feature = "video")]
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

    /// Calls this with every event, possibly from several threads.
    #[must_use]
    pub fn on_event(mut self, listener: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    /// Stops the evaluation when this token is cancelled. Running episodes are discarded, finished
    /// ones kept.
    #[must_use]
    pub fn stop(mut self, stop: CancellationToken) -> Self {
        self.stop = stop;
        self
    }

    /// Runs the evaluation on its own threads. Dropping the future stops it.
    ///
    /// # Errors
    /// See [`EvaluationError`]. A policy that fails is not an error but a result.
    pub async fn run(self) -> Result<EvaluationReport, EvaluationError> {
        // Only the caller may cancel the caller's token.
        let inner = CancellationToken::new();
        let _guard = inner.clone().drop_guard();
        let (send, receive) = oneshot::channel();
        let evaluation = self;
        std::thread::spawn(move || {
            // The receiver is gone if the future was dropped.
            let _ = send.send(evaluation.run_until(Some(&inner)));
        });
        receive.await.unwrap_or_else(|_| Err(EvaluationError::Panic("no report".to_owned())))
    }

    /// Runs the evaluation and waits for it. Do not call this from asynchronous code.
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
        // If a policy has to be asked whether it uses pictures, make it now and give it to the
        // first worker.
        let first = match &self.players {
            Players::Policies(make) if self.policy_uses_images.is_none() => Some(make()),
            _ => None,
        };
        if let Some(policy) = &first {
            self.policy_uses_images = Some(policy.uses_images());
        }
        self.options.cameras = self.resolve_cameras(&environments)?;
        let manifest = self.manifest(&environments)?;
        run::run(&self, environments, manifest, first, dropped)
    }

    fn workers_or_default(&self) -> usize {
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        self.workers.unwrap_or_else(available)
    }

    /// Checks the other settings and returns the selected environments, each once.
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
        if self.options.limits.action.is_zero() || self.options.limits.reset.is_zero() {
            return wrong("a time limit of zero lets no policy answer");
        }
        if self.seed.0.checked_add(u64::from(self.episodes) - 1).is_none() {
            return wrong("the last episode's seed would be larger than 2^64 - 1");
        }
        #[cfg(feature = "video")]
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
        if let Players::Experts(experts) = &self.players
            && let Some(without) =
                environments.iter().find(|id| experts(&self.registry, id).is_none())
        {
            return Err(EvaluationError::NoExpert(without.clone()));
        }
        Ok(environments)
    }

    fn resolve_cameras(&self, environments: &[EnvId]) -> Result<Vec<String>, EvaluationError> {
        if !self.images.unwrap_or(self.policy_uses_images == Some(true) || !self.cameras.is_empty())
        {
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
        let options = &self.options;
        let identity = Identity::new(
            self.policy.clone(),
            environments.to_vec(),
            self.episodes,
            self.seed,
            options.limits.action,
            options.limits.reset,
        );
        let evaluation = Identity {
            max_steps: options.max_steps,
            cameras: options.cameras.clone(),
            families,
            ..identity
        };
        let arguments = self.arguments.clone();
        Ok(Manifest { arguments, ..Manifest::new(evaluation, self.workers_or_default()) })
    }
}
