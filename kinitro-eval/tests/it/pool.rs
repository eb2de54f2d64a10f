//! A pool of environments does in each slot what a single environment does, whatever the threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kinitro_core::{Action, EnvId, Image, Observation, Seed};
use kinitro_eval::env::point::PointFamily;
use kinitro_eval::env::{
    AssetsError, AssetsErrorKind, Environment, EnvironmentError, EnvironmentFamily,
    EnvironmentSpec, EpisodeStatus, PoolError, PoolOptions, Registry, Scenario,
    SlotStatus as Status, Transition, VecEnvironment,
};
use ndarray::{Array2, Axis, s};
use proptest::prelude::*;

fn points(slots: usize, options: PoolOptions) -> VecEnvironment {
    let mut registry = Registry::empty();
    registry.register(PointFamily);
    let ids = vec!["toy/point-v0".parse().unwrap(); slots];
    VecEnvironment::new(&registry, &ids, options).unwrap()
}

fn with_pictures(threads: usize) -> PoolOptions {
    PoolOptions::default().with_threads(threads).with_camera("above").with_max_steps(9)
}

/// One environment alone, told as a row of a pool is.
struct Single {
    environment: Box<dyn Environment>,
    row: (Vec<f64>, f64, Status, u32, Option<Image>),
}

impl Single {
    fn new() -> Self {
        let environment = PointFamily.make("point-v0").unwrap();
        Self { environment, row: (vec![0.0; 2], 0.0, Status::Idle, 0, None) }
    }

    fn reset(&mut self, seed: Seed) {
        let task = self.environment.generate_scenario(seed).unwrap();
        let seen = self.environment.reset(&task).unwrap();
        self.row = (flat(&seen), 0.0, Status::Running, 0, self.environment.render("above").ok());
    }

    fn step(&mut self, action: [f64; 2], max_steps: u32) {
        let action = Action::new().with("base_vel", action);
        let transition = self.environment.step(&action).unwrap();
        let steps = self.row.3 + 1;
        let status = match transition.status {
            EpisodeStatus::Success => Status::Success,
            EpisodeStatus::Failure => Status::Failure,
            EpisodeStatus::Running if steps == max_steps => Status::OutOfSteps,
            EpisodeStatus::Running => Status::Running,
        };
        let picture = self.environment.render("above").ok();
        self.row = (flat(&transition.observation), transition.reward, status, steps, picture);
    }
}

fn flat(observation: &Observation) -> Vec<f64> {
    observation.proprio.iter().flat_map(|(_, values)| values.to_vec()).collect()
}

fn same(pool: &VecEnvironment, slot: usize, single: &Single) {
    let batch = pool.batch();
    let (observation, reward, status, steps, picture) = &single.row;
    let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&batch.observations.row(slot).to_vec()), bits(observation), "slot {slot}");
    assert_eq!(batch.rewards[slot].to_bits(), reward.to_bits(), "slot {slot}");
    assert_eq!((batch.statuses[slot], batch.steps[slot]), (*status, *steps), "slot {slot}");
    if let Some(picture) = picture {
        assert_eq!(batch.pictures[0].index_axis(Axis(0), slot), picture.view(), "slot {slot}");
    }
}

#[derive(Debug, Clone)]
enum Move {
    /// Every running slot takes the same two numbers, turned by its own number.
    Step(f64, f64),
    Reset(usize, u64),
    /// These slots, in this order, one by one.
    Send(Vec<usize>, f64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let number = || -1.5..1.5_f64;
    let one = prop_oneof![
        4 => (number(), number()).prop_map(|(x, y)| Move::Step(x, y)),
        1 => (0..6_usize, 0..50_u64).prop_map(|(slot, seed)| Move::Reset(slot, seed)),
        2 => (prop::collection::vec(0..6_usize, 1..6), number())
            .prop_map(|(slots, x)| Move::Send(slots, x)),
    ];
    prop::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_pool_equals_as_many_single_environments(
        slots in 1..7_usize,
        threads in 1..5_usize,
        first in 0..1000_u64,
        moves in moves(),
    ) {
        let mut pool = points(slots, with_pictures(threads));
        let mut singles: Vec<Single> = (0..slots).map(|_| Single::new()).collect();
        pool.reset_all(Seed(first)).unwrap();
        for (slot, single) in singles.iter_mut().enumerate() {
            single.reset(Seed(first + slot as u64));
        }
        let turned = |slot: usize, x: f64, y: f64| {
            let (sin, cos) = (slot as f64).sin_cos();
            [cos * x - sin * y, sin * x + cos * y]
        };
        for action in moves {
            let running = |single: &Single| single.row.2 == Status::Running;
            if !matches!(action, Move::Send(..)) {
                // Who takes no part in what is done at once has no reward of it.
                singles.iter_mut().for_each(|single| single.row.1 = 0.0);
            }
            match action {
                Move::Step(x, y) => {
                    // What is in the rows of slots that do not run is nobody's business.
                    let actions = Array2::from_shape_fn((slots, 2), |(slot, axis)| {
                        if running(&singles[slot]) { turned(slot, x, y)[axis] } else { f64::NAN }
                    });
                    pool.step(actions.view()).unwrap();
                    for (slot, single) in singles.iter_mut().enumerate() {
                        if running(single) {
                            single.step(turned(slot, x, y), 9);
                        }
                    }
                }
                Move::Reset(slot, seed) => {
                    let slot = slot % slots;
                    pool.reset(&[(slot, Seed(seed))]).unwrap();
                    singles[slot].reset(Seed(seed));
                }
                Move::Send(order, x) => {
                    let mut sent = Vec::new();
                    for slot in order.into_iter().map(|slot| slot % slots) {
                        match pool.send(slot, &[x, x]) {
                            Ok(()) => sent.push(slot),
                            Err(PoolError::Busy { .. }) => assert!(sent.contains(&slot)),
                            Err(PoolError::NotRunning { .. }) => assert!(!running(&singles[slot])),
                            Err(error) => panic!("{error}"),
                        }
                    }
                    for slot in &sent {
                        singles[*slot].step([x, x], 9);
                    }
                    let mut received: Vec<usize> = std::iter::from_fn(|| pool.recv()).collect();
                    received.sort_unstable();
                    sent.sort_unstable();
                    prop_assert_eq!(received, sent);
                }
            }
            for (slot, single) in singles.iter().enumerate() {
                same(&pool, slot, single);
            }
        }
    }
}

#[test]
fn finished_slots_are_left_alone_until_they_are_reset() {
    let options = PoolOptions::default().with_max_steps(3);
    let mut pool = points(2, options);
    pool.reset_all(Seed(0)).unwrap();
    let still = Array2::zeros((2, 2));
    for _ in 0..3 {
        pool.step(still.view()).unwrap();
    }
    assert_eq!(pool.batch().statuses, [Status::OutOfSteps; 2]);
    let before = pool.batch().observations.clone();
    pool.reset(&[(1, Seed(5))]).unwrap();
    let batch = pool.step(Array2::ones((2, 2)).view()).unwrap();
    assert_eq!(batch.statuses, [Status::OutOfSteps, Status::Running]);
    assert_eq!(batch.steps.to_vec(), [3, 1]);
    assert_eq!(batch.observations.row(0), before.row(0));
    assert_ne!(batch.observations.row(1), before.row(1));
    assert_eq!(batch.rewards[0], 0.0);
}

#[test]
fn bad_actions_and_slots_are_refused_before_anything_moves() {
    let mut pool = points(3, PoolOptions::default());
    assert!(matches!(pool.send(0, &[0.0; 2]), Err(PoolError::NotRunning { slot: 0 })));
    pool.reset_all(Seed(0)).unwrap();
    let before = pool.batch().clone();
    let mut actions = Array2::zeros((3, 2));
    actions[[2, 1]] = f64::INFINITY;
    let refused = pool.step(actions.view()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "slot 2: channel `base_vel` holds inf at index 1; actions must be finite"
    );
    let shape = pool.step(Array2::zeros((3, 3)).view()).unwrap_err();
    assert_eq!(shape.to_string(), "the actions are of shape (3, 3) instead of (3, 2)");
    assert!(matches!(pool.send(1, &[0.0]), Err(PoolError::Shape { .. })));
    assert!(matches!(pool.send(1, &[0.0, f64::NAN]), Err(PoolError::Action { slot: 1, .. })));
    assert!(matches!(pool.send(3, &[0.0; 2]), Err(PoolError::NoSlot { slot: 3, slots: 3 })));
    let twice = pool.reset(&[(1, Seed(4)), (1, Seed(5))]);
    assert!(matches!(twice, Err(PoolError::Busy { slot: 1 })));
    assert!(matches!(pool.reset_all(Seed(u64::MAX - 1)), Err(PoolError::Settings(_))));
    assert_eq!(*pool.batch(), before);
    assert_eq!(pool.recv(), None);

    pool.send(1, &[0.0; 2]).unwrap();
    assert_eq!(pool.at_work(), 1);
    assert!(matches!(pool.send(1, &[0.0; 2]), Err(PoolError::Busy { slot: 1 })));
    assert!(matches!(pool.step(Array2::zeros((3, 2)).view()), Err(PoolError::Busy { slot: 1 })));
    assert_eq!((pool.recv(), pool.recv()), (Some(1), None));
    assert_eq!(pool.batch().steps.to_vec(), [0, 1, 0]);
}

#[test]
fn a_pool_that_makes_no_sense_is_not_made() {
    let mut registry = Registry::empty();
    registry.register(PointFamily);
    registry.register(Brittle::default());
    let point: EnvId = "toy/point-v0".parse().unwrap();
    let make = |ids: &[EnvId], options| VecEnvironment::new(&registry, ids, options).unwrap_err();
    let plain = PoolOptions::default;
    assert!(matches!(make(&[], plain()), PoolError::Settings(_)));
    let ids = [point.clone()];
    assert!(matches!(make(&ids, plain().with_threads(0)), PoolError::Settings(_)));
    assert!(make(&ids, plain().with_camera("below")).to_string().contains("no camera `below`"));
    let misfit = make(&[point, "brittle/long-v0".parse().unwrap()], plain()).to_string();
    assert_eq!(misfit, "`brittle/long-v0` does not fit beside `toy/point-v0`: its steps differ");
    let absent = make(&["brittle/absent-v0".parse().unwrap()], plain());
    assert!(absent.to_string().contains("not on this machine"), "{absent}");
}

/// A point whose world breaks down, panics, or cannot even be made.
#[derive(Debug, Clone, Default)]
struct Brittle {
    made: Arc<AtomicU32>,
}

impl EnvironmentFamily for Brittle {
    fn name(&self) -> &str {
        "brittle"
    }

    fn tasks(&self) -> Vec<String> {
        ["breaks-v0", "panics-v0", "slow-v0", "long-v0", "absent-v0"].map(str::to_owned).to_vec()
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        let mut spec = PointFamily.spec("point-v0")?;
        spec.id = EnvId::new("brittle", task).unwrap();
        Ok(if task == "long-v0" { spec.with_max_steps(1000) } else { spec })
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        if task == "absent-v0" {
            let problem = "its files are not on this machine";
            return Err(AssetsError::new("brittle", AssetsErrorKind::Missing, problem).into());
        }
        self.made.fetch_add(1, Ordering::Relaxed);
        let (task, inner) = (task.to_owned(), PointFamily.make("point-v0")?);
        Ok(Box::new(BrittleEnvironment { spec: self.spec(&task)?, task, inner, steps: 0 }))
    }
}

struct BrittleEnvironment {
    spec: EnvironmentSpec,
    task: String,
    inner: Box<dyn Environment>,
    steps: u32,
}

impl Environment for BrittleEnvironment {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        self.inner.generate_scenario(seed)
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        self.steps = 0;
        self.inner.reset(scenario)
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        self.steps += 1;
        match self.task.as_str() {
            "breaks-v0" if self.steps == 2 => Err(EnvironmentError::Simulation("torn".to_owned())),
            "panics-v0" if self.steps == 2 => panic!("out of luck"),
            "slow-v0" => {
                std::thread::sleep(std::time::Duration::from_millis(300));
                self.inner.step(action)
            }
            _ => self.inner.step(action),
        }
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        self.inner.render(camera)
    }
}

fn brittle(tasks: &[&str], threads: usize) -> (Brittle, VecEnvironment) {
    let family = Brittle::default();
    let mut registry = Registry::empty();
    registry.register(PointFamily);
    registry.register(family.clone());
    let ids: Vec<EnvId> = tasks.iter().map(|task| task.parse().unwrap()).collect();
    let options = PoolOptions::default().with_threads(threads);
    (family, VecEnvironment::new(&registry, &ids, options).unwrap())
}

#[test]
fn a_slot_that_fails_or_panics_fails_alone_and_is_made_anew() {
    for threads in [1, 2] {
        let tasks = ["brittle/breaks-v0", "toy/point-v0", "brittle/panics-v0"];
        let (family, mut pool) = brittle(&tasks, threads);
        pool.reset_all(Seed(0)).unwrap();
        let still = Array2::zeros((3, 2));
        pool.step(still.view()).unwrap();
        assert_eq!(pool.batch().statuses, [Status::Running; 3]);
        let seen = pool.batch().observations.clone();
        for _ in 0..3 {
            pool.step(still.view()).unwrap();
            let batch = pool.batch();
            assert_eq!(batch.statuses, [Status::Broken, Status::Running, Status::Broken]);
            assert_eq!(batch.observations.slice(s![0, ..]), seen.slice(s![0, ..]));
        }
        assert_eq!(pool.batch().steps.to_vec(), [1, 4, 1]);
        assert!(pool.breakdown(0).unwrap().contains("torn"));
        assert_eq!(pool.breakdown(1), None);
        assert!(pool.breakdown(2).unwrap().contains("panicked: out of luck"));
        assert!(matches!(pool.send(2, &[0.0; 2]), Err(PoolError::NotRunning { slot: 2 })));

        assert_eq!(family.made.load(Ordering::Relaxed), 2);
        pool.reset_all(Seed(9)).unwrap();
        assert_eq!(family.made.load(Ordering::Relaxed), 4, "what has failed is used again");
        assert_eq!(pool.batch().statuses, [Status::Running; 3]);
        assert_eq!((pool.breakdown(0), pool.breakdown(2)), (None, None));
    }
}

#[test]
fn who_is_done_first_is_received_first() {
    let (_, mut pool) = brittle(&["brittle/slow-v0", "toy/point-v0"], 2);
    pool.reset_all(Seed(0)).unwrap();
    for slot in [0, 1] {
        pool.send(slot, &[0.0; 2]).unwrap();
    }
    assert_eq!(pool.recv(), Some(1));
    // It goes on while the other is still at work.
    pool.send(1, &[0.0; 2]).unwrap();
    assert_eq!(pool.recv(), Some(1));
    assert_eq!((pool.recv(), pool.recv()), (Some(0), None));
    assert_eq!(pool.batch().steps.to_vec(), [1, 2]);
}

#[test]
fn what_arrives_while_others_are_waited_for_is_received_later() {
    let (_, mut pool) = brittle(&["toy/point-v0", "brittle/slow-v0", "toy/point-v0"], 1);
    pool.reset_all(Seed(0)).unwrap();
    pool.send(0, &[1.0; 2]).unwrap();
    pool.send(1, &[1.0; 2]).unwrap();
    pool.reset(&[(2, Seed(9))]).unwrap();
    // Both were done before the reset, but nobody has asked for them.
    assert_eq!((pool.at_work(), pool.batch().steps.to_vec()), (2, vec![0, 0, 0]));
    assert!(matches!(pool.send(0, &[1.0; 2]), Err(PoolError::Busy { slot: 0 })));
    assert_eq!((pool.recv(), pool.recv(), pool.recv()), (Some(0), Some(1), None));
    assert_eq!(pool.batch().steps.to_vec(), [1, 1, 0]);
}

#[test]
fn a_pool_that_is_dropped_at_work_ends_its_threads() {
    let (_, mut pool) = brittle(&["brittle/slow-v0"], 1);
    pool.reset_all(Seed(0)).unwrap();
    pool.send(0, &[0.0; 2]).unwrap();
    drop(pool);
}

#[cfg(feature = "mujoco")]
#[test]
fn tasks_of_metaworld_run_in_a_pool_as_they_run_alone() {
    let registry = Registry::builtin();
    let tasks = ["reach-v3", "push-v3", "door-open-v3", "reach-v3", "box-close-v3"];
    let ids: Vec<EnvId> = tasks.iter().map(|t| EnvId::new("metaworld", t).unwrap()).collect();
    let options = PoolOptions::default().with_threads(2).with_camera("corner2");
    let mut pool = VecEnvironment::new(&registry, &ids, options).unwrap();
    pool.reset_all(Seed(3)).unwrap();
    let mut alone: Vec<_> = ids.iter().map(|id| registry.make(id).unwrap()).collect();
    for (slot, environment) in alone.iter_mut().enumerate() {
        let task = environment.generate_scenario(Seed(3 + slot as u64)).unwrap();
        environment.reset(&task).unwrap();
    }
    for step in 0..25 {
        let actions = Array2::from_shape_fn((5, 7), |(slot, number)| {
            f64::from(step * 7 + slot as i32 * 3 + number as i32).sin()
        });
        pool.step(actions.view()).unwrap();
        for (slot, environment) in alone.iter_mut().enumerate() {
            let row = actions.row(slot);
            let action = Action::new()
                .with("ee_twist", row.slice(s![..6]).to_vec())
                .with("gripper", [row[6]]);
            let transition = environment.step(&action).unwrap();
            let spec = environment.spec().clone();
            let channels = spec.observation.iter().map(|channel| &channel.name);
            let seen: Vec<f64> = channels
                .flat_map(|name| transition.observation.proprio.get(name).unwrap().to_vec())
                .collect();
            let batch = pool.batch();
            assert_eq!(batch.observations.row(slot).to_vec(), seen);
            assert_eq!(batch.rewards[slot], transition.reward);
            if step % 8 == 0 {
                let picture = environment.render("corner2").unwrap();
                assert_eq!(batch.pictures[0].index_axis(Axis(0), slot), picture.view());
            }
        }
    }
}
