//! The thresholds that a later committer must exceed.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::{EnvSet, ScoreTable};

/// The threshold for a pair that is missing from the input: a later committer must at least have
/// some success.
const MISSING_THRESHOLD: f64 = 0.02;

/// Why numbers do not form a valid [`Gap`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GapError {
    /// The factor is negative or not finite.
    #[error("z is {0}: it must be a finite number, 0 or more")]
    InvalidZ(f64),
    /// The bounds are not `0 <= min <= max <= 1`.
    #[error("the gap is bounded by {min} and {max}: they must satisfy 0 <= min <= max <= 1")]
    InvalidBounds {
        /// The lower bound.
        min: f64,
        /// The upper bound.
        max: f64,
    },
}

/// How far a later miner must be above an earlier miner's score.
///
/// The gap is `z` standard errors of the score, `z * sqrt(p(1-p)/n)`, clamped to its bounds. `p` is
/// clamped to `[0.01, 0.99]`, so that a score of 0 or 1 does not look certain. Source:
/// docs/spec/scoring.md §2; the standard error is that of a binomial proportion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Gap {
    z: f64,
    min: f64,
    max: f64,
}

#[derive(Deserialize)]
struct Unchecked {
    z: f64,
    min: f64,
    max: f64,
}

impl TryFrom<Unchecked> for Gap {
    type Error = GapError;

    fn try_from(Unchecked { z, min, max }: Unchecked) -> Result<Self, GapError> {
        Self::new(z, min, max)
    }
}

impl Default for Gap {
    /// `z` is 1.5, and the gap is between 0.02 and 0.10.
    fn default() -> Self {
        Self { z: 1.5, min: 0.02, max: 0.10 }
    }
}

impl Gap {
    /// A gap of `z` standard errors, at least `min` and at most `max`, in units of success rate.
    ///
    /// # Errors
    /// [`GapError`] unless `z` is finite and not negative and `0 <= min <= max <= 1`.
    pub fn new(z: f64, min: f64, max: f64) -> Result<Self, GapError> {
        if !(z.is_finite() && z >= 0.0) {
            return Err(GapError::InvalidZ(z));
        }
        if !(0.0 <= min && min <= max && max <= 1.0) {
            return Err(GapError::InvalidBounds { min, max });
        }
        Ok(Self { z, min, max })
    }

    /// The number of standard errors.
    pub fn z(&self) -> f64 {
        self.z
    }

    /// The lower bound of the gap, in units of success rate.
    pub fn min(&self) -> f64 {
        self.min
    }

    /// The upper bound of the gap, in units of success rate; also the gap when there are no
    /// episodes.
    pub fn max(&self) -> f64 {
        self.max
    }

    /// The score above which a later miner beats this one. It is at most 1, which no one can
    /// exceed.
    pub fn threshold(&self, score: f64, episodes: u32) -> f64 {
        let gap = if episodes == 0 {
            self.max
        } else {
            let p = score.clamp(0.01, 0.99);
            (self.z * (p * (1.0 - p) / f64::from(episodes)).sqrt()).clamp(self.min, self.max)
        };
        (score + gap).min(1.0)
    }
}

/// Every miner's threshold on every environment of one table, which determines who beats whom
/// where.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    values: Array2<f64>,
}

impl Thresholds {
    /// The thresholds for a table. A missing pair has the threshold 0.02 (docs/spec/scoring.md §2).
    pub fn new(table: &ScoreTable, gap: &Gap) -> Self {
        let values = Array2::from_shape_fn(table.scores().dim(), |(row, env)| {
            if table.measured(row).contains(env) {
                gap.threshold(table.scores()[[row, env]], table.episodes_per_env())
            } else {
                MISSING_THRESHOLD
            }
        });
        Self { values }
    }

    /// The thresholds, shape `[miners, environments]`, in units of success rate.
    pub fn view(&self) -> ArrayView2<'_, f64> {
        self.values.view()
    }

    /// The environments of `table` on which the miner in row `later` is above the threshold of the
    /// miner in row `earlier`: the `W(later, earlier)` of docs/spec/scoring.md §3.
    ///
    /// # Panics
    /// When there is no such row, or the thresholds belong to another table.
    pub fn beaten_on(&self, table: &ScoreTable, later: usize, earlier: usize) -> EnvSet {
        let envs = table.env_count();
        let all = self.values.as_slice().expect("the array was made in standard layout");
        let thresholds = &all[earlier * envs..(earlier + 1) * envs];
        let bits = table
            .row(later)
            .iter()
            .zip(thresholds)
            .enumerate()
            .fold(0, |bits, (env, (score, threshold))| bits | u64::from(score > threshold) << env);
        EnvSet::from_bits(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::super::MinerScores;
    use super::*;
    use crate::EnvId;

    #[test]
    fn the_gap_is_bounded_and_the_threshold_stops_at_one() {
        let gap = Gap::default();
        assert_eq!(gap.threshold(0.5, 0), 0.6);
        assert_eq!(gap.threshold(0.5, 1), 0.6);
        assert_eq!(gap.threshold(0.5, 1_000_000), 0.52);
        assert_eq!(gap.threshold(0.99, 50), 1.0);
        // By hand: 1.5 * sqrt(0.2 * 0.8 / 100) = 0.06.
        assert!((gap.threshold(0.2, 100) - 0.26).abs() < 1e-12);
    }

    #[test]
    fn a_gap_is_checked() {
        assert!(Gap::new(0.0, 0.0, 1.0).is_ok());
        for (z, min, max) in [
            (f64::NAN, 0.0, 1.0),
            (f64::INFINITY, 0.0, 1.0),
            (-1.0, 0.0, 1.0),
            (1.0, 0.2, 0.1),
            (1.0, -0.1, 0.1),
            (1.0, 0.0, f64::NAN),
            (1.0, 0.0, 1.5),
        ] {
            let error = Gap::new(z, min, max).unwrap_err().to_string();
            assert!(error.contains("must"), "{error}");
        }
    }

    #[test]
    fn a_gap_is_checked_when_it_is_read() {
        let gap = Gap::new(2.0, 0.01, 0.5).unwrap();
        let json = serde_json::to_value(gap).unwrap();
        assert_eq!(serde_json::from_value::<Gap>(json).unwrap(), gap);
        let bad = serde_json::json!({"z": -1.0, "min": 0.0, "max": 0.1});
        assert!(serde_json::from_value::<Gap>(bad).unwrap_err().to_string().contains("z is -1"));
    }

    #[test]
    fn a_missing_pair_is_beaten_by_a_little_success() {
        let envs: Vec<EnvId> = ["env/a", "env/b"].map(|id| id.parse().unwrap()).into();
        let absent = MinerScores { uid: 0.into(), first_block: None, scores: Default::default() };
        let scores = [(envs[0].clone(), 0.02), (envs[1].clone(), 0.03)].into();
        let present = MinerScores { uid: 1.into(), first_block: None, scores };
        let table = ScoreTable::new(envs, vec![absent, present], 50).unwrap();
        let thresholds = Thresholds::new(&table, &Gap::default());
        assert_eq!(thresholds.beaten_on(&table, 1, 0), EnvSet::from_bits(0b10));
        assert_eq!(thresholds.beaten_on(&table, 0, 1), EnvSet::EMPTY);
    }
}
