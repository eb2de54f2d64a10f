//! Judge a policy of your own, in this process.
//!
//! A policy is anything that implements [`Policy`]: it is told that an episode begins, and then
//! asked for one action a step. [`Evaluation`] plays as many episodes as you want, on all cores,
//! each from a seed of its own, and says how often the policy did it and how sure that is.
//!
//! The policy here has no eyes. It feels where the hand is and leads it along a curve through the
//! air, where goals may be, and so finds most of them by luck. What it cannot do is look.
//!
//! ```sh
//! cargo run -p kinitro-examples --example judge_in_process
//! ```

#![allow(clippy::print_stdout, reason = "an example says what came of it")]

use std::error::Error;

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind, TaskConfig};
use kinitro_eval::{Evaluation, Policy};

/// Leads the hand along a curve, blindly. Each worker has a clone, so that a policy may keep what it
/// likes from step to step.
#[derive(Clone, Default)]
struct Wanderer {
    steps: u32,
}

#[async_trait]
impl Policy for Wanderer {
    /// What reports call it.
    fn name(&self) -> String {
        "wanderer".to_owned()
    }

    /// Pictures cost more than physics. Those that nobody looks at are not drawn.
    fn uses_images(&self) -> bool {
        false
    }

    /// An episode begins. The task says which environment it is in, and never where the goal is.
    async fn reset(&mut self, _task: &TaskConfig) -> Result<(), PolicyFault> {
        self.steps = 0;
        Ok(())
    }

    /// Which channels there are, and in which units, `Registry::spec` says: here the position of the
    /// hand in metres, and a motion of up to 1 cm a step along each axis.
    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let hand = observation.proprio.get("ee_pos").filter(|hand| hand.len() == 3);
        let hand = hand.ok_or_else(|| PolicyFault::new(PolicyFaultKind::Error, "no ee_pos"))?;
        self.steps += 1;
        let phase = 0.02 * f64::from(self.steps);
        let target = [0.1 * (2.2 * phase).sin(), 0.85, 0.175 + 0.125 * phase.cos()];
        let [x, y, z] = [0, 1, 2].map(|axis| (20.0 * (target[axis] - hand[axis])).clamp(-1.0, 1.0));
        // The numbers of a twist behind the first three turn the hand, which this arm does not do.
        Ok(Action::new().with("ee_twist", [x, y, z, 0.0, 0.0, 0.0]).with("gripper", [0.0]))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let report = Evaluation::new(Wanderer::default())
        .env("metaworld/reach-v3")
        .episodes(50)
        .seed(7)
        // .out("results") would keep every episode on disk, and go on from there after a stop.
        .run_blocking()?;

    let reach = &report.summary.environments[0];
    println!("{} of {} episodes solved {}", reach.successes, reach.episodes, reach.env_id);
    println!("95 % interval: {:.3} to {:.3}", reach.interval.low, reach.interval.high);

    // Any one episode grows from its seed alone and can be looked at again, on its own.
    if let Some(lost) = report.episodes.iter().find(|episode| episode.outcome.score() == Some(0.0))
    {
        println!("seed {} was not solved within {} steps", lost.seed, lost.steps);
    }
    Ok(())
}
