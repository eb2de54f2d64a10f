//! Checks an environment: whether episodes are reproducible, seeds differ and the expert solves
//! them, and how fast it runs. For authors of environments, and to verify that an environment works
//! on this machine.

use std::time::{Duration, Instant};

use kinitro_core::{EnvId, Seed};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::env::{Controller, Environment, EnvironmentError, EpisodeStatus, Registry, SeededRng};

/// The result of checking an environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct EnvironmentCheck {
    /// The environment.
    pub env_id: EnvId,
    /// The number of seeds tried, each twice.
    pub seeds: u32,
    /// Whether each seed gave the same episode both times.
    pub repeats: bool,
    /// Whether different seeds gave different scenarios.
    pub differs: bool,
    /// The number of seeds that the scripted expert solves; `None` without an expert.
    pub solved: Option<u32>,
    /// The total number of steps taken.
    pub steps: u64,
    /// Steps per second on one thread, not counting pictures and resets.
    pub steps_per_second: f64,
}

impl EnvironmentCheck {
    /// Whether all is well: episodes are reproducible, seeds differ, and the expert, if any, solves
    /// at least four out of five.
    pub fn passed(&self) -> bool {
        let solvable = self.solved.is_none_or(|solved| 5 * solved >= 4 * self.seeds);
        self.repeats && self.differs && solvable
    }
}

/// Runs an environment on `seeds` seeds from `first` on, each twice, controlled by its expert or,
/// if it has none, by random actions.
///
/// # Errors
/// When the environment cannot be made or breaks down.
pub fn environment(
    registry: &Registry,
    env_id: &EnvId,
    first: Seed,
    seeds: u32,
) -> Result<EnvironmentCheck, EnvironmentError> {
    let mut environment = registry.make(env_id)?;
    let mut expert = registry.expert(env_id);
    let (mut repeats, mut solved, mut steps) = (true, 0, 0);
    let mut spent = Duration::ZERO;
    let mut scenarios = Vec::new();
    for seed in (0..u64::from(seeds)).map(|index| Seed(first.0.saturating_add(index))) {
        scenarios.push(environment.generate_scenario(seed)?.parameters.to_string());
        let mut run = || episode(environment.as_mut(), expert.as_deref_mut(), seed);
        let (one, other) = (run()?, run()?);
        repeats &= one.trajectory == other.trajectory;
        solved += u32::from(one.status == EpisodeStatus::Success);
        steps += one.steps + other.steps;
        spent += one.spent + other.spent;
    }
    scenarios.sort_unstable();
    let differs = scenarios.windows(2).all(|pair| pair[0] != pair[1]);
    Ok(EnvironmentCheck {
        env_id: environment.spec().id.clone(),
        seeds,
        repeats,
        differs,
        solved: expert.map(|_| solved),
        steps,
        steps_per_second: steps as f64 / spent.as_secs_f64().max(f64::MIN_POSITIVE),
    })
}

struct Episode {
    trajectory: [u8; 32],
    status: EpisodeStatus,
    steps: u64,
    spent: Duration,
}

fn episode(
    environment: &mut dyn Environment,
    mut expert: Option<&mut (dyn Controller + 'static)>,
    seed: Seed,
) -> Result<Episode, EnvironmentError> {
    let spec = environment.spec().clone();
    let mut rng = SeededRng::new("check", &spec.id, seed);
    let mut trajectory = Sha256::new();
    let scenario = environment.generate_scenario(seed)?;
    let mut observation = environment.reset(&scenario)?;
    if let Some(expert) = &mut expert {
        expert.reset();
    }
    let (mut status, mut steps, mut spent) = (EpisodeStatus::Running, 0, Duration::ZERO);
    while status == EpisodeStatus::Running && steps < u64::from(spec.max_steps) {
        for number in observation.proprio.iter().flat_map(|(_, values)| values) {
            trajectory.update(number.to_le_bytes());
        }
        let action = match (&mut expert, environment.full_state()) {
            (Some(expert), Some(state)) => expert.act(&state),
            _ => rng.action(&spec.action),
        };
        let started = Instant::now();
        let transition = environment.step(&action)?;
        spent += started.elapsed();
        trajectory.update(transition.reward.to_le_bytes());
        (observation, status) = (transition.observation, transition.status);
        steps += 1;
    }
    Ok(Episode { trajectory: trajectory.finalize().into(), status, steps, spent })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use kinitro_core::{Action, Image, Observation};

    use super::*;
    use crate::env::point::PointFamily;
    use crate::env::{EnvironmentFamily, EnvironmentSpec, Scenario, Transition};

    fn check(family: impl EnvironmentFamily + 'static) -> EnvironmentCheck {
        let mut registry = Registry::empty();
        registry.register(family);
        let id = registry.env_ids().remove(0);
        environment(&registry, &id, Seed(0), 5).unwrap()
    }

    #[test]
    fn a_sound_environment_passes() {
        let check = check(PointFamily);
        assert!(check.passed(), "{check:?}");
        assert_eq!((check.solved, check.seeds), (Some(5), 5));
        assert!(check.steps >= 10 && check.steps_per_second > 0.0);
    }

    /// The point environment with defects.
    #[derive(Debug, Clone, Copy)]
    enum Spoilt {
        Drifts,
        AlwaysTheSame,
        Unsolvable,
    }

    impl EnvironmentFamily for Spoilt {
        fn name(&self) -> &str {
            PointFamily.name()
        }
        fn tasks(&self) -> Vec<String> {
            PointFamily.tasks()
        }
        fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
            PointFamily.spec(task)
        }
        fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
            let inner = PointFamily.make(task)?;
            Ok(Box::new(SpoiltPoint { how: *self, inner, resets: Cell::new(0) }))
        }
        fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
            PointFamily.expert(task)
        }
    }

    struct SpoiltPoint {
        how: Spoilt,
        inner: Box<dyn Environment>,
        resets: Cell<u32>,
    }

    impl Environment for SpoiltPoint {
        fn spec(&self) -> &EnvironmentSpec {
            self.inner.spec()
        }
        fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
            match self.how {
                Spoilt::AlwaysTheSame => self.inner.generate_scenario(Seed(0)),
                _ => self.inner.generate_scenario(seed),
            }
        }
        fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
            self.resets.set(self.resets.get() + 1);
            self.inner.reset(scenario)
        }
        fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
            let mut transition = self.inner.step(action)?;
            match self.how {
                Spoilt::Drifts => transition.reward += f64::from(self.resets.get()),
                Spoilt::Unsolvable => transition.status = EpisodeStatus::Running,
                Spoilt::AlwaysTheSame => {}
            }
            Ok(transition)
        }
        fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
            self.inner.render(camera)
        }
        fn full_state(&self) -> Option<Vec<f64>> {
            self.inner.full_state()
        }
    }

    #[test]
    fn each_defect_is_found() {
        let drifts = check(Spoilt::Drifts);
        assert!(!drifts.repeats && drifts.differs && !drifts.passed(), "{drifts:?}");
        let same = check(Spoilt::AlwaysTheSame);
        assert!(same.repeats && !same.differs && !same.passed(), "{same:?}");
        let unsolvable = check(Spoilt::Unsolvable);
        assert!(unsolvable.repeats && unsolvable.differs, "{unsolvable:?}");
        assert!(unsolvable.solved == Some(0) && !unsolvable.passed(), "{unsolvable:?}");
    }
}
