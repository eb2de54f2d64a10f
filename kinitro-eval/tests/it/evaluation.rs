//! Evaluations: the same episodes whatever the circumstances, and nothing lost. All on the point
//! environment, which needs no simulator.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kinitro_core::{
    Action, EnvId, InfraFaultKind, Observation, Outcome, PolicyFault, PolicyFaultKind, Seed,
};
use kinitro_eval::env::point::PointFamily;
use kinitro_eval::env::{
    Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, Scenario,
    Transition,
};
use kinitro_eval::report::{EPISODES_FILE, FolderError, MANIFEST_FILE, SUMMARY_FILE};
use kinitro_eval::{
    CancellationToken, EpisodeRecord, EpisodeStart, Evaluation, EvaluationError, EvaluationReport,
    Event, Policy, RandomPolicy, Registry,
};

fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.register(PointFamily);
    registry
}

fn evaluation(policy: impl Policy + Clone + 'static) -> Evaluation {
    of_points(Evaluation::new(policy))
}

fn of_points(evaluation: Evaluation) -> Evaluation {
    evaluation.registry(registry()).env("toy/point-v0").episodes(12).seed(3).workers(2)
}

fn expert() -> Evaluation {
    of_points(Evaluation::of_experts())
}

fn random() -> Evaluation {
    evaluation(RandomPolicy::new())
}

fn same(one: &[EpisodeRecord], other: &[EpisodeRecord]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.same_episode(b))
}

/// What a test's policy does when it is asked to act.
#[derive(Clone, Copy, Debug)]
enum Manner {
    NotANumber,
    TooFewNumbers,
    UnknownChannel,
    Nothing,
    NeverAnswers,
    Fails,
    Panics,
}

#[derive(Clone)]
struct Misbehaving(Manner);

#[async_trait]
impl Policy for Misbehaving {
    fn name(&self) -> String {
        format!("{:?}", self.0)
    }

    async fn reset(&mut self, _: &EpisodeStart) -> Result<(), PolicyFault> {
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        match self.0 {
            Manner::NotANumber => Ok(Action::new().with("base_vel", [f64::NAN, 0.0])),
            Manner::TooFewNumbers => Ok(Action::new().with("base_vel", [0.0])),
            Manner::UnknownChannel => Ok(Action::new().with("wheels", [0.0])),
            Manner::Nothing => Ok(Action::new()),
            Manner::NeverAnswers => std::future::pending().await,
            Manner::Fails => Err(PolicyFault::new(PolicyFaultKind::Error, "out of memory")),
            Manner::Panics => panic!("index out of bounds"),
        }
    }
}

#[test]
fn a_fault_of_the_policy_counts_as_zero_and_says_what_it_was() {
    for (manner, kind, detail) in [
        (Manner::NotANumber, PolicyFaultKind::BadAction, "NaN at index 0"),
        (Manner::TooFewNumbers, PolicyFaultKind::BadAction, "1 numbers instead of 2"),
        (Manner::UnknownChannel, PolicyFaultKind::BadAction, "unknown channel `wheels`"),
        (Manner::Nothing, PolicyFaultKind::BadAction, "no channel `base_vel`"),
        (Manner::NeverAnswers, PolicyFaultKind::Timeout, "longer than 50 ms"),
        (Manner::Fails, PolicyFaultKind::Error, "out of memory"),
    ] {
        let limit = Duration::from_millis(50);
        let report = evaluation(Misbehaving(manner)).episodes(2).action_timeout(limit);
        let report = report.run_blocking().unwrap();
        for episode in &report.episodes {
            let Outcome::PolicyFault(fault) = &episode.outcome else {
                panic!("{manner:?} ended in {:?}", episode.outcome);
            };
            assert_eq!(fault.kind, kind);
            assert!(fault.detail.contains(detail), "{manner:?}: {}", fault.detail);
        }
        let summary = &report.summary.environments[0];
        assert_eq!((summary.episodes, summary.successes), (2, 0));
        assert_eq!(summary.faults[&format!("policy_fault:{}", kind.as_str())], 2);
    }
}

#[test]
fn a_panic_in_a_policy_ends_the_evaluation_with_its_message() {
    let error = evaluation(Misbehaving(Manner::Panics)).run_blocking().unwrap_err();
    assert!(matches!(&error, EvaluationError::Panic(text) if text.contains("out of bounds")));
}

#[test]
fn the_number_of_workers_changes_nothing_but_the_time() {
    let one = random().workers(1).run_blocking().unwrap();
    for workers in [2, 5, 64] {
        let other = random().workers(workers).run_blocking().unwrap();
        assert!(same(&one.episodes, &other.episodes), "{workers} workers");
    }
    let other_seed = random().seed(4).run_blocking().unwrap();
    assert!(!same(&one.episodes, &other_seed.episodes));
    assert!(same(&one.episodes[1..], &other_seed.episodes[..11]), "seeds overlap by one");
}

#[test]
fn the_expert_succeeds_and_the_summary_says_so() {
    let report = expert().run_blocking().unwrap();
    let summary = &report.summary.environments[0];
    assert_eq!((summary.episodes, summary.successes), (12, 12));
    assert_eq!(report.summary.mean_success_rate, Some(1.0));
    assert!(report.summary.complete && !report.stopped);
    assert!((summary.interval.low - 0.757).abs() < 0.001, "{:?}", summary.interval);
    let lengths: u32 = report.episodes.iter().map(|episode| episode.steps).sum();
    assert_eq!(summary.mean_length, Some(f64::from(lengths) / 12.0));
}

#[test]
fn a_policy_that_cannot_be_cloned_is_made_for_each_worker() {
    /// Not `Clone`, and it says itself whether it looks.
    struct Unique(RandomPolicy);
    #[async_trait]
    impl Policy for Unique {
        fn name(&self) -> String {
            unreachable!("the name was given with the factory")
        }
        fn uses_images(&self) -> bool {
            false
        }
        async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
            self.0.reset(start).await
        }
        async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
            assert!(observation.rgb.is_empty(), "a picture for a policy that does not look");
            self.0.act(observation).await
        }
    }
    let made = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&made);
    let factory = move || {
        count.fetch_add(1, Ordering::Relaxed);
        Unique(RandomPolicy::new())
    };
    let report = of_points(Evaluation::from_factory("random", factory)).run_blocking().unwrap();
    let made = made.load(Ordering::Relaxed);
    assert!((1..=2).contains(&made), "{made} policies for two workers");
    assert_eq!(report.summary.policy, "random");
    assert!(same(&report.episodes, &random().run_blocking().unwrap().episodes));
}

#[test]
fn controllers_of_ones_own_see_the_full_state() {
    struct Diagonal;
    impl Controller for Diagonal {
        fn act(&mut self, state: &[f64]) -> Action {
            assert_eq!(state.len(), 4, "the point and the goal");
            Action::new().with("base_vel", [1.0, 1.0])
        }
    }
    let diagonal = Evaluation::of_controllers("diagonal", |_| Some(Box::new(Diagonal)));
    let report = of_points(diagonal).run_blocking().unwrap();
    assert_eq!((report.summary.policy.as_str(), report.episodes.len()), ("diagonal", 12));
    assert!(report.episodes.iter().all(|episode| episode.outcome.score().is_some()));

    let none = of_points(Evaluation::of_controllers("none", |_| None)).run_blocking();
    assert_eq!(none.unwrap_err().to_string(), "`toy/point-v0` has no scripted expert");
}

#[tokio::test]
async fn it_runs_inside_an_asynchronous_program_and_stops_when_dropped() {
    let report = random().run().await.unwrap();
    assert_eq!(report.episodes.len(), 12);

    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    let endless = evaluation(Misbehaving(Manner::NeverAnswers))
        .action_timeout(Duration::from_millis(20))
        .episodes(100_000)
        .on_event(move |event| {
            if let Event::Episode(_) = event {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
    let dropped = tokio::time::timeout(Duration::from_millis(300), endless.run()).await;
    assert!(dropped.is_err());
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let before = steps.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(200)).await;
        if steps.load(Ordering::SeqCst) == before {
            break;
        }
        assert!(Instant::now() < deadline, "it runs on although nobody waits for it");
    }
}

/// A policy that takes its time, so that there is one to stop it in.
#[derive(Clone)]
struct Unhurried(RandomPolicy);

#[async_trait]
impl Policy for Unhurried {
    fn name(&self) -> String {
        self.0.name()
    }
    fn uses_images(&self) -> bool {
        self.0.uses_images()
    }
    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        self.0.reset(start).await
    }
    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.0.act(observation).await
    }
}

#[test]
fn a_stopped_evaluation_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = random().run_blocking().unwrap();
    let stop = CancellationToken::new();
    let switch = stop.clone();
    let first = evaluation(Unhurried(RandomPolicy::new()))
        .out(folder.path())
        .workers(1)
        .stop(stop)
        .on_event(move |event| {
            if let Event::Episode(record) = event
                && record.seed == Seed(6)
            {
                switch.cancel();
            }
        })
        .run_blocking()
        .unwrap();
    assert!(first.stopped && !first.summary.complete);
    assert!(first.episodes.len() < 12, "it was stopped before the end");

    let run = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&run);
    let second = random()
        .out(folder.path())
        .on_event(move |event| {
            if let Event::Episode(record) = event {
                seen.lock().unwrap().push(record.seed);
            }
        })
        .run_blocking()
        .unwrap();
    assert_eq!(run.lock().unwrap().len(), 12 - first.episodes.len());
    assert!(same(&second.episodes, &undisturbed.episodes));
    assert!(second.summary.complete);
}

fn finished(folder: &Path) -> EvaluationReport {
    random().out(folder).run_blocking().unwrap()
}

fn lines(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(EPISODES_FILE)).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_torn_last_line_is_dropped_and_its_episode_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let undisturbed = finished(folder.path());
    let path = folder.path().join(EPISODES_FILE);
    let whole = fs::read(&path).unwrap();
    let last = whole.len() - lines(folder.path()).last().unwrap().len() - 1;
    let torn = [
        whole[..last + 40].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..last], b"\0\0\0\0\0\0".as_slice()].concat(),
        [&whole[..last], b"{\"env_id\": \"toy\"}\n".as_slice()].concat(),
        [&whole[..last], &[0xff, 0xfe]].concat(),
    ];
    for bytes in torn {
        fs::write(&path, bytes).unwrap();
        assert!(same(&finished(folder.path()).episodes, &undisturbed.episodes));
        assert_eq!(lines(folder.path()).len(), 12);
    }
}

#[test]
fn damage_elsewhere_is_an_error_that_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    finished(folder.path());
    let path = folder.path().join(EPISODES_FILE);
    let whole = lines(folder.path());
    let damage = [
        (whole[2].replace("\"seed\"", "\"sead\""), "not a record"),
        (whole[2].replace("\"seed\":", "\"seed\":9"), "no part of this evaluation"),
        (whole[1].clone(), "there twice"),
        (String::new(), "not a record"),
    ];
    for (line, reason) in damage {
        let mut changed = whole.clone();
        changed[2] = line;
        fs::write(&path, changed.join("\n") + "\n").unwrap();
        let before = fs::read(&path).unwrap();
        let error = random().out(folder.path()).run_blocking().unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains(reason), "{error}");
        assert_eq!(fs::read(&path).unwrap(), before, "a damaged file is left as it is");
    }
}

#[test]
fn a_folder_of_another_evaluation_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    finished(folder.path());
    let before = lines(folder.path());
    for (other, field) in [
        (random().seed(4), "seed"),
        (random().episodes(13), "episodes"),
        (random().max_steps(9), "max_steps"),
        (expert(), "policy"),
        (random().images(true), "cameras"),
        (random().action_timeout(Duration::from_secs(1)), "action_timeout"),
    ] {
        let error = other.out(folder.path()).run_blocking().unwrap_err();
        let EvaluationError::Folder(FolderError::OtherEvaluation { fields, .. }) = &error else {
            panic!("{error}");
        };
        assert_eq!(fields, &[field]);
    }
    assert_eq!(lines(folder.path()), before);
    // Neither the number of workers nor the command line makes it another.
    random().workers(1).arguments(["x".to_owned()]).out(folder.path()).run_blocking().unwrap();
}

#[test]
fn a_folder_with_something_else_in_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "years of work").unwrap();
    let error = random().out(folder.path()).run_blocking().unwrap_err();
    assert!(matches!(error, EvaluationError::Folder(FolderError::NotResults { .. })), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn two_evaluations_cannot_write_to_one_folder_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    let outcome = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&outcome);
    random()
        .out(&path)
        .workers(1)
        .on_event({
            let path = path.clone();
            move |event| {
                if let Event::Started { .. } = event {
                    *inner.lock().unwrap() = Some(random().out(&path).run_blocking());
                }
            }
        })
        .run_blocking()
        .unwrap();
    let second = outcome.lock().unwrap().take().unwrap().unwrap_err();
    assert!(matches!(second, EvaluationError::Folder(FolderError::InUse { .. })), "{second}");
}

#[test]
fn the_files_are_what_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let report = finished(folder.path());
    let json = |file| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(folder.path().join(file)).unwrap()).unwrap()
    };
    assert_eq!(json(MANIFEST_FILE), serde_json::to_value(&report.manifest).unwrap());
    assert_eq!(json(SUMMARY_FILE), serde_json::to_value(&report.summary).unwrap());
    let records = lines(folder.path());
    assert_eq!(records.len(), 12);
    let record: serde_json::Value = serde_json::from_str(&records[0]).unwrap();
    let keys: Vec<_> = record.as_object().unwrap().keys().cloned().collect();
    let expected =
        ["env_id", "latency", "outcome", "seconds", "seed", "steps", "total_reward", "trajectory"];
    assert_eq!(keys, expected);
    assert!(same(&finished(folder.path()).episodes, &report.episodes));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let wrong = [
        (random().episodes(0), "zero episodes"),
        (random().workers(0), "zero workers"),
        (random().max_steps(0), "zero steps"),
        (random().action_timeout(Duration::ZERO), "time limit"),
        (random().seed(u64::MAX), "2^64"),
        (Evaluation::new(RandomPolicy::new()), "no environment"),
    ];
    for (evaluation, reason) in wrong {
        let error = evaluation.run_blocking().unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let error = random().camera("abvoe").run_blocking().unwrap_err().to_string();
    assert!(error.contains("no camera `abvoe`; did you mean above?"), "{error}");
    let error = random().env("toy/piont-v0").run_blocking().unwrap_err().to_string();
    assert!(error.contains("did you mean toy/point-v0?"), "{error}");
}

#[test]
fn pictures_are_taken_only_for_those_who_look() {
    #[derive(Clone)]
    struct Looking(Arc<Mutex<Vec<String>>>);
    #[async_trait]
    impl Policy for Looking {
        fn name(&self) -> String {
            "looking".to_owned()
        }
        async fn reset(&mut self, _: &EpisodeStart) -> Result<(), PolicyFault> {
            Ok(())
        }
        async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
            self.0.lock().unwrap().extend(observation.rgb.keys().cloned());
            Ok(Action::new().with("base_vel", [0.0, 0.0]))
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let run = |evaluation: Evaluation| {
        seen.lock().unwrap().clear();
        evaluation.episodes(1).max_steps(2).run_blocking().unwrap();
        seen.lock().unwrap().clone()
    };
    let looking = || evaluation(Looking(Arc::clone(&seen)));
    assert_eq!(run(looking()), ["above", "above"]);
    assert_eq!(run(looking().camera("above")), ["above", "above"]);
    assert!(run(looking().images(false)).is_empty());
}

/// The point environment, which breaks down in every first try of an even seed, and always in
/// seed 9.
struct Fragile {
    tries: Arc<Mutex<std::collections::BTreeMap<Seed, u32>>>,
}

struct FragilePoint {
    inner: Box<dyn Environment>,
    tries: Arc<Mutex<std::collections::BTreeMap<Seed, u32>>>,
    breaks: bool,
}

impl EnvironmentFamily for Fragile {
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
        let inner = PointFamily.make(task)?;
        Ok(Box::new(FragilePoint { inner, tries: Arc::clone(&self.tries), breaks: false }))
    }
}

impl Environment for FragilePoint {
    fn spec(&self) -> &EnvironmentSpec {
        self.inner.spec()
    }
    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        self.inner.generate_scenario(seed)
    }
    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        let mut tries = self.tries.lock().unwrap();
        let tries = tries.entry(scenario.seed).or_insert(0);
        *tries += 1;
        let seed = scenario.seed;
        self.breaks = (seed.0.is_multiple_of(2) && *tries == 1) || seed == Seed(9);
        self.inner.reset(scenario)
    }
    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        if self.breaks {
            return Err(EnvironmentError::Simulation("a position is not a number".to_owned()));
        }
        self.inner.step(action)
    }
    fn render(&mut self, camera: &str) -> Result<kinitro_core::Image, EnvironmentError> {
        self.inner.render(camera)
    }
}

#[test]
fn a_simulator_that_breaks_down_is_tried_again_and_never_counted() {
    let folder = tempfile::tempdir().unwrap();
    let tries = Arc::new(Mutex::new(std::collections::BTreeMap::new()));
    let run = || {
        let mut fragile = Registry::empty();
        fragile.register(Fragile { tries: Arc::clone(&tries) });
        random().registry(fragile).out(folder.path()).run_blocking().unwrap()
    };
    let report = run();
    let sound = random().run_blocking().unwrap();
    let summary = &report.summary.environments[0];
    assert_eq!(summary.episodes, 11, "seed 9 does not count");
    assert_eq!(summary.faults["infra_fault:simulator"], 1);
    assert!(!report.summary.complete);
    for (episode, sound) in report.episodes.iter().zip(&sound.episodes) {
        match &episode.outcome {
            Outcome::InfraFault(fault) => {
                assert_eq!((episode.seed, fault.kind), (Seed(9), InfraFaultKind::Simulator));
            }
            _ => assert!(episode.same_episode(sound), "a second try is the same episode"),
        }
    }
    assert_eq!(tries.lock().unwrap()[&Seed(9)], 3);
    // The next run tries what broke down, and nothing else.
    run();
    assert_eq!(tries.lock().unwrap()[&Seed(9)], 6);
    assert_eq!(tries.lock().unwrap()[&Seed(5)], 1);
}

#[test]
fn globs_name_each_environment_once() {
    let report = random().env("toy/*").env("*/*").episodes(2).run_blocking().unwrap();
    let expected: EnvId = "toy/point-v0".parse().unwrap();
    assert_eq!(report.manifest.evaluation.environments, [expected]);
    assert_eq!(report.episodes.len(), 2);
}
