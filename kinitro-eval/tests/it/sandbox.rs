//! Sandboxes: each does as the trait says, and the one in this process gets over simulators that
//! panic, hang or break down and over policies that belong to strangers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kinitro_core::{
    Action, EnvId, Image, InfraFaultKind, Observation, Outcome, PolicyFault, PolicyFaultKind, Seed,
};
use kinitro_eval::conformance::{self, SandboxCases};
use kinitro_eval::env::point::PointFamily;
use kinitro_eval::env::{
    Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, EpisodeStatus, Scenario,
    Transition,
};
use kinitro_eval::isolation::{
    EpisodeJob, EpisodeLimits, InProcess, Play, Sandbox, SandboxError, Scripted,
};
use kinitro_eval::policy::http::Reach;
use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::{CancellationToken, EpisodeStart, Policy, Registry, ZeroPolicy};

fn point() -> EnvId {
    "toy/point-v0".parse().unwrap()
}

fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.register(PointFamily);
    registry
}

/// Goes to the goal without seeing it: it replays what an expert did in the episode of that seed.
#[derive(Debug, Clone)]
struct Replay(Vec<Action>);

impl Replay {
    fn of(seed: Seed) -> Self {
        let mut expert = registry().expert(&point()).unwrap();
        let mut environment = registry().make(&point()).unwrap();
        let scenario = environment.generate_scenario(seed).unwrap();
        environment.reset(&scenario).unwrap();
        expert.reset();
        let mut actions = Vec::new();
        loop {
            let state = environment.full_state().unwrap();
            let action = expert.act(&state);
            actions.push(action.clone());
            let transition = environment.step(&action).unwrap();
            if transition.status == EpisodeStatus::Success {
                actions.reverse();
                return Self(actions);
            }
        }
    }
}

#[async_trait]
impl Policy for Replay {
    fn name(&self) -> String {
        "replay".to_owned()
    }

    async fn reset(&mut self, _: &EpisodeStart) -> Result<(), PolicyFault> {
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        self.0.pop().ok_or_else(|| PolicyFault::new(PolicyFaultKind::Error, "the end"))
    }
}

/// Stands still, and takes its time for it.
#[derive(Debug, Clone)]
struct Slow(Duration);

#[async_trait]
impl Policy for Slow {
    fn name(&self) -> String {
        "slow".to_owned()
    }

    async fn reset(&mut self, _: &EpisodeStart) -> Result<(), PolicyFault> {
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        tokio::time::sleep(self.0).await;
        Ok(Action::new().with("base_vel", [0.0, 0.0]))
    }
}

async fn serve(policy: impl Policy + Clone + 'static) -> String {
    let server = PolicyServer::bind("127.0.0.1:0").await.unwrap().with_registry(registry());
    let url = format!("http://{}", server.local_addr());
    tokio::spawn(server.serve(policy, std::future::pending()));
    url
}

/// An episode that may take its time over actions, on a machine that is busy with other tests.
fn job(endpoint: &str) -> EpisodeJob {
    let action_timeout = Duration::from_secs(10);
    let limits = EpisodeLimits::default().with_action_timeout(action_timeout);
    EpisodeJob::new(point(), Seed(3), endpoint).with_limits(limits)
}

fn in_process(registry: Registry) -> InProcess {
    InProcess::new(registry).with_reach(Reach::anywhere())
}

#[tokio::test]
async fn the_sandbox_of_this_process_conforms() {
    let cases = SandboxCases::new(
        job(&serve(Replay::of(Seed(3))).await),
        job(&serve(ZeroPolicy::new()).await),
        job("http://127.0.0.1:1"),
        job(&serve(Slow(Duration::from_millis(20))).await),
    );
    conformance::sandbox(&in_process(registry()), &cases).await;
    // One that keeps no simulator must do the same.
    conformance::sandbox(&in_process(registry()).with_max_idle(0), &cases).await;
}

#[tokio::test]
async fn the_sandbox_of_tests_conforms() {
    let sandbox = Scripted::new([point()], |job| match job.endpoint.as_str() {
        "success" => Play::ending_in(Outcome::Success),
        "failure" => Play { steps: u32::MAX, ..Play::ending_in(Outcome::Failure) },
        "fault" => {
            Play::ending_in(PolicyFault::new(PolicyFaultKind::Unreachable, "nobody answers"))
        }
        _ => Play { steps: 500, step_time: Duration::from_millis(20), outcome: Outcome::Failure },
    });
    let cases = SandboxCases::new(job("success"), job("failure"), job("fault"), job("slow"));
    conformance::sandbox(&sandbox, &cases).await;
    assert!(sandbox.seen().len() > 5);
}

/// What a simulator does wrong, by seed: 1 panics, 2 hangs, 3 breaks down, 4 cannot draw, 5 gives a
/// reward that is none, 6 takes long for each step, and every other is sound.
#[derive(Debug, Default)]
struct Brittle {
    made: Arc<AtomicUsize>,
}

struct BrittleEnvironment {
    seed: u64,
    inner: Box<dyn Environment>,
}

impl EnvironmentFamily for Brittle {
    fn name(&self) -> &str {
        "toy"
    }

    fn tasks(&self) -> Vec<String> {
        PointFamily.tasks()
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        PointFamily.spec(task)
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        self.made.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(BrittleEnvironment { seed: 0, inner: PointFamily.make(task)? }))
    }
}

impl Environment for BrittleEnvironment {
    fn spec(&self) -> &EnvironmentSpec {
        self.inner.spec()
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        self.inner.generate_scenario(seed)
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        self.seed = scenario.seed.0;
        self.inner.reset(scenario)
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        let transition = self.inner.step(action)?;
        match self.seed {
            1 => panic!("index out of bounds"),
            2 => loop {
                std::thread::park();
            },
            3 => Err(EnvironmentError::Simulation("unstable".to_owned())),
            5 => Ok(Transition::new(transition.observation, f64::NAN, transition.status)),
            6 => {
                std::thread::sleep(Duration::from_millis(100));
                Ok(transition)
            }
            _ => Ok(transition),
        }
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        if self.seed == 4 {
            let (problem, hint) = ("no driver".to_owned(), "install one".to_owned());
            return Err(EnvironmentError::Render { problem, hint });
        }
        self.inner.render(camera)
    }
}

struct BrittleSandbox {
    sandbox: InProcess,
    made: Arc<AtomicUsize>,
    url: String,
}

impl BrittleSandbox {
    async fn new() -> Self {
        let family = Brittle::default();
        let made = Arc::clone(&family.made);
        let mut registry = Registry::empty();
        registry.register(family);
        let sandbox = in_process(registry).with_halt_timeout(Duration::from_millis(300));
        Self { sandbox, made, url: serve(Slow(Duration::ZERO)).await }
    }

    async fn run(
        &self,
        seed: u64,
        limits: impl FnOnce(&mut EpisodeLimits),
    ) -> Result<Outcome, SandboxError> {
        let mut job = job(&self.url);
        job.seed = Seed(seed);
        job.limits.max_timesteps = 5;
        limits(&mut job.limits);
        Ok(self.sandbox.run(&job, &CancellationToken::new()).await?.outcome)
    }

    /// Checks that an episode ends as our fault, and that the next has a simulator of its own.
    async fn breaks(&self, seed: u64, words: &str, limits: impl FnOnce(&mut EpisodeLimits)) {
        let made = self.made.load(Ordering::SeqCst);
        let Outcome::InfraFault(fault) = self.run(seed, limits).await.unwrap() else {
            panic!("seed {seed} is sound")
        };
        assert_eq!(fault.kind, InfraFaultKind::Simulator);
        assert!(fault.detail.contains(words), "{fault}");
        assert_eq!(self.run(0, |_| {}).await.unwrap(), Outcome::Failure);
        assert_eq!(self.made.load(Ordering::SeqCst), made + 1, "after seed {seed}");
    }
}

#[tokio::test]
async fn a_simulator_that_breaks_is_our_fault_and_replaced() {
    let brittle = BrittleSandbox::new().await;
    assert_eq!(brittle.run(0, |_| {}).await.unwrap(), Outcome::Failure);
    assert_eq!(brittle.run(7, |_| {}).await.unwrap(), Outcome::Failure);
    assert_eq!(brittle.made.load(Ordering::SeqCst), 1, "a sound simulator is used again");
    brittle.breaks(1, "panicked: index out of bounds", |_| {}).await;
    brittle.breaks(3, "unstable", |_| {}).await;
    let short = |limits: &mut EpisodeLimits| limits.episode_timeout = Duration::from_millis(200);
    brittle.breaks(2, "hangs", short).await;
}

#[tokio::test]
async fn a_reward_that_is_none_and_a_simulator_that_dawdles_are_our_fault() {
    let brittle = BrittleSandbox::new().await;
    let outcome = brittle.run(5, |_| {}).await.unwrap();
    assert_eq!(outcome.label(), "infra_fault:simulator");
    let outcome = brittle.run(6, |limits| {
        limits.max_timesteps = 100;
        limits.episode_timeout = Duration::from_secs(1);
    });
    let Outcome::InfraFault(fault) = outcome.await.unwrap() else { panic!("it took its time") };
    assert!(fault.detail.contains("not over after 1 s, of which the policy took 0."), "{fault}");
}

#[tokio::test]
async fn a_machine_that_cannot_draw_is_no_fault_of_an_episode() {
    let brittle = BrittleSandbox::new().await;
    let error = brittle.run(4, |_| {}).await.unwrap_err();
    assert_eq!(error.hint(), Some("install one"));
    let without_pictures = brittle.run(4, |limits| limits.use_images = false).await.unwrap();
    assert_eq!(without_pictures, Outcome::Failure);
}

#[tokio::test]
async fn a_policy_that_uses_up_the_time_is_at_fault() {
    let url = serve(Slow(Duration::from_millis(50))).await;
    let mut job = job(&url);
    job.limits.episode_timeout = Duration::from_millis(700);
    let result = in_process(registry()).run(&job, &CancellationToken::new()).await.unwrap();
    let Outcome::PolicyFault(fault) = result.outcome else { panic!("{result:?}") };
    assert_eq!(fault.kind, PolicyFaultKind::Timeout);
    assert!(result.steps > 0);
}

#[tokio::test]
async fn strangers_are_on_the_public_internet() {
    let url = serve(ZeroPolicy::new()).await;
    let sandbox = InProcess::new(registry());
    for endpoint in [url.as_str(), "http://169.254.169.254", "file:///etc/passwd", "", "http://["] {
        let started = Instant::now();
        let result = sandbox.run(&job(endpoint), &CancellationToken::new()).await.unwrap();
        let Outcome::PolicyFault(fault) = result.outcome else { panic!("{endpoint}: {result:?}") };
        assert_eq!(fault.kind, PolicyFaultKind::Unreachable, "{endpoint}");
        assert_eq!(result.steps, 0);
        assert!(started.elapsed() < Duration::from_secs(5), "{endpoint}");
    }
}

/// The runtime of this test is blocked, like that of a process that was frozen and woken.
#[tokio::test]
async fn a_machine_that_stood_still_blames_no_policy() {
    let (listener, mut job) =
        (tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap(), job(""));
    job.endpoint = format!("http://{}", listener.local_addr().unwrap());
    job.limits.action_timeout = Duration::from_millis(400);
    job.limits.reset_timeout = Duration::from_millis(400);
    let sandbox = in_process(registry());
    let outcome =
        |result: Result<kinitro_eval::isolation::EpisodeResult, _>| result.unwrap().outcome;
    let freezing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        std::thread::sleep(Duration::from_millis(900));
    };
    let stop = CancellationToken::new();
    let (frozen, ()) = tokio::join!(sandbox.run(&job, &stop), freezing);
    let Outcome::InfraFault(fault) = outcome(frozen) else { panic!("it did stand still") };
    assert!(fault.detail.contains("stood still for 0."), "{fault}");
    assert_eq!(outcome(sandbox.run(&job, &stop).await).label(), "policy_fault:timeout");
}
