//! The success rates from which everything else is computed.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::EnvSet;
use crate::{BlockNumber, EnvId, MinerUid};

/// Why numbers do not form a valid table of scores.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There are no miners.
    #[error("there is no miner in the table: give at least one")]
    NoMiners,
    /// There are no environments.
    #[error("there is no environment in the table: name at least one")]
    NoEnvironments,
    /// There are more environments than an [`EnvSet`] can hold.
    #[error(
        "{0} environments are too many: at most {max} can be scored together, leave some out",
        max = EnvSet::CAPACITY
    )]
    TooManyEnvironments(usize),
    /// An environment appears twice.
    #[error("environment `{0}` is named twice: each may have one column")]
    DuplicateEnvironment(EnvId),
    /// A miner appears twice.
    #[error("miner {0} is there twice: each uid may have one row")]
    DuplicateUid(MinerUid),
    /// A miner has a score on an environment that is not in the table.
    #[error("miner {uid} has a score on `{env}`, which is not among the environments of the table")]
    UnknownEnvironment {
        /// The miner with the score.
        uid: MinerUid,
        /// The environment.
        env: EnvId,
    },
    /// A score is not a success rate.
    #[error("miner {uid} has the score {score} on `{env}`: it must be a number from 0 to 1")]
    InvalidScore {
        /// The miner with the score.
        uid: MinerUid,
        /// The environment.
        env: EnvId,
        /// The invalid score.
        score: f64,
    },
    /// The shape of an array does not match the given miners and environments.
    #[error("an array of shape {found:?} does not fit {miners} miners and {envs} environments")]
    WrongShape {
        /// The number of miners given.
        miners: usize,
        /// The number of environments given.
        envs: usize,
        /// The shape of the array.
        found: [usize; 2],
    },
}

/// The scores of one miner: a row of a [`ScoreTable`] before it is checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MinerScores {
    /// The miner.
    pub uid: MinerUid,
    /// The block of its first commitment; `None` if unknown, which sorts last.
    #[serde(default)]
    pub first_block: Option<BlockNumber>,
    /// Success rates in `[0, 1]`; a missing environment counts as 0.
    pub scores: BTreeMap<EnvId, f64>,
}

/// The success rates of miners (rows) on environments (columns), checked on construction.
///
/// ```
/// use kinitro_core::scoring::{MinerScores, ScoreTable};
///
/// let reach: kinitro_core::EnvId = "metaworld/reach-v3".parse()?;
/// let row = MinerScores {
///     uid: 7.into(),
///     first_block: Some(1200.into()),
///     scores: [(reach.clone(), 0.8)].into(),
/// };
/// let table = ScoreTable::new(vec![reach], vec![row], 50)?;
/// assert_eq!(table.scores()[[0, 0]], 0.8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    env_ids: Vec<EnvId>,
    uids: Vec<MinerUid>,
    first_blocks: Vec<Option<BlockNumber>>,
    scores: Array2<f64>,
    measured: Vec<EnvSet>,
    episodes_per_env: u32,
}

impl ScoreTable {
    /// A table of these miners and environments, in the given order.
    ///
    /// Each score is the success rate over `episodes_per_env` episodes.
    ///
    /// # Errors
    /// [`TableError`] when there are no miners, no environments or more than [`EnvSet::CAPACITY`]
    /// of them, when a miner or an environment appears twice, or when a score is on an environment
    /// that is not listed or is not in `[0, 1]`.
    pub fn new(
        env_ids: Vec<EnvId>,
        miners: Vec<MinerScores>,
        episodes_per_env: u32,
    ) -> Result<Self, TableError> {
        let columns = columns(&env_ids)?;
        let mut scores = Array2::zeros((miners.len(), env_ids.len()));
        let mut measured = Vec::with_capacity(miners.len());
        for (row, miner) in miners.iter().enumerate() {
            let mut envs = EnvSet::EMPTY.bits();
            for (env, &score) in &miner.scores {
                let column = *columns.get(env).ok_or_else(|| TableError::UnknownEnvironment {
                    uid: miner.uid,
                    env: env.clone(),
                })?;
                scores[[row, column]] = score;
                envs |= 1 << column;
            }
            measured.push(EnvSet::from_bits(envs));
        }
        let miners = miners.into_iter().map(|miner| (miner.uid, miner.first_block)).collect();
        Self::checked(env_ids, miners, scores, measured, episodes_per_env)
    }

    /// A table from an array of shape `[miners, environments]`, with a score for every pair.
    ///
    /// # Errors
    /// Those of [`ScoreTable::new`], and [`TableError::WrongShape`].
    pub fn from_array(
        env_ids: Vec<EnvId>,
        miners: Vec<(MinerUid, Option<BlockNumber>)>,
        scores: Array2<f64>,
        episodes_per_env: u32,
    ) -> Result<Self, TableError> {
        columns(&env_ids)?;
        let measured = vec![EnvSet::first(env_ids.len()); miners.len()];
        Self::checked(env_ids, miners, scores, measured, episodes_per_env)
    }

    fn checked(
        env_ids: Vec<EnvId>,
        miners: Vec<(MinerUid, Option<BlockNumber>)>,
        scores: Array2<f64>,
        measured: Vec<EnvSet>,
        episodes_per_env: u32,
    ) -> Result<Self, TableError> {
        if miners.is_empty() {
            return Err(TableError::NoMiners);
        }
        if scores.dim() != (miners.len(), env_ids.len()) {
            return Err(TableError::WrongShape {
                miners: miners.len(),
                envs: env_ids.len(),
                found: [scores.nrows(), scores.ncols()],
            });
        }
        let mut seen = BTreeSet::new();
        if let Some(&(uid, _)) = miners.iter().find(|(uid, _)| !seen.insert(*uid)) {
            return Err(TableError::DuplicateUid(uid));
        }
        let invalid = scores.indexed_iter().find(|(_, score)| !(0.0..=1.0).contains(*score));
        if let Some(((row, column), &score)) = invalid {
            let (uid, env) = (miners[row].0, env_ids[column].clone());
            return Err(TableError::InvalidScore { uid, env, score });
        }
        let (uids, first_blocks) = miners.into_iter().unzip();
        // Counting the winners needs rows as contiguous slices.
        let scores = scores.as_standard_layout().into_owned();
        Ok(Self { env_ids, uids, first_blocks, scores, measured, episodes_per_env })
    }

    /// The environments, in the order of the columns.
    pub fn env_ids(&self) -> &[EnvId] {
        &self.env_ids
    }

    /// The miners, in the order of the rows.
    pub fn uids(&self) -> &[MinerUid] {
        &self.uids
    }

    /// The block of each miner's first commitment, in the order of the rows.
    pub fn first_blocks(&self) -> &[Option<BlockNumber>] {
        &self.first_blocks
    }

    /// The success rates, shape `[miners, environments]`; a missing pair is 0.
    pub fn scores(&self) -> ArrayView2<'_, f64> {
        self.scores.view()
    }

    /// The environments on which the miner in this row has a score, even if it is 0.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn measured(&self, row: usize) -> EnvSet {
        self.measured[row]
    }

    /// The number of episodes behind each score.
    pub fn episodes_per_env(&self) -> u32 {
        self.episodes_per_env
    }

    /// The number of miners.
    pub fn miner_count(&self) -> usize {
        self.uids.len()
    }

    /// The number of environments.
    pub fn env_count(&self) -> usize {
        self.env_ids.len()
    }

    /// The rows in order of priority: by block, with unknown blocks last, then by uid.
    pub fn rows_by_priority(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.miner_count()).collect();
        rows.sort_by_key(|&row| (self.priority(row), self.uids[row]));
        rows
    }

    /// Whether the miner in row `a` committed strictly before the one in row `b`.
    pub(super) fn is_before(&self, a: usize, b: usize) -> bool {
        self.priority(a) < self.priority(b)
    }

    /// A key that orders miners by block. An unknown block comes after every known one.
    pub(super) fn priority(&self, row: usize) -> (bool, Option<BlockNumber>) {
        let block = self.first_blocks[row];
        (block.is_none(), block)
    }

    pub(super) fn row(&self, row: usize) -> &[f64] {
        let envs = self.env_count();
        let all = self.scores.as_slice().expect("the array was put in standard layout");
        &all[row * envs..(row + 1) * envs]
    }
}

/// The column of each environment.
fn columns(env_ids: &[EnvId]) -> Result<BTreeMap<&EnvId, usize>, TableError> {
    if env_ids.is_empty() {
        return Err(TableError::NoEnvironments);
    }
    if env_ids.len() > EnvSet::CAPACITY {
        return Err(TableError::TooManyEnvironments(env_ids.len()));
    }
    let mut columns = BTreeMap::new();
    for (column, env) in env_ids.iter().enumerate() {
        if columns.insert(env, column).is_some() {
            return Err(TableError::DuplicateEnvironment(env.clone()));
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn envs(n: usize) -> Vec<EnvId> {
        (0..n).map(|i| format!("env/{i}").parse().unwrap()).collect()
    }

    fn miner(uid: u16, scores: &[(usize, f64)]) -> MinerScores {
        let ids = envs(100);
        let scores = scores.iter().map(|&(env, score)| (ids[env].clone(), score)).collect();
        MinerScores { uid: uid.into(), first_block: None, scores }
    }

    fn message(env_count: usize, miners: Vec<MinerScores>) -> String {
        ScoreTable::new(envs(env_count), miners, 50).unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_bad_input_is_named() {
        assert!(message(1, vec![]).contains("no miner"));
        assert!(message(0, vec![miner(1, &[])]).contains("no environment"));
        assert!(message(65, vec![miner(1, &[])]).contains("65 environments are too many"));
        assert!(message(1, vec![miner(3, &[]), miner(3, &[])]).contains("miner 3 is there twice"));
        assert!(message(1, vec![miner(1, &[(1, 0.5)])]).contains("miner 1 has a score on `env/1`"));
        for bad in [f64::NAN, -0.01, 1.01, f64::INFINITY] {
            assert!(message(2, vec![miner(9, &[(1, bad)])]).contains("miner 9"), "{bad}");
        }
        let twice = vec![envs(1)[0].clone(); 2];
        let error = ScoreTable::new(twice, vec![miner(1, &[])], 50).unwrap_err();
        assert_eq!(error, TableError::DuplicateEnvironment(envs(1)[0].clone()));
        let array = array![[0.5, 0.5]];
        let error = ScoreTable::from_array(envs(3), vec![(1.into(), None)], array, 50);
        assert!(matches!(error, Err(TableError::WrongShape { miners: 1, envs: 3, .. })));
    }

    #[test]
    fn a_missing_pair_counts_as_zero_and_is_known_to_be_missing() {
        let table = ScoreTable::new(envs(2), vec![miner(1, &[(1, 0.0)])], 50).unwrap();
        assert_eq!(table.scores(), array![[0.0, 0.0]]);
        assert_eq!(table.measured(0).iter().collect::<Vec<_>>(), [1]);
        assert!(ScoreTable::new(envs(64), vec![miner(1, &[])], 50).is_ok());
    }

    #[test]
    fn an_unknown_block_is_after_every_known_one() {
        let mut miners: Vec<_> = (0..4).map(|uid| miner(uid, &[])).collect();
        miners[0].first_block = Some((1 << 40).into());
        miners[2].first_block = Some(5.into());
        miners.swap(1, 3);
        let table = ScoreTable::new(envs(1), miners, 50).unwrap();
        assert_eq!(table.rows_by_priority(), [2, 0, 3, 1]);
        assert!(table.is_before(0, 1) && !table.is_before(1, 3));
    }
}
