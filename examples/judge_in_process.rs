//! Judge a policy of your own, in this process.
//!
//! A policy is anything that implements [`Policy`]: it is told that an episode begins, and then
//! asked for one action per step. [`Evaluation`] runs as many episodes as you want, on all cores,
//! each from a seed of its own, and reports the success rate with a confidence interval.
//!
//! The policy here is blind. It knows where the hand is and leads it along a curve through the air,
//! where goals may be, and so finds most of them by luck.
//!
//! ```sh
//! cargo run -p kinitro-examples --example judge_in_process
//! ```

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::error::Error;

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind};
use kinitro_eval::{EpisodeStart, Evaluation, Policy};

/// Leads the hand along a curve, blindly. Each worker has a clone, so a policy may keep state from
/// step to step.
#[derive(Clone, Default)]
struct Wanderer {
    steps: u32,
}

#[async_trait]
impl Policy for Wanderer {
    /// Its name in reports.
    fn name(&self) -> String {
        "wanderer".to_owned()
    }

    /// Pictures cost more than physics. For a policy that does not look, none are drawn.
    fn uses_images(&self) -> bool {
        false
    }

    /// An episode begins. `start` says in which environment, which channels that has, and how long
    /// the policy may take; never where the goal is.
    async fn reset(&mut self, _start: &EpisodeStart) -> Result<(), PolicyFault> {
        self.steps = 0;
        Ok(())
    }

    /// `EpisodeStart::spec` lists the channels and their units: here the position of the hand in
    /// metres, and a motion of up to 1 cm per step along each axis.
    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let hand = observation.proprio.get("ee_pos").filter(|hand| hand.len() == 3);
        let hand = hand.ok_or_else(|| PolicyFault::new(PolicyFaultKind::Error, "no ee_pos"))?;
        self.steps += 1;
        let phase = 0.02 * f64::from(self.steps);
        let target = [0.1 * (2.2 * phase).sin(), 0.85, 0.175 + 0.125 * phase.cos()];
        let [x, y, z] = [0, 1, 2].map(|axis| (20.0 * (target[axis] - hand[axis])).clamp(-1.0, 1.0));
        // The last three numbers of a twist turn the hand, which this arm does not do.
        Ok(Action::new().with("ee_twist", [x, y, z, 0.0, 0.0, 0.0]).with("gripper", [0.0]))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let report = Evaluation::new(Wanderer::default())
        .env("metaworld/reach-v3")
        .episodes(50)
        .seed(7)
        // .out("results") would keep every episode on disk, and continue there after a stop.
        .run_blocking()?;

    let reach = &report.summary.environments[0];
    println!("{} of {} episodes solved {}", reach.successes, reach.episodes, reach.env_id);
    println!("95 % interval: {:.3} to {:.3}", reach.interval.low, reach.interval.high);

    // Each episode grows from its seed alone, so any one of them can be run again.
    if let Some(lost) = report.episodes.iter().find(|episode| episode.outcome.score() == Some(0.0))
    {
        println!("seed {} was not solved within {} steps", lost.seed, lost.steps);
    }
    Ok(())
}
