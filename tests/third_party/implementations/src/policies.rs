//! `Policy`.

use std::time::Duration;

use kinitro_eval::kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind};
use kinitro_eval::{EpisodeStart, Policy, async_trait};

fn walk(stride: f64, side: i64) -> Action {
    Action::new().with("stride", [stride]).with_discrete("side", side)
}

/// Walks as far as its depth camera says. It is not `Clone`.
#[derive(Debug, Default)]
pub struct Walker {
    longest: f64,
}

#[async_trait]
impl Policy for Walker {
    fn name(&self) -> String {
        "walker".to_owned()
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        let stride = start.known_spec()?.action.continuous.first();
        self.longest = stride.and_then(|channel| channel.bounds).map_or(0.0, |(_, high)| high);
        Ok(())
    }

    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let picture = observation.depth.get("front").ok_or_else(|| {
            PolicyFault::new(PolicyFaultKind::Error, "it cannot see how far it is")
        })?;
        Ok(walk(f64::from(picture.view()[[0, 0]]).min(self.longest), 1))
    }
}

macro_rules! simple {
    ($(#[$doc:meta])* $name:ident, $text:literal, $answer:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        #[async_trait]
        impl Policy for $name {
            fn name(&self) -> String {
                $text.to_owned()
            }

            fn uses_images(&self) -> bool {
                false
            }

            async fn reset(&mut self, _: &EpisodeStart) -> Result<(), PolicyFault> {
                Ok(())
            }

            async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
                $answer
            }
        }
    };
}

simple!(
    /// Stands still.
    Still,
    "still",
    Ok(walk(0.0, 0))
);
simple!(
    /// Fails.
    Broken,
    "broken",
    Err(PolicyFault::new(PolicyFaultKind::Error, "it is broken"))
);
simple!(
    /// Stands still, and takes its time.
    Slow,
    "slow",
    {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(walk(0.0, 0))
    }
);
