//! Add an environment of your own, and judge policies in it.
//!
//! An [`EnvironmentFamily`] names its environments and makes them, and a [`Registry`] finds them by
//! name. From then on yours is like any other: globs, seeds, workers, reports, baselines and experts
//! all work with it. It needs no simulator either: this one is a few lines of arithmetic.
//!
//! A cart has to be brought to rest at a mark on a rail whose ends are open: beyond either of them it
//! falls, and the episode is over. The cart knows its own position and speed. Where the mark is, only
//! the camera shows, and the full state that the scripted expert sees.
//!
//! ```sh
//! cargo run -p kinitro-examples --example custom_environment
//! ```

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use kinitro_core::{Action, ActionSpec, ChannelSpec, EnvId, Image, Observation, Seed};
use kinitro_eval::env::{
    CameraSpec, Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec,
    EpisodeStatus, Scenario, SeededRng, Transition,
};
use kinitro_eval::{Evaluation, EvaluationError, RandomPolicy, Registry};
use serde::{Deserialize, Serialize};

fn main() -> Result<(), EvaluationError> {
    let mut registry = Registry::builtin();
    registry.register(Rail);
    for evaluation in [Evaluation::new(RandomPolicy::new()), Evaluation::of_experts()] {
        // Neither looks at pictures; they are drawn all the same, as for a policy that does.
        let evaluation = evaluation.registry(registry.clone()).env("rail/*").images(true);
        let report = evaluation.episodes(100).seed(7).run_blocking()?;
        let (policy, rail) = (&report.summary.policy, &report.summary.environments[0]);
        let (won, of, interval) = (rail.successes, rail.episodes, rail.interval);
        println!("{policy} in {}: {won} of {of} episodes,", rail.env_id);
        println!("  95 % interval {:.3} to {:.3}", interval.low, interval.high);
    }
    Ok(())
}

/// The family `rail`. All workers share it, and each makes environments of its own from it.
struct Rail;

const FAMILY: &str = "rail";
const TASK: &str = "mark-v0";
/// A picture has a pixel for every 5 cm of the rail, which ends at -1 m and 1 m.
const PIXELS: usize = 41;

impl EnvironmentFamily for Rail {
    fn name(&self) -> &str {
        FAMILY
    }

    fn tasks(&self) -> Vec<String> {
        vec![TASK.to_owned()]
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        if task != TASK {
            let (name, nearest) = (format!("{FAMILY}/{task}"), vec![format!("{FAMILY}/{TASK}")]);
            return Err(EnvironmentError::UnknownEnvironment { name, nearest });
        }
        let id = EnvId::new(FAMILY, TASK).expect("both parts are well formed");
        let action = ActionSpec::new([ChannelSpec::new("push", 1, "N", "").bounded(-1.0, 1.0)]);
        Ok(EnvironmentSpec::new(id, "bring the cart to rest at the mark", action)
            .with_observation([
                ChannelSpec::new("base_pos", 1, "m", "along the rail"),
                ChannelSpec::new("base_vel", 1, "m/s", "along the rail"),
            ])
            .with_cameras([CameraSpec::new("above", 1, PIXELS)])
            .with_step_seconds(0.05)
            .with_max_steps(200))
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(Box::new(Cart { spec: self.spec(task)?, state: None }))
    }

    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        (task == TASK).then(|| Box::new(Spring) as Box<dyn Controller>)
    }
}

/// One world. It stays on the thread that made it, so it may own a simulator or a renderer.
struct Cart {
    spec: EnvironmentSpec,
    /// Position in m, velocity in m/s and the mark in m; `None` before the first reset.
    state: Option<[f64; 3]>,
}

/// What differs from seed to seed. Any type that serde knows will do: nobody but this file looks
/// inside.
#[derive(Serialize, Deserialize)]
struct Parameters {
    /// Where the cart starts, m.
    cart: f64,
    /// Where it should come to rest, m.
    mark: f64,
}

fn feel([position, velocity, _mark]: [f64; 3]) -> Observation {
    let mut observation = Observation::default();
    observation.proprio.insert("base_pos", [position]);
    observation.proprio.insert("base_vel", [velocity]);
    observation
}

impl Environment for Cart {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    /// All that is random comes from this stream, which is the same on every machine.
    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        let env_id = self.spec.id.clone();
        let mut rng = SeededRng::new("scenario", &env_id, seed);
        let (cart, mark) = (rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.8));
        Scenario::new(env_id, seed, Parameters { cart, mark })
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        if scenario.env_id != self.spec.id {
            let (env_id, reason) = (self.spec.id.clone(), "it is another environment's".to_owned());
            return Err(EnvironmentError::Scenario { env_id, reason });
        }
        let Parameters { cart, mark } = scenario.parameters()?;
        Ok(feel(*self.state.insert([cart, 0.0, mark])))
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        // Refuses an action with a missing channel, the wrong length, NaN...
        self.spec.action.check(action)?;
        let [position, velocity, mark] = self.state.as_mut().ok_or(EnvironmentError::NotReset)?;
        let push = action.continuous.get("push").map_or(0.0, |push| push[0].clamp(-1.0, 1.0));
        let away = |position: f64| (position - *mark).abs();
        // A cart that fell stays where it is.
        if position.abs() <= 1.0 {
            *velocity += self.spec.step_seconds * (push - 0.2 * *velocity);
            *position += self.spec.step_seconds * *velocity;
        }
        let status = if position.abs() > 1.0 {
            EpisodeStatus::Failure
        } else if away(*position) < 0.02 && velocity.abs() < 0.02 {
            EpisodeStatus::Success
        } else {
            EpisodeStatus::Running
        };
        let reward = -away(*position);
        Ok(Transition::new(feel([*position, *velocity, *mark]), reward, status))
    }

    /// The cart in green, the mark in red.
    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        self.spec.camera(camera)?;
        let [cart, _, mark] = self.state.ok_or(EnvironmentError::NotReset)?;
        let pixel = |metres: f64| {
            let share = (metres.clamp(-1.0, 1.0) + 1.0) / 2.0;
            (share * (PIXELS - 1) as f64).round() as usize
        };
        let mut rgb = vec![0; PIXELS * 3];
        rgb[3 * pixel(mark)] = 255;
        rgb[3 * pixel(cart) + 1] = 255;
        Ok(Image::from_rgb(1, PIXELS, rgb).expect("three bytes a pixel"))
    }

    fn full_state(&self) -> Option<Vec<f64>> {
        self.state.map(|state| state.to_vec())
    }
}

/// Pulls the cart to the mark like a well-damped spring.
struct Spring;

impl Controller for Spring {
    fn act(&mut self, state: &[f64]) -> Action {
        Action::new().with("push", [4.0 * (state[2] - state[0]) - 3.0 * state[1]])
    }
}

#[test]
fn the_family_conforms() {
    kinitro_eval::conformance::environment_family(&Rail);
}
