//! Add an environment of your own, and judge policies in it.
//!
//! An [`EnvironmentFamily`] names its environments and makes them, a [`Registry`] finds them by
//! name. From there on yours is like any other: globs, seeds, workers, reports, random policies and
//! experts all know it. It needs no simulator either: this one is a few lines of arithmetic.
//!
//! A cart on a rail is to be brought to a mark. It feels its own position and speed; where the mark
//! is, only the camera shows, and the full state that the scripted expert sees.
//!
//! ```sh
//! cargo run -p kinitro-examples --example custom_environment
//! ```

#![allow(clippy::print_stdout, reason = "an example says what came of it")]

use kinitro_core::{Action, ActionSpec, ChannelSpec, EnvId, Image, Observation, Seed};
use kinitro_eval::env::{
    CameraSpec, Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec,
    Task, TaskRng, Transition,
};
use kinitro_eval::{Evaluation, EvaluationError, ExpertPolicy, RandomPolicy, Registry};

fn main() -> Result<(), EvaluationError> {
    let mut registry = Registry::builtin();
    registry.register(Rail);
    let random = Evaluation::new(RandomPolicy::new(registry.clone()));
    let expert = Evaluation::new(ExpertPolicy::new(registry.clone()));
    for evaluation in [random, expert] {
        // Neither looks at pictures; they are drawn all the same, to show what a policy would get.
        let evaluation = evaluation.registry(registry.clone()).env("rail/*").images(true);
        let report = evaluation.episodes(100).seed(7).run_blocking()?;
        let (policy, rail) = (&report.summary.policy, &report.summary.environments[0]);
        let (won, of, interval) = (rail.successes, rail.episodes, rail.interval);
        println!("{policy} in {}: {won} of {of} episodes,", rail.env_id);
        println!("  95 % interval {:.3} to {:.3}", interval.low, interval.high);
    }
    Ok(())
}

/// The family `rail`. All workers share it; each makes environments of its own from it.
struct Rail;

const FAMILY: &str = "rail";
const TASK: &str = "mark-v0";
/// The picture has a pixel for every 5 cm of the rail, which ends at -1 m and 1 m.
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
        Ok(EnvironmentSpec {
            id: EnvId::new(FAMILY, TASK).expect("both parts are well formed"),
            description: "bring the cart to rest at the mark".to_owned(),
            observation: vec![
                ChannelSpec::new("base_pos", 1, "m", "along the rail").bounded(-1.0, 1.0),
                ChannelSpec::new("base_vel", 1, "m/s", "along the rail"),
            ],
            action: ActionSpec {
                continuous: vec![ChannelSpec::new("push", 1, "N", "").bounded(-1.0, 1.0)],
            },
            cameras: vec![CameraSpec { name: "above".to_owned(), height: 1, width: PIXELS }],
            step_seconds: 0.05,
            max_steps: 200,
        })
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(Box::new(Cart { spec: self.spec(task)?, state: None, friction: 1.0 }))
    }

    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        (task == TASK).then(|| Box::new(Spring) as Box<dyn Controller>)
    }
}

/// One world. It stays on the thread that made it, so it may hold a simulator or a renderer.
struct Cart {
    spec: EnvironmentSpec,
    /// Position in m, velocity in m/s and the mark in m; nothing before the first reset.
    state: Option<[f64; 3]>,
    friction: f64,
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
    fn generate_task(&self, seed: Seed) -> Task {
        let env_id = self.spec.id.clone();
        let mut rng = TaskRng::new("task", &env_id, seed);
        let placement = vec![rng.uniform(-0.9, 0.9), rng.uniform(-0.9, 0.9)];
        let friction_scale = rng.uniform(0.8, 1.2);
        Task { env_id, seed, placement, friction_scale, damping_scale: 1.0 }
    }

    fn reset(&mut self, task: &Task) -> Result<Observation, EnvironmentError> {
        let env_id = self.spec.id.clone();
        let (true, &[cart, mark]) = (task.env_id == env_id, task.placement.as_slice()) else {
            let reason = "two numbers should place the cart and the mark of this very environment";
            return Err(EnvironmentError::Task { env_id, reason: reason.to_owned() });
        };
        self.friction = task.friction_scale;
        Ok(feel(*self.state.insert([cart, 0.0, mark])))
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        // Says what is wrong with an action: a channel that is missing, too short, not finite...
        self.spec.action.check(action)?;
        let [position, velocity, mark] = self.state.as_mut().ok_or(EnvironmentError::NotReset)?;
        let push = action.continuous.get("push").map_or(0.0, |push| push[0].clamp(-1.0, 1.0));
        *velocity += self.spec.step_seconds * (push - self.friction * *velocity);
        *position = (*position + self.spec.step_seconds * *velocity).clamp(-1.0, 1.0);
        let away = (*position - *mark).abs();
        let success = away < 0.02 && velocity.abs() < 0.02;
        let observation = feel([*position, *velocity, *mark]);
        Ok(Transition { observation, reward: -away, success })
    }

    /// The cart in green, the mark in red.
    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        self.spec.camera(camera)?;
        let [cart, _, mark] = self.state.ok_or(EnvironmentError::NotReset)?;
        let pixel = |metres: f64| ((metres + 1.0) / 2.0 * (PIXELS - 1) as f64).round() as usize;
        let mut rgb = vec![0; PIXELS * 3];
        rgb[3 * pixel(mark)] = 255;
        rgb[3 * pixel(cart) + 1] = 255;
        Ok(Image::from_rgb(1, PIXELS, rgb).expect("three bytes a pixel"))
    }

    fn full_state(&self) -> Option<Vec<f64>> {
        self.state.map(|state| state.to_vec())
    }
}

/// Pulls the cart to the mark as a well damped spring would.
struct Spring;

impl Controller for Spring {
    fn act(&mut self, state: &[f64]) -> Action {
        Action::new().with("push", [4.0 * (state[2] - state[0]) - 3.0 * state[1]])
    }
}

#[test]
fn the_family_keeps_to_what_the_traits_say() {
    kinitro_eval::conformance::environment_family(&Rail);
}
