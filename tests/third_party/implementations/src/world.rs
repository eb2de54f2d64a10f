//! `Environment`, `EnvironmentFamily` and `Controller`.

use kinitro_eval::env::{
    CameraSpec, Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec,
    EpisodeStatus, Scenario, SeededRng, Transition,
};
use kinitro_eval::kinitro_core::{
    Action, ActionSpec, ChannelSpec, DepthImage, DiscreteChannelSpec, EnvId, Image, Observation,
    Seed,
};
use serde::{Deserialize, Serialize};

const TASK: &str = "door-v0";

/// A robot on a ledge walks to a door. Beyond either end of the ledge it falls.
#[derive(Debug, Clone, Copy)]
pub struct Ledges;

impl EnvironmentFamily for Ledges {
    fn name(&self) -> &str {
        "ledges"
    }

    fn tasks(&self) -> Vec<String> {
        vec![TASK.to_owned()]
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        let id = EnvId::new("ledges", task).ok().filter(|_| task == TASK);
        let id = id.ok_or_else(|| EnvironmentError::UnknownEnvironment {
            name: format!("ledges/{task}"),
            nearest: vec![format!("ledges/{TASK}")],
        })?;
        let stride = ChannelSpec::new("stride", 1, "m", "length of the step").bounded(0.0, 0.1);
        let side = DiscreteChannelSpec::new("side", -1, 1, "-1 left, 0 nowhere, 1 right");
        let action = ActionSpec::new([stride]).with_discrete(side);
        Ok(EnvironmentSpec::new(id, "walk to the door", action)
            .with_observation([ChannelSpec::new("base_pos", 1, "m", "along the ledge")])
            .with_cameras([CameraSpec::new("front", 1, 2).with_depth()])
            .with_step_seconds(0.1)
            .with_max_steps(100))
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(Box::new(Ledge { spec: self.spec(task)?, state: None }))
    }

    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        (task == TASK).then(|| Box::new(Straight) as Box<dyn Controller>)
    }
}

/// What differs from seed to seed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Parameters {
    /// Where the door is, m.
    door: f64,
}

struct Ledge {
    spec: EnvironmentSpec,
    /// Where the robot and the door are, m.
    state: Option<(f64, f64)>,
}

impl Ledge {
    fn state(&self) -> Result<(f64, f64), EnvironmentError> {
        self.state.ok_or(EnvironmentError::NotReset)
    }
}

fn feel(place: f64) -> Observation {
    let mut observation = Observation::default();
    observation.proprio.insert("base_pos", [place]);
    observation
}

impl Environment for Ledge {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        let id = self.spec.id.clone();
        let door = SeededRng::new("door", &id, seed).uniform(0.3, 0.9);
        Scenario::new(id, seed, Parameters { door })
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        if scenario.env_id != self.spec.id {
            let (env_id, reason) = (self.spec.id.clone(), "another environment's".to_owned());
            return Err(EnvironmentError::Scenario { env_id, reason });
        }
        let Parameters { door } = scenario.parameters()?;
        self.state = Some((0.0, door));
        Ok(feel(0.0))
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        self.spec.action.check(action)?;
        let (place, door) = self.state.as_mut().ok_or(EnvironmentError::NotReset)?;
        let stride = action.continuous.get("stride").map_or(0.0, |s| s[0].clamp(0.0, 0.1));
        if place.abs() <= 1.0 {
            *place += stride * action.discrete["side"] as f64;
        }
        let away = (*place - *door).abs();
        let status = if place.abs() > 1.0 {
            EpisodeStatus::Failure
        } else if away < 0.05 {
            EpisodeStatus::Success
        } else {
            EpisodeStatus::Running
        };
        Ok(Transition::new(feel(*place), -away, status))
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        let (height, width) = (self.spec.camera(camera)?.height, self.spec.camera(camera)?.width);
        let (place, _) = self.state()?;
        let grey = if place > 0.0 { 200 } else { 50 };
        let picture = Image::from_rgb(height, width, vec![grey; 3 * height * width]);
        picture.map_err(|error| EnvironmentError::Simulation(error.to_string()))
    }

    fn render_depth(&mut self, camera: &str) -> Result<DepthImage, EnvironmentError> {
        let (height, width) = (self.spec.camera(camera)?.height, self.spec.camera(camera)?.width);
        let (place, door) = self.state()?;
        let metres = vec![(door - place).abs() as f32; height * width];
        let picture = DepthImage::from_metres(height, width, metres);
        picture.map_err(|error| EnvironmentError::Simulation(error.to_string()))
    }

    fn full_state(&self) -> Option<Vec<f64>> {
        self.state.map(|(place, door)| vec![place, door])
    }
}

/// Walks straight to the door.
struct Straight;

impl Controller for Straight {
    fn act(&mut self, state: &[f64]) -> Action {
        let way = state[1] - state[0];
        let side = if way < 0.0 { -1 } else { 1 };
        Action::new().with("stride", [way.abs()]).with_discrete("side", side)
    }
}
