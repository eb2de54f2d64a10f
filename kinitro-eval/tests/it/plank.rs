//! A world that has what the built-in ones have not: a robot that can fall, depth pictures and a
//! discrete channel. It shows that the traits carry these all the way.

use async_trait::async_trait;
use kinitro_core::{
    Action, ActionSpec, ChannelSpec, DepthImage, DiscreteChannelSpec, EnvId, Image, Observation,
    Outcome, PolicyFault, Seed,
};
use kinitro_eval::env::{
    CameraSpec, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, EpisodeStatus,
    PoolError, PoolOptions, Registry, Scenario, SeededRng, SlotStatus, Transition, VecEnvironment,
};
use kinitro_eval::{EpisodeStart, Evaluation, Policy, RandomPolicy, conformance};
use ndarray::array;
use serde::{Deserialize, Serialize};

/// A robot on a plank from -1 m to 1 m, with a mark on it. Beyond either end it falls.
struct Plank;

/// The mark's place, m.
#[derive(Serialize, Deserialize)]
struct Parameters {
    mark: f64,
}

impl EnvironmentFamily for Plank {
    fn name(&self) -> &str {
        "plank"
    }

    fn tasks(&self) -> Vec<String> {
        vec!["walk-v0".to_owned()]
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        if task != "walk-v0" {
            let (name, nearest) = (format!("plank/{task}"), Vec::new());
            return Err(EnvironmentError::UnknownEnvironment { name, nearest });
        }
        let stride = ChannelSpec::new("stride", 1, "m", "").bounded(0.0, 0.5);
        let side = DiscreteChannelSpec::new("side", -1, 1, "which way: left, nowhere, right");
        let id = EnvId::new("plank", task).unwrap();
        let action = ActionSpec::new([stride]).with_discrete(side);
        Ok(EnvironmentSpec::new(id, "walk to the mark", action)
            .with_observation([ChannelSpec::new("base_pos", 1, "m", "")])
            .with_cameras([
                CameraSpec::new("front", 1, 2).with_depth(),
                CameraSpec::new("up", 1, 1),
            ])
            .with_max_steps(200))
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(Box::new(Walker { spec: self.spec(task)?, state: None }))
    }
}

struct Walker {
    spec: EnvironmentSpec,
    /// The robot's place and the mark's, m.
    state: Option<(f64, f64)>,
}

fn feel(place: f64) -> Observation {
    let mut observation = Observation::default();
    observation.proprio.insert("base_pos", [place]);
    observation
}

impl Environment for Walker {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        let mark = SeededRng::new("mark", &self.spec.id, seed).uniform(0.5, 0.9);
        Scenario::new(self.spec.id.clone(), seed, Parameters { mark })
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        if scenario.env_id != self.spec.id {
            let reason = "it is another environment's".to_owned();
            return Err(EnvironmentError::Scenario { env_id: self.spec.id.clone(), reason });
        }
        let Parameters { mark } = scenario.parameters()?;
        self.state = Some((0.0, mark));
        Ok(feel(0.0))
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        self.spec.action.check(action)?;
        let (place, mark) = self.state.as_mut().ok_or(EnvironmentError::NotReset)?;
        let stride = action.continuous.get("stride").unwrap()[0].clamp(0.0, 0.5);
        // Who has fallen stays where it lies.
        if place.abs() <= 1.0 {
            *place += stride * action.discrete["side"] as f64;
        }
        let status = match *place {
            place if place.abs() > 1.0 => EpisodeStatus::Failure,
            place if (place - *mark).abs() < 0.1 => EpisodeStatus::Success,
            _ => EpisodeStatus::Running,
        };
        Ok(Transition::new(feel(*place), -(*place - *mark).abs(), status))
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        let width = self.spec.camera(camera)?.width;
        self.state.ok_or(EnvironmentError::NotReset)?;
        Ok(Image::from_rgb(1, width, vec![7; 3 * width]).unwrap())
    }

    fn render_depth(&mut self, camera: &str) -> Result<DepthImage, EnvironmentError> {
        let CameraSpec { depth, width, .. } = *self.spec.camera(camera)?;
        let (place, mark) = self.state.ok_or(EnvironmentError::NotReset)?;
        if !depth {
            let (env_id, camera) = (self.spec.id.clone(), camera.to_owned());
            return Err(EnvironmentError::NoDepth { env_id, camera });
        }
        let distance = (mark - place).abs() as f32;
        Ok(DepthImage::from_metres(1, width, vec![distance; width]).unwrap())
    }
}

fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.register(Plank);
    registry
}

fn env_id() -> EnvId {
    "plank/walk-v0".parse().unwrap()
}

#[test]
fn a_world_that_fails_early_conforms() {
    conformance::environment_family(&Plank);
}

#[tokio::test]
async fn policies_conform_where_channels_are_discrete() {
    conformance::policy(&mut RandomPolicy::new(), &registry(), &env_id()).await;
    conformance::policy(&mut kinitro_eval::ZeroPolicy::new(), &registry(), &env_id()).await;
    conformance::policy(&mut Seeing, &registry(), &env_id()).await;
}

/// Walks by what its depth camera measures.
#[derive(Clone)]
struct Seeing;

#[async_trait]
impl Policy for Seeing {
    fn name(&self) -> String {
        "seeing".to_owned()
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        assert_eq!(start.known_spec()?.cameras.len(), 2);
        assert_eq!(start.seed, start.task.seed);
        Ok(())
    }

    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let cameras: Vec<_> = observation.depth.keys().map(String::as_str).collect();
        assert_eq!((cameras, observation.rgb.len()), (vec!["front"], 2));
        let distance = observation.depth["front"].view()[[0, 0]];
        let stride = f64::from(distance).min(0.3);
        Ok(Action::new().with("stride", [stride]).with_discrete("side", 1))
    }
}

/// Never looks where it goes.
#[derive(Clone)]
struct Rushing;

#[async_trait]
impl Policy for Rushing {
    fn name(&self) -> String {
        "rushing".to_owned()
    }

    fn uses_images(&self) -> bool {
        false
    }

    async fn reset(&mut self, _: &EpisodeStart) -> Result<(), PolicyFault> {
        Ok(())
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        Ok(Action::new().with("stride", [0.4]).with_discrete("side", -1))
    }
}

#[test]
fn an_episode_ends_where_the_robot_falls() {
    let run = |evaluation: Evaluation| {
        let evaluation = evaluation.registry(registry()).env("plank/*").episodes(8);
        evaluation.run_blocking().unwrap().episodes
    };
    for episode in run(Evaluation::new(Rushing)) {
        assert_eq!((episode.outcome, episode.steps), (Outcome::Failure, 3));
    }
    for episode in run(Evaluation::new(Seeing)) {
        assert_eq!(episode.outcome, Outcome::Success, "seed {}", episode.seed);
        assert!(episode.steps <= 4);
    }
}

#[test]
fn a_pool_knows_who_fell_and_takes_whole_numbers_for_discrete_channels() {
    let ids = [env_id(), env_id()];
    let mut pool = VecEnvironment::new(&registry(), &ids, PoolOptions::default()).unwrap();
    pool.reset_all(Seed(0)).unwrap();
    assert_eq!(pool.action_len(), 2);
    for _ in 0..3 {
        pool.step(array![[0.4, -1.0], [0.4, 0.0]].view()).unwrap();
    }
    assert_eq!(pool.batch().statuses, [SlotStatus::Failure, SlotStatus::Running]);
    for refused in [0.5, 2.0, f64::NAN, 1e300] {
        let error = pool.send(1, &[0.1, refused]).unwrap_err();
        assert!(matches!(error, PoolError::Action { slot: 1, .. }), "{refused}: {error}");
    }
    pool.send(1, &[0.1, 1.0]).unwrap();
    assert_eq!(pool.recv(), Some(1));
}
