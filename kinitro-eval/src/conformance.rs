//! What every environment family and every policy must keep to, as checks to call from tests.
//!
//! The crate runs them against its own, and whoever implements a trait of it should run them too:
//!
//! ```
//! use kinitro_eval::conformance;
//! use kinitro_eval::env::point::PointFamily;
//!
//! conformance::environment_family(&PointFamily);
//! ```

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kinitro_core::{Action, EnvId, Observation, Outcome, Seed, TaskConfig};

use crate::CancellationToken;
use crate::env::{
    Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, Registry, Task, TaskRng,
    Transition,
};
use crate::isolation::{EpisodeJob, EpisodeLimits, EpisodeResult, Sandbox, SandboxError};
use crate::policy::Policy;

/// Checks every environment of a family. The family's assets and renderer must be there.
///
/// # Panics
/// With what is wrong, at the first thing that is.
pub fn environment_family(family: &dyn EnvironmentFamily) {
    let tasks = family.tasks();
    assert!(!tasks.is_empty(), "the family has no environment");
    for task in &tasks {
        let id = EnvId::new(family.name(), task).expect("family and task make an id");
        let spec = family.spec(task).expect("a listed environment has a specification");
        assert_eq!(spec.id, id, "the specification is of another environment");
        assert!(spec.max_steps > 0 && spec.step_seconds > 0.0, "`{id}`: empty episodes");
        let make = || family.make(task).expect("a listed environment can be made");
        assert_eq!(*make().spec(), spec, "`{id}`: family and environment disagree");
        needs_a_reset(make().as_mut());
        tasks_grow_from_seeds(make().as_ref(), make().as_ref());
        episodes_repeat(make().as_mut(), make().as_mut());
        bad_actions_move_nothing(make().as_mut(), make().as_mut());
        foreign_tasks_are_refused(make().as_mut());
        cameras_take_pictures(make().as_mut());
        if let Some(mut expert) = family.expert(task) {
            let mut environment = make();
            let task = environment.generate_task(Seed(0));
            environment.reset(&task).expect("a task of its own");
            expert.reset();
            let state = environment.full_state().expect("an expert has a state to see");
            environment.step(&expert.act(&state)).expect("an expert acts as it must");
        }
    }
    for (alias, stands_for) in family.aliases() {
        assert!(!tasks.contains(&alias), "`{alias}` is a task and another name of one");
        assert!(!stands_for.is_empty(), "`{alias}` stands for nothing");
        for task in &stands_for {
            assert!(tasks.contains(task), "`{alias}` stands for `{task}`, which is no task");
        }
    }
    let missing = family.make("no-such-task-v0").err();
    assert!(
        matches!(missing, Some(EnvironmentError::UnknownEnvironment { .. })),
        "a task that is not there must be said to be unknown"
    );
    assert!(family.expert("no-such-task-v0").is_none(), "an expert for no task");
}

/// An action within the bounds, drawn at random.
fn some_action(spec: &EnvironmentSpec, rng: &mut TaskRng) -> Action {
    let mut action = Action::new();
    for channel in &spec.action.continuous {
        let (low, high) = channel.bounds.unwrap_or((-1.0, 1.0));
        let values: Vec<f64> = (0..channel.len).map(|_| rng.uniform(low, high)).collect();
        action.continuous.insert(channel.name.as_str(), values);
    }
    action
}

fn needs_a_reset(environment: &mut dyn Environment) {
    let spec = environment.spec().clone();
    let mut rng = TaskRng::new("conformance", &spec.id, Seed(0));
    let stepped = environment.step(&some_action(&spec, &mut rng));
    assert!(matches!(stepped, Err(EnvironmentError::NotReset)), "a step before the first reset");
}

fn tasks_grow_from_seeds(one: &dyn Environment, other: &dyn Environment) {
    let id = &one.spec().id;
    for seed in [0, 1, u64::MAX].map(Seed) {
        let task = one.generate_task(seed);
        assert_eq!(task, one.generate_task(seed), "`{id}`: a seed gave two tasks");
        assert_eq!(task, other.generate_task(seed), "`{id}`: a seed gave two tasks");
        assert_eq!((&task.env_id, task.seed), (id, seed), "`{id}`: the task names another origin");
    }
    assert_ne!(one.generate_task(Seed(0)), one.generate_task(Seed(1)), "`{id}`: one task for all");
}

/// A short episode of random actions.
fn episode(environment: &mut dyn Environment, task: &Task) -> (Observation, Vec<Transition>) {
    let spec = environment.spec().clone();
    let mut rng = TaskRng::new("conformance", &spec.id, task.seed);
    let first = environment.reset(task).expect("a task of its own");
    check_observation(&spec, &first);
    let step = |_| {
        let transition = environment.step(&some_action(&spec, &mut rng)).expect("a good action");
        check_observation(&spec, &transition.observation);
        assert!(transition.reward.is_finite(), "`{}`: the reward is not finite", spec.id);
        transition
    };
    (first, (0..spec.max_steps.min(25)).map(step).collect())
}

fn check_observation(spec: &EnvironmentSpec, observation: &Observation) {
    let id = &spec.id;
    assert!(observation.rgb.is_empty(), "`{id}`: pictures that nobody asked for");
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
    let (task, between) = (one.generate_task(Seed(7)), one.generate_task(Seed(8)));
    let first = episode(one, &task);
    episode(one, &between);
    assert_eq!(episode(one, &task), first, "`{id}`: what ran before changed an episode");
    assert_eq!(episode(other, &task), first, "`{id}`: two instances ran different episodes");
}

fn bad_actions_move_nothing(one: &mut dyn Environment, other: &mut dyn Environment) {
    let spec = one.spec().clone();
    let id = &spec.id;
    let task = one.generate_task(Seed(3));
    one.reset(&task).expect("a task of its own");
    other.reset(&task).expect("a task of its own");
    let mut rng = TaskRng::new("conformance", id, Seed(3));
    let good = some_action(&spec, &mut rng);
    let channel = spec.action.continuous.first().expect("some action can be taken");
    let bad = [
        Action::new(),
        good.clone().with(&channel.name, vec![f64::NAN; channel.len]),
        good.clone().with(&channel.name, vec![f64::INFINITY; channel.len]),
        good.clone().with(&channel.name, vec![0.0; channel.len + 1]),
        good.clone().with("no_such_channel", [0.0]),
    ];
    for action in bad {
        let taken = one.step(&action);
        assert!(matches!(taken, Err(EnvironmentError::Action(_))), "`{id}` took {action:?}");
    }
    let (after_bad, without) = (one.step(&good), other.step(&good));
    let (after_bad, without) = (after_bad.expect("a good action"), without.expect("a good action"));
    assert_eq!(after_bad, without, "`{id}`: an action that was refused moved the world");
    let wild = good.with(&channel.name, vec![1e9; channel.len]);
    one.step(&wild).expect("a finite action outside its bounds is clamped");
}

fn foreign_tasks_are_refused(environment: &mut dyn Environment) {
    let own = environment.generate_task(Seed(0));
    let foreign = "no-such-family/no-such-task".parse().expect("it is of the form family/task");
    let bad = [
        Task { env_id: foreign, ..own.clone() },
        Task { placement: [own.placement.as_slice(), &[0.0]].concat(), ..own },
    ];
    for task in bad {
        let reset = environment.reset(&task);
        assert!(matches!(reset, Err(EnvironmentError::Task { .. })), "{task:?} was taken");
    }
}

fn cameras_take_pictures(environment: &mut dyn Environment) {
    let spec = environment.spec().clone();
    let task = environment.generate_task(Seed(0));
    environment.reset(&task).expect("a task of its own");
    for camera in &spec.cameras {
        let picture = environment.render(&camera.name).expect("a camera of its own");
        let size = (picture.height(), picture.width());
        assert_eq!(size, (camera.height, camera.width), "`{}`: size of a picture", spec.id);
        let again = environment.render(&camera.name).expect("a camera of its own");
        assert_eq!(picture, again, "`{}`: looking changed the picture", spec.id);
    }
    let unknown = environment.render("no-such-camera");
    assert!(
        matches!(unknown, Err(EnvironmentError::UnknownCamera { .. })),
        "a camera that is none"
    );
}

/// Checks that a policy acts in an environment as it must: the same in the same episode, whatever
/// it did before, with actions that fit. It must be deterministic.
///
/// # Panics
/// With what is wrong, at the first thing that is.
pub async fn policy(policy: &mut dyn Policy, registry: &Registry, env_id: &EnvId) {
    let mut environment = registry.make(env_id).expect("the environment can be made");
    assert!(!policy.name().is_empty(), "a policy has a name");
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
    let task = environment.generate_task(seed);
    let mut observation = environment.reset(&task).expect("a task of its own");
    policy.reset(&TaskConfig::new(task.env_id.clone(), seed)).await.expect("it can be reset");
    let mut actions = Vec::new();
    for _ in 0..10 {
        let action = if policy.needs_full_state() {
            let state = environment.full_state().expect("the environment shows its state");
            policy.act_on_state(&observation, &state).await
        } else {
            policy.act(&observation).await
        };
        let action = action.expect("it acts");
        observation = environment.step(&action).expect("its actions fit").observation;
        actions.push(action);
    }
    actions
}

/// Episodes that a sandbox is tried with.
#[derive(Debug, Clone)]
pub struct SandboxCases {
    /// One in which the robot does it.
    pub success: EpisodeJob,
    /// One in which it does not, however often it is asked.
    pub failure: EpisodeJob,
    /// One whose policy is at fault.
    pub fault: EpisodeJob,
    /// One whose policy keeps to its limits, and takes at least 20 ms for each of 500 steps that lead
    /// nowhere.
    pub slow: EpisodeJob,
}

/// How long a sandbox may take to notice that an episode is over. Far more than any needs.
const NOTICE: Duration = Duration::from_secs(20);

/// Checks that a sandbox keeps to what [`Sandbox`] says.
///
/// # Panics
/// With what is wrong, at the first thing that is.
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
