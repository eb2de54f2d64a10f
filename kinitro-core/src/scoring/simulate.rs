//! A simulated subnet, to see how the scoring behaves without running a single episode.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::{MinerScores, ScoreTable, TableError};
use crate::{BlockNumber, EnvId, MinerUid, Seed};

/// The description of a simulated subnet. The same description gives the same subnet on every
/// machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SimulatedSubnet {
    /// The number of miners.
    pub miners: u16,
    /// The number of environments, at most [`EnvSet::CAPACITY`](super::EnvSet::CAPACITY).
    pub envs: usize,
    /// The number of episodes that each miner runs on each environment.
    pub episodes_per_env: u32,
    /// The seed of all random choices.
    pub seed: Seed,
}

/// The kind of a simulated miner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinerKind {
    /// About equally good on all environments.
    Generalist,
    /// Very good on about a quarter of the environments, poor on the others.
    Specialist,
    /// Runs an earlier miner's policy and so, on the same seeds, has the same scores.
    Copy {
        /// The miner whose policy is copied.
        of: MinerUid,
    },
}

/// A simulated subnet, with the kinds of its miners.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The scores of the miners.
    pub table: ScoreTable,
    /// The kind of each miner, in the order of the table's rows.
    pub kinds: Vec<MinerKind>,
}

impl SimulatedSubnet {
    /// Draws the subnet: a third of the miners are specialists, one in eight is a copy, and the
    /// others are generalists. Scores are binomial, and first blocks are so close together that
    /// some coincide.
    ///
    /// The environments are named `simulated/0`, `simulated/1`, ...
    ///
    /// # Errors
    /// [`TableError`] when there is no miner or no environment, or too many environments.
    pub fn simulate(&self) -> Result<Simulation, TableError> {
        if self.envs > super::EnvSet::CAPACITY {
            return Err(TableError::TooManyEnvironments(self.envs));
        }
        let mut random = Random(ChaCha8Rng::seed_from_u64(self.seed.0));
        let env_ids: Vec<EnvId> = (0..self.envs)
            .map(|env| EnvId::new("simulated", &env.to_string()).expect("a number is a task name"))
            .collect();
        let mut kinds = Vec::new();
        let mut miners: Vec<MinerScores> = Vec::new();
        for uid in (0..self.miners).map(MinerUid) {
            let block = 1000 + random.below(3 * u64::from(self.miners));
            let kind = random.kind(&miners);
            let scores =
                match kind {
                    MinerKind::Copy { of } => miners[usize::from(of.0)].scores.clone(),
                    MinerKind::Specialist => self.play(&env_ids, &mut random, |random| {
                        if random.unit() < 0.25 { 0.9 } else { 0.1 }
                    }),
                    MinerKind::Generalist => {
                        let skill = 0.15 + 0.7 * random.unit();
                        self.play(&env_ids, &mut random, |random| skill + 0.2 * random.unit() - 0.1)
                    }
                };
            let first_block = match kind {
                MinerKind::Copy { of } => {
                    let original = miners[usize::from(of.0)].first_block;
                    original.map(|original| BlockNumber(original.0 + 1 + random.below(50)))
                }
                MinerKind::Generalist | MinerKind::Specialist => Some(BlockNumber(block)),
            };
            kinds.push(kind);
            miners.push(MinerScores { uid, first_block, scores });
        }
        let table = ScoreTable::new(env_ids, miners, self.episodes_per_env)?;
        Ok(Simulation { table, kinds })
    }

    fn play(
        &self,
        env_ids: &[EnvId],
        random: &mut Random,
        mut rate: impl FnMut(&mut Random) -> f64,
    ) -> BTreeMap<EnvId, f64> {
        let mut scores = BTreeMap::new();
        for env in env_ids {
            let rate = rate(random);
            let successes = (0..self.episodes_per_env).filter(|_| random.unit() < rate).count();
            // Without episodes the score is 0; avoid dividing by 0.
            let score = successes as f64 / f64::from(self.episodes_per_env.max(1));
            scores.insert(env.clone(), score);
        }
        scores
    }
}

struct Random(ChaCha8Rng);

impl Random {
    /// A random number in `[0, 1)`.
    fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A random integer below `end`; 0 if `end` is 0.
    fn below(&mut self, end: u64) -> u64 {
        (self.unit() * end as f64) as u64
    }

    fn kind(&mut self, before: &[MinerScores]) -> MinerKind {
        match self.below(24) {
            0..3 if !before.is_empty() => {
                MinerKind::Copy { of: before[self.below(before.len() as u64) as usize].uid }
            }
            3..11 => MinerKind::Specialist,
            _ => MinerKind::Generalist,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::ParetoSubsets;
    use super::*;

    const SUBNET: SimulatedSubnet =
        SimulatedSubnet { miners: 64, envs: 5, episodes_per_env: 50, seed: Seed(3) };

    #[test]
    fn a_seed_is_a_subnet() {
        let again = SUBNET.simulate().unwrap();
        assert_eq!(SUBNET.simulate().unwrap(), again);
        let other = SimulatedSubnet { seed: Seed(4), ..SUBNET }.simulate().unwrap();
        assert_ne!(other.table, again.table);
        // Recorded once: the numbers must not depend on the machine or on a dependency's version.
        let first: Vec<f64> = again.table.scores().row(0).to_vec();
        assert_eq!(first, [0.3, 0.44, 0.44, 0.46, 0.22]);
    }

    #[test]
    fn there_is_something_of_everything() {
        let Simulation { table, kinds } = SUBNET.simulate().unwrap();
        let copies = kinds.iter().filter(|kind| matches!(kind, MinerKind::Copy { .. })).count();
        let specialists = kinds.iter().filter(|kind| **kind == MinerKind::Specialist).count();
        assert!((4..16).contains(&copies) && (10..36).contains(&specialists), "{kinds:?}");
        let blocks: BTreeSet<_> = table.first_blocks().iter().collect();
        assert!(blocks.len() < 64, "no two miners share a block");
        let scores = ParetoSubsets::new().score(&table).unwrap();
        for (row, kind) in kinds.iter().enumerate() {
            if matches!(kind, MinerKind::Copy { .. }) {
                assert_eq!(scores.points[row], 0, "a copy earns");
            }
        }
    }

    #[test]
    fn sizes_that_make_no_subnet_are_errors() {
        let simulate = |subnet: SimulatedSubnet| subnet.simulate().unwrap_err();
        assert_eq!(simulate(SimulatedSubnet { miners: 0, ..SUBNET }), TableError::NoMiners);
        assert_eq!(simulate(SimulatedSubnet { envs: 0, ..SUBNET }), TableError::NoEnvironments);
        let many = simulate(SimulatedSubnet { envs: 100, ..SUBNET });
        assert_eq!(many, TableError::TooManyEnvironments(100));
    }
}
