//! A point on a plane, steered to a goal: the smallest useful environment.
//!
//! It needs no simulator and no files, so the rest of the crate, and whatever is built on it, can be
//! tried without them. Its family is `toy`, its one environment `toy/point-v0`. It is not in the
//! [built-in](super::Registry::builtin) registry: nobody should be judged by it.

use kinitro_core::{Action, ActionSpec, ChannelSpec, Channels, EnvId, Image, Observation, Seed};
use serde::{Deserialize, Serialize};

use super::{
    CameraSpec, Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec,
    Scenario, SeededRng, Transition,
};

const FAMILY: &str = "toy";
const TASK: &str = "point-v0";
const CAMERA: &str = "above";

/// How far the point moves for an action of 1, m.
const STRIDE: f64 = 0.05;
/// How near is there, m.
const RADIUS: f64 = 0.05;
/// Height and width of a picture of the square from -1 m to 1 m, pixels.
const PICTURE: usize = 32;

/// The family of the one environment `toy/point-v0`.
#[derive(Debug, Clone, Copy, Default)]
pub struct PointFamily;

fn spec() -> EnvironmentSpec {
    let id = EnvId::new(FAMILY, TASK).expect("both parts are well formed");
    let stride = "x and y of the next stride of up to 5 cm";
    let action = ActionSpec::new([ChannelSpec::new("base_vel", 2, "", stride).bounded(-1.0, 1.0)]);
    let position = "place on the plane, x to the right and y up";
    EnvironmentSpec::new(id, "steer the point to the goal", action)
        .with_observation([ChannelSpec::new("base_pos", 2, "m", position).bounded(-1.0, 1.0)])
        .with_cameras([CameraSpec::new(CAMERA, PICTURE, PICTURE)])
        .with_step_seconds(0.05)
        .with_max_steps(100)
}

fn unknown(task: &str) -> EnvironmentError {
    EnvironmentError::UnknownEnvironment {
        name: format!("{FAMILY}/{task}"),
        nearest: vec![format!("{FAMILY}/{TASK}")],
    }
}

impl EnvironmentFamily for PointFamily {
    fn name(&self) -> &str {
        FAMILY
    }

    fn tasks(&self) -> Vec<String> {
        vec![TASK.to_owned()]
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        if task == TASK { Ok(spec()) } else { Err(unknown(task)) }
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(Box::new(Point { spec: self.spec(task)?, state: None }))
    }

    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        (task == TASK).then(|| Box::new(Straight) as Box<dyn Controller>)
    }
}

struct Point {
    spec: EnvironmentSpec,
    state: Option<State>,
}

/// What is drawn from a seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// Where the point starts, m.
    point: [f64; 2],
    /// Where it should go, m.
    goal: [f64; 2],
    /// What the friction of the plane is multiplied by. More friction, shorter strides.
    friction_scale: f64,
}

#[derive(Clone, Copy)]
struct State {
    point: [f64; 2],
    goal: [f64; 2],
    /// The share of a stride that friction leaves.
    grip: f64,
}

impl Point {
    fn observation(state: &State) -> Observation {
        let mut proprio = Channels::new();
        proprio.insert("base_pos", state.point);
        Observation { proprio, ..Observation::default() }
    }
}

impl Environment for Point {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        let env_id = self.spec.id.clone();
        let mut rng = SeededRng::new("task", &env_id, seed);
        let mut place = || [rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.9)];
        let (point, goal) = (place(), place());
        let friction_scale = rng.uniform(0.8, 1.2);
        Scenario::new(env_id, seed, Parameters { point, goal, friction_scale })
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        if scenario.env_id != self.spec.id {
            let reason = format!("it is a scenario of `{}`", scenario.env_id);
            return Err(EnvironmentError::Scenario { env_id: self.spec.id.clone(), reason });
        }
        let Parameters { point, goal, friction_scale } = scenario.parameters()?;
        let state = State { point, goal, grip: 1.0 / friction_scale };
        self.state = Some(state);
        Ok(Self::observation(&state))
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        self.spec.action.check(action)?;
        let state = self.state.as_mut().ok_or(EnvironmentError::NotReset)?;
        if let Some(stride) = action.continuous.get("base_vel") {
            for (axis, share) in stride.iter().enumerate() {
                let metres = STRIDE * state.grip * share.clamp(-1.0, 1.0);
                state.point[axis] = (state.point[axis] + metres).clamp(-1.0, 1.0);
            }
        }
        let away = (state.point[0] - state.goal[0]).hypot(state.point[1] - state.goal[1]);
        let observation = Self::observation(state);
        Ok(Transition::solved_if(away <= RADIUS, observation, -away))
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        self.spec.camera(camera)?;
        let state = self.state.as_ref().ok_or(EnvironmentError::NotReset)?;
        let mut pixels = vec![0; PICTURE * PICTURE * 3];
        let mut dot = |[x, y]: [f64; 2], channel: usize| {
            let pixel = |metres: f64| (((metres + 1.0) / 2.0) * (PICTURE - 1) as f64).round();
            let (row, column) = (pixel(-y) as usize, pixel(x) as usize);
            pixels[3 * (row * PICTURE + column) + channel] = 255;
        };
        dot(state.goal, 0);
        dot(state.point, 1);
        Image::from_rgb(PICTURE, PICTURE, pixels).map_err(|error| EnvironmentError::Render {
            problem: error.to_string(),
            hint: "this is a bug: please report it".to_owned(),
        })
    }

    fn full_state(&self) -> Option<Vec<f64>> {
        self.state.map(|state| [state.point, state.goal].concat())
    }
}

/// Goes straight to the goal.
struct Straight;

impl Controller for Straight {
    fn act(&mut self, state: &[f64]) -> Action {
        let stride = |axis: usize| ((state[2 + axis] - state[axis]) / STRIDE).clamp(-1.0, 1.0);
        Action::new().with("base_vel", [stride(0), stride(1)])
    }
}
