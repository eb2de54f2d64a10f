//! What every implementation of a trait must do, as suites to call from tests.
//!
//! This crate runs them on its own implementations. Run them on yours:
//!
//! ```
//! use kinitro_eval::conformance;
//! use kinitro_eval::env::point::PointFamily;
//!
//! conformance::environment_family(&PointFamily);
//! conformance::controller(&PointFamily, "point-v0");
//! ```

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kinitro_core::{Action, EnvId, Observation, Outcome, Seed, TaskConfig};
use serde_json::json;

use crate::CancellationToken;
use crate::env::{
    Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, EpisodeStatus, Registry,
    Scenario, SeededRng, Transition,
};
use crate::isolation::{EpisodeJob, EpisodeLimits, EpisodeResult, Sandbox, SandboxError};
use crate::policy::{EpisodeStart, Policy, TimeLimits};

/// How many steps an episode has here at most.
const STEPS: u32 = 25;

/// Checks every environment of a family, and its [expert](controller) where there is one. The
/// family's assets and renderer must be there.
///
/// # Panics
/// With a description of the first thing that is wrong.
pub fn environment_family(family: &dyn EnvironmentFamily) {
    let tasks = family.tasks();
    assert!(!tasks.is_empty(), "the family has no environment");
    for task in &tasks {
        let id = EnvId::new(family.name(), task).expect("family and task make an id");
        let spec = family.spec(task).expect("a listed environment has a specification");
        assert_eq!(spec.id, id, "the specification is of another environment");
        is_well_formed(&spec);
        let make = || family.make(task).expect("a listed environment can be made");
        assert_eq!(*make().spec(), spec, "`{id}`: family and environment disagree");
        needs_a_reset(make().as_mut());
        scenarios_grow_from_seeds(make().as_ref(), make().as_ref());
        episodes_repeat(make().as_mut(), make().as_mut());
        ends_are_ends(make().as_mut());
        bad_actions_move_nothing(make().as_mut(), make().as_mut());
        foreign_scenarios_are_refused(make().as_mut());
        cameras_take_pictures(make().as_mut());
        if family.expert(task).is_some() {
            controller(family, task);
        }
    }
    for (alias, stands_for) in family.aliases() {
        assert!(!tasks.contains(&alias), "`{alias}` is a task name and an alias");
        assert!(!stands_for.is_empty(), "`{alias}` stands for nothing");
        for task in &stands_for {
            assert!(tasks.contains(task), "`{alias}` stands for `{task}`, which is no task name");
        }
    }
    let missing = family.make("no-such-task-v0").err();
    assert!(
        matches!(missing, Some(EnvironmentError::UnknownEnvironment { .. })),
        "an unknown task name must be reported as unknown"
    );
    assert!(family.expert("no-such-task-v0").is_none(), "an expert for an unknown task name");
}

/// Checks the scripted expert of an environment: it sees the full state, its actions fit, and it
/// acts the same in the same episode, whatever it did before.
///
/// # Panics
/// With a description of the first thing that is wrong, or when there is no expert.
pub fn controller(family: &dyn EnvironmentFamily, task: &str) {
    let mut environment = family.make(task).expect("the environment can be made");
    let id = environment.spec().id.clone();
    let mut expert = family.expert(task).unwrap_or_else(|| panic!("`{id}` has no expert"));
    let mut play = |seed: u64| {
        let scenario = scenario(environment.as_ref(), Seed(seed));
        environment.reset(&scenario).expect("a scenario of its own");
        expert.reset();
        let mut actions = Vec::new();
        for _ in 0..environment.spec().max_steps.min(STEPS) {
            let state = environment.full_state();
            let state = state.unwrap_or_else(|| panic!("`{id}` shows its expert no state"));
            let action = expert.act(&state);
            let taken = environment.step(&action);
            let transition = taken.unwrap_or_else(|e| panic!("`{id}`: the expert's action: {e}"));
            actions.push(action);
            if transition.status != EpisodeStatus::Running {
                break;
            }
        }
        actions
    };
    let first = play(1);
    play(2);
    assert_eq!(play(1), first, "`{id}`: the expert acted otherwise in the same episode");
}

fn is_well_formed(spec: &EnvironmentSpec) {
    let id = &spec.id;
    assert!(spec.max_steps > 0, "`{id}`: episodes without steps");
    assert!(spec.step_seconds > 0.0, "`{id}`: steps that take no time");
    let observed: Vec<_> = spec.observation.iter().map(|channel| &channel.name).collect();
    let continuous = spec.action.continuous.iter().map(|channel| &channel.name);
    let discrete = spec.action.discrete.iter().map(|channel| &channel.name);
    let acted: Vec<_> = continuous.chain(discrete).collect();
    let cameras: Vec<_> = spec.cameras.iter().map(|camera| &camera.name).collect();
    assert!(!acted.is_empty(), "`{id}`: there is no action to take");
    for (names, what) in [(observed, "observed"), (acted, "action"), (cameras, "camera")] {
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "`{id}`: two {what} channels of one name");
    }
    for channel in spec.observation.iter().chain(&spec.action.continuous) {
        let (low, high) = channel.bounds.unwrap_or((-1.0, 1.0));
        assert!(channel.len > 0, "`{id}`: `{}` has no numbers", channel.name);
        assert!(low <= high, "`{id}`: the bounds of `{}`", channel.name);
    }
    for channel in &spec.action.discrete {
        assert!(channel.low <= channel.high, "`{id}`: the range of `{}`", channel.name);
    }
}

fn scenario(environment: &dyn Environment, seed: Seed) -> Scenario {
    environment.generate_scenario(seed).expect("a scenario grows from every seed")
}

fn needs_a_reset(environment: &mut dyn Environment) {
    let spec = environment.spec().clone();
    let mut rng = SeededRng::new("conformance", &spec.id, Seed(0));
    let stepped = environment.step(&rng.action(&spec.action));
    assert!(matches!(stepped, Err(EnvironmentError::NotReset)), "a step before the first reset");
}

fn scenarios_grow_from_seeds(one: &dyn Environment, other: &dyn Environment) {
    let id = &one.spec().id;
    for seed in [0, 1, u64::MAX].map(Seed) {
        let grown = scenario(one, seed);
        assert_eq!(grown, scenario(one, seed), "`{id}`: a seed gave two scenarios");
        assert_eq!(grown, scenario(other, seed), "`{id}`: a seed gave two scenarios");
        assert_eq!((&grown.env_id, grown.seed), (id, seed), "`{id}`: a scenario of another origin");
        let text = serde_json::to_string(&grown).expect("a scenario can be written down");
        let read: Scenario = serde_json::from_str(&text).expect("a scenario can be read");
        assert_eq!(read, grown, "`{id}`: a scenario changed on its way through JSON");
    }
    let (zero, one) = (scenario(one, Seed(0)), scenario(one, Seed(1)));
    assert_ne!(zero.parameters, one.parameters, "`{id}`: one scenario for all seeds");
}

/// A short episode of random actions, up to its end.
fn episode(
    environment: &mut dyn Environment,
    scenario: &Scenario,
) -> (Observation, Vec<Transition>) {
    let spec = environment.spec().clone();
    let mut rng = SeededRng::new("conformance", &spec.id, scenario.seed);
    let first = environment.reset(scenario).expect("a scenario of its own");
    check_observation(&spec, &first);
    let mut transitions = Vec::new();
    for _ in 0..spec.max_steps.min(STEPS) {
        let transition = environment.step(&rng.action(&spec.action)).expect("a good action");
        check_transition(&spec, &transition);
        let status = transition.status;
        transitions.push(transition);
        if status != EpisodeStatus::Running {
            break;
        }
    }
    (first, transitions)
}

fn check_transition(spec: &EnvironmentSpec, transition: &Transition) {
    check_observation(spec, &transition.observation);
    assert!(transition.reward.is_finite(), "`{}`: the reward is not finite", spec.id);
}

fn check_observation(spec: &EnvironmentSpec, observation: &Observation) {
    let id = &spec.id;
    let pictures = observation.rgb.len() + observation.depth.len();
    assert_eq!(pictures, 0, "`{id}`: pictures that nobody asked for");
    assert_eq!(observation.proprio.len(), spec.observation.len(), "`{id}`: other channels");
    for channel in &spec.observation {
        let values = observation.proprio.get(&channel.name);
        let values = values.unwrap_or_else(|| panic!("`{id}` has no `{}`", channel.name));
        assert_eq!(values.len(), channel.len, "`{id}`: length of `{}`", channel.name);
        let (low, high) = channel.bounds.unwrap_or((f64::MIN, f64::MAX));
        let fits = values.iter().all(|value| (low..=high).contains(value));
        assert!(fits, "`{id}`: `{}` is {values}, outside its bounds", channel.name);
    }
}

fn episodes_repeat(one: &mut dyn Environment, other: &mut dyn Environment) {
    let id = one.spec().id.clone();
    let (own, between) = (scenario(one, Seed(7)), scenario(one, Seed(8)));
    let first = episode(one, &own);
    episode(one, &between);
    assert_eq!(episode(one, &own), first, "`{id}`: what ran before changed an episode");
    assert_eq!(episode(other, &own), first, "`{id}`: two instances ran different episodes");
}

/// Looks for an episode that ends by itself, steps on where it has, and begins anew.
fn ends_are_ends(environment: &mut dyn Environment) {
    let spec = environment.spec().clone();
    let id = &spec.id;
    for seed in (0..8).map(Seed) {
        let own = scenario(environment, seed);
        let first = episode(environment, &own);
        let status = first.1.last().map(|transition| transition.status);
        if status.is_none_or(|status| status == EpisodeStatus::Running) {
            continue;
        }
        let mut rng = SeededRng::new("conformance", id, seed);
        for _ in 0..3 {
            match environment.step(&rng.action(&spec.action)) {
                Ok(transition) => {
                    check_transition(&spec, &transition);
                    let still_failed = transition.status == EpisodeStatus::Failure;
                    let had_failed = status == Some(EpisodeStatus::Failure);
                    assert!(still_failed || !had_failed, "`{id}`: it recovered from a failure");
                }
                Err(EnvironmentError::NotReset) => {}
                Err(error) => panic!("`{id}`: a step after the end of an episode: {error}"),
            }
        }
        assert_eq!(episode(environment, &own), first, "`{id}`: the end of an episode stayed");
        return;
    }
}

fn bad_actions_move_nothing(one: &mut dyn Environment, other: &mut dyn Environment) {
    let spec = one.spec().clone();
    let id = &spec.id;
    let own = scenario(one, Seed(3));
    one.reset(&own).expect("a scenario of its own");
    other.reset(&own).expect("a scenario of its own");
    let mut rng = SeededRng::new("conformance", id, Seed(3));
    let good = rng.action(&spec.action);
    let mut bad = vec![
        Action::new(),
        good.clone().with("no_such_channel", [0.0]),
        good.clone().with_discrete("no_such_channel", 0),
    ];
    for channel in &spec.action.continuous {
        bad.extend([
            good.clone().with(&channel.name, vec![f64::NAN; channel.len]),
            good.clone().with(&channel.name, vec![f64::INFINITY; channel.len]),
            good.clone().with(&channel.name, vec![0.0; channel.len + 1]),
        ]);
    }
    for channel in &spec.action.discrete {
        let beyond = [channel.low.checked_sub(1), channel.high.checked_add(1)];
        let beyond = beyond.into_iter().flatten();
        bad.extend(beyond.map(|value| good.clone().with_discrete(&channel.name, value)));
        let mut missing = good.clone();
        missing.discrete.remove(&channel.name);
        bad.push(missing);
    }
    for action in bad {
        let taken = one.step(&action);
        assert!(matches!(taken, Err(EnvironmentError::Action(_))), "`{id}` took {action:?}");
    }
    let (after_bad, without) = (one.step(&good), other.step(&good));
    let (after_bad, without) = (after_bad.expect("a good action"), without.expect("a good action"));
    assert_eq!(after_bad, without, "`{id}`: an action that was refused moved the world");
    one.reset(&own).expect("a scenario of its own");
    let wild = spec
        .action
        .continuous
        .iter()
        .fold(good, |action, channel| action.with(&channel.name, vec![1e9; channel.len]));
    one.step(&wild).expect("a finite action outside its bounds is clamped");
}

fn foreign_scenarios_are_refused(environment: &mut dyn Environment) {
    let own = scenario(environment, Seed(0));
    let foreign = "no-such-family/no-such-task".parse().expect("it is of the form family/task");
    let nonsense = json!("these are the parameters of no environment");
    let bad =
        [Scenario { env_id: foreign, ..own.clone() }, Scenario { parameters: nonsense, ..own }];
    for scenario in bad {
        let reset = environment.reset(&scenario);
        let is_refused = matches!(reset, Err(EnvironmentError::Scenario { .. }));
        assert!(is_refused, "{scenario:?} was taken");
    }
}

fn cameras_take_pictures(environment: &mut dyn Environment) {
    let spec = environment.spec().clone();
    let own = scenario(environment, Seed(0));
    environment.reset(&own).expect("a scenario of its own");
    for camera in &spec.cameras {
        let (id, name) = (&spec.id, &camera.name);
        let picture = environment.render(name).expect("a camera of its own");
        let size = (picture.height(), picture.width());
        assert_eq!(size, (camera.height, camera.width), "`{id}`: size of a picture");
        let again = environment.render(name).expect("a camera of its own");
        assert_eq!(picture, again, "`{id}`: looking changed the picture");
        match environment.render_depth(name) {
            Ok(picture) => {
                assert!(camera.depth, "`{id}`: `{name}` has depth and does not say so");
                let size = (picture.height(), picture.width());
                assert_eq!(size, (camera.height, camera.width), "`{id}`: size of a depth picture");
                let distances = picture.view().iter().all(|metres| *metres >= 0.0);
                assert!(distances, "`{id}`: distances from `{name}` that are negative or NaN");
            }
            Err(EnvironmentError::NoDepth { .. }) => {
                assert!(!camera.depth, "`{id}`: `{name}` says that it has depth");
            }
            Err(error) => panic!("`{id}`: a depth picture from `{name}`: {error}"),
        }
    }
    for seen in [
        environment.render("no-such-camera").err(),
        environment.render_depth("no-such-camera").err(),
    ] {
        let is_unknown = matches!(seen, Some(EnvironmentError::UnknownCamera { .. }));
        assert!(is_unknown, "a camera that does not exist: {seen:?}");
    }
}

/// Checks that a policy acts in an environment as it must: the same in the same episode, whatever
/// it did before, with actions that fit. It must be deterministic, and is given ten seconds for
/// each answer.
///
/// # Panics
/// With a description of the first thing that is wrong.
pub async fn policy(policy: &mut dyn Policy, registry: &Registry, env_id: &EnvId) {
    let mut environment = registry.make(env_id).expect("the environment can be made");
    assert!(!policy.name().is_empty(), "a policy has a name");
    assert_eq!(policy.name(), policy.name(), "a policy keeps its name");
    let first = actions(policy, environment.as_mut(), Seed(1)).await;
    actions(policy, environment.as_mut(), Seed(2)).await;
    let again = actions(policy, environment.as_mut(), Seed(1)).await;
    assert_eq!(first, again, "`{}` acted otherwise in the same episode", policy.name());
}

async fn actions(
    policy: &mut dyn Policy,
    environment: &mut dyn Environment,
    seed: Seed,
) -> Vec<Action> {
    let limits = TimeLimits::new(Duration::from_secs(10), Duration::from_secs(10));
    let own = scenario(environment, seed);
    let mut observation = environment.reset(&own).expect("a scenario of its own");
    let start = EpisodeStart::new(TaskConfig::new(own.env_id.clone(), seed))
        .with_spec(environment.spec().clone())
        .with_limits(limits)
        .with_max_steps(10);
    limits.reset(policy, &start).await.expect("it can be reset");
    let mut actions = Vec::new();
    for _ in 0..10 {
        if policy.uses_images() {
            look(environment, &mut observation);
        }
        let action = limits.act(policy, &observation).await.expect("it acts");
        let transition = environment.step(&action).expect("its actions fit");
        observation = transition.observation;
        actions.push(action);
        if transition.status != EpisodeStatus::Running {
            break;
        }
    }
    actions
}

fn look(environment: &mut dyn Environment, observation: &mut Observation) {
    for camera in environment.spec().cameras.clone() {
        let picture = environment.render(&camera.name).expect("a camera of its own");
        observation.rgb.insert(camera.name.clone(), picture);
        if camera.depth {
            let picture = environment.render_depth(&camera.name).expect("a camera with depth");
            observation.depth.insert(camera.name, picture);
        }
    }
}

/// Episodes that a sandbox is tried with.
#[derive(Debug, Clone)]
pub struct SandboxCases {
    success: EpisodeJob,
    failure: EpisodeJob,
    fault: EpisodeJob,
    slow: EpisodeJob,
}

impl SandboxCases {
    /// Four episodes: one that succeeds; one that fails, and only because its steps are used up; one
    /// whose policy is at fault; and one whose policy keeps to its limits but takes at least 20 ms
    /// for each of 500 steps that lead nowhere.
    pub fn new(
        success: EpisodeJob,
        failure: EpisodeJob,
        fault: EpisodeJob,
        slow: EpisodeJob,
    ) -> Self {
        Self { success, failure, fault, slow }
    }
}

/// How long a sandbox may take to notice that an episode is over. Far more than any needs.
const NOTICE: Duration = Duration::from_secs(20);

/// Checks that a sandbox does what [`Sandbox`] says.
///
/// # Panics
/// With a description of the first thing that is wrong.
pub async fn sandbox(sandbox: &dyn Sandbox, cases: &SandboxCases) {
    let listed = sandbox.environments().await.expect("it knows its environments");
    let distinct: BTreeSet<_> = listed.iter().collect();
    assert_eq!(distinct.len(), listed.len(), "an environment is listed twice");
    let SandboxCases { success, failure, fault, slow } = cases;
    for job in [success, failure, fault, slow] {
        assert!(distinct.contains(&job.env_id), "`{}` is not listed", job.env_id);
    }
    outcomes_are_told_apart(sandbox, cases).await;
    limits_hold(sandbox, cases).await;
    stopped_episodes_are_cancelled(sandbox, cases).await;

    let env_id = "no-such-family/no-such-task".parse().expect("it is of the form family/task");
    let elsewhere = EpisodeJob { env_id, ..success.clone() };
    let refused = sandbox.run(&elsewhere, &CancellationToken::new()).await;
    assert!(
        matches!(
            refused,
            Err(SandboxError::Environment(EnvironmentError::UnknownEnvironment { .. }))
        ),
        "an environment that is not there: {refused:?}"
    );
    let stop = CancellationToken::new();
    let dropped = tokio::time::timeout(Duration::from_millis(50), sandbox.run(slow, &stop)).await;
    assert!(dropped.is_err(), "the slow episode was over at once");
    run(sandbox, success).await;
    sandbox.close().await;
}

async fn run(sandbox: &dyn Sandbox, job: &EpisodeJob) -> EpisodeResult {
    let running = tokio::time::timeout(job.limits.episode_timeout + NOTICE, async {
        sandbox.run(job, &CancellationToken::new()).await.expect("an episode can be run")
    });
    let result = running.await.expect("an episode ends");
    assert!(result.steps <= job.limits.max_timesteps, "too many steps: {result:?}");
    assert!(result.total_reward.is_finite(), "a reward that is not finite: {result:?}");
    result
}

async fn outcomes_are_told_apart(sandbox: &dyn Sandbox, cases: &SandboxCases) {
    let SandboxCases { success, failure, fault, .. } = cases;
    let told =
        |result: EpisodeResult| (result.outcome, result.steps, result.total_reward.to_bits());
    let first = run(sandbox, success).await;
    assert_eq!(first.outcome, Outcome::Success);
    assert!(first.steps > 0, "a success without a step");
    assert_eq!(run(sandbox, failure).await.outcome, Outcome::Failure);
    let faulty = run(sandbox, fault).await;
    assert!(matches!(faulty.outcome, Outcome::PolicyFault(_)), "{faulty:?}");
    let (again, beside, between) =
        tokio::join!(run(sandbox, success), run(sandbox, success), run(sandbox, failure));
    assert_eq!(between.outcome, Outcome::Failure);
    let first = told(first);
    assert_eq!(told(again), first, "what ran before or beside it changed an episode");
    assert_eq!(told(beside), first, "what ran before or beside it changed an episode");
}

async fn limits_hold(sandbox: &dyn Sandbox, cases: &SandboxCases) {
    let with = |job: &EpisodeJob, limits: EpisodeLimits| EpisodeJob { limits, ..job.clone() };
    let limits = EpisodeLimits { max_timesteps: 3, ..cases.failure.limits.clone() };
    let short = run(sandbox, &with(&cases.failure, limits)).await;
    assert_eq!((short.outcome, short.steps), (Outcome::Failure, 3));
    let episode_timeout = Duration::from_millis(500);
    let limits = EpisodeLimits { episode_timeout, ..cases.slow.limits.clone() };
    let cut = run(sandbox, &with(&cases.slow, limits)).await;
    let is_fault = matches!(cut.outcome, Outcome::PolicyFault(_) | Outcome::InfraFault(_));
    assert!(is_fault, "its time was up: {cut:?}");
    assert!(cut.elapsed >= episode_timeout, "its time was not up yet: {cut:?}");
}

async fn stopped_episodes_are_cancelled(sandbox: &dyn Sandbox, cases: &SandboxCases) {
    let stop = CancellationToken::new();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
        Instant::now()
    };
    let (result, stopped) = tokio::join!(sandbox.run(&cases.slow, &stop), stopping);
    assert!(stopped.elapsed() < NOTICE, "it went on for {:?}", stopped.elapsed());
    let result = result.expect("an episode can be run");
    assert_eq!(result.outcome, Outcome::Cancelled, "it was stopped");
    let result = sandbox.run(&cases.success, &stop).await.expect("an episode can be run");
    assert_eq!((result.outcome, result.steps), (Outcome::Cancelled, 0), "it was stopped before");
}
