//! The interface for alternative rules for rewarding miners.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ScoreTable;
use super::counts::SizeCounts;
use super::explain::Explanations;
use super::frontier::{epsilons, frontier};
use super::pareto::ScoringError;
use super::threshold::Thresholds;
use super::weights::{Rounding, WeightsError, to_u16};
use crate::MinerUid;

/// A rule that turns success rates into the weights of a subnet.
///
/// A rule is a pure function of the table: no clock, no randomness, no dependence on the order of a
/// hash map, because every validator must come to the same weights. Permuting the miners permutes
/// the weights.
///
/// Each evaluation cycle is stored with the [`name`](Self::name) and [`options`](Self::options) of
/// the rule it began with, so that any process can later finish it with the same rule, recreated
/// from [`Weightings`](super::Weightings).
///
/// ```
/// use kinitro_core::scoring::{
///     Rounding, ScoreTable, Scores, ScoringError, WeightSet, Weighting, Weightings,
/// };
/// use serde::{Deserialize, Serialize};
/// use serde_json::Value;
///
/// /// A share in proportion to the mean success rate; nobody earns below `least`.
/// #[derive(Debug, Serialize, Deserialize)]
/// struct Proportional {
///     least: f64,
/// }
///
/// impl Weighting for Proportional {
///     fn name(&self) -> &str {
///         "proportional"
///     }
///
///     fn options(&self) -> Value {
///         serde_json::json!({"least": self.least})
///     }
///
///     fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
///         let scores = table.scores();
///         let means = scores.rows().into_iter().map(|row| row.mean().unwrap_or(0.0));
///         let earned: Vec<f64> =
///             means.map(|mean| if mean < self.least { 0.0 } else { mean }).collect();
///         let sum: f64 = earned.iter().sum();
///         let weights = if sum == 0.0 {
///             WeightSet::nobody(self.method())
///         } else {
///             let shares = earned.iter().map(|mean| mean / sum).collect();
///             WeightSet::new(table.uids().to_vec(), shares, Rounding::Floor, self.method())?
///         };
///         Ok(Scores::new(table, weights))
///     }
/// }
///
/// let rules = Weightings::builtin()
///     .with("proportional", |options| serde_json::from_value::<Proportional>(options.clone()));
/// let rule = rules.make("proportional", &serde_json::json!({"least": 0.1}))?;
/// assert_eq!(rule.options()["least"], 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Weighting: Send + Sync + fmt::Debug {
    /// The name by which the rule is stored, published and made again. It never changes, and
    /// another rule has another name.
    fn name(&self) -> &str;

    /// All options as a JSON object, those left at their defaults too: what makes the same rule
    /// again, and so comes to the same weights.
    fn options(&self) -> Value;

    /// Weights for the miners of the table, with the steps on the way to them.
    ///
    /// # Errors
    /// [`ScoringError`] when the options make no sense for the table or it asks for too much work.
    fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError>;

    /// The weights alone.
    ///
    /// # Errors
    /// Those of [`score`](Self::score).
    fn weigh(&self, table: &ScoreTable) -> Result<WeightSet, ScoringError> {
        Ok(self.score(table)?.weights)
    }

    /// Why each miner has its points; `None` when the rule has no explanation to give.
    ///
    /// # Errors
    /// Those of [`score`](Self::score).
    fn explain(&self, table: &ScoreTable) -> Result<Option<Explanations>, ScoringError> {
        let _ = table;
        Ok(None)
    }

    /// Name and options together, which are published with every set of weights.
    fn method(&self) -> Method {
        Method { name: self.name().to_owned(), options: self.options() }
    }
}

/// How a set of weights was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// The name of the rule.
    pub name: String,
    /// All its options, those left at their defaults too.
    pub options: Value,
}

/// The weights of all miners of one table, in the order of its rows, or of none of them when nobody
/// earns anything.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSet {
    /// The miners; empty when nobody earns.
    pub uids: Vec<MinerUid>,
    /// Their shares: finite, not negative, with the sum 1.
    pub shares: Vec<f64>,
    /// Their shares in the unit of the chain, 1/65535.
    pub values: Vec<u16>,
    /// What made them.
    pub method: Method,
}

impl WeightSet {
    /// The shares of these miners, with their integers for the chain.
    ///
    /// # Errors
    /// [`WeightsError`] when there is not one share for each miner, a share is negative or not
    /// finite, or all are 0: that nobody earns is said by [`WeightSet::nobody`].
    pub fn new(
        uids: Vec<MinerUid>,
        shares: Vec<f64>,
        rounding: Rounding,
        method: Method,
    ) -> Result<Self, WeightsError> {
        if uids.len() != shares.len() {
            return Err(WeightsError::WrongLength { miners: uids.len(), shares: shares.len() });
        }
        let values = to_u16(&shares, rounding)?;
        Ok(Self { uids, shares, values, method })
    }

    /// No weights: nobody earns anything.
    pub fn nobody(method: Method) -> Self {
        Self { uids: Vec::new(), shares: Vec::new(), values: Vec::new(), method }
    }

    /// Whether nobody earns anything.
    pub fn is_nobody(&self) -> bool {
        self.uids.is_empty()
    }
}

/// What a rule makes of a table, in the order of the table's rows and columns.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scores {
    /// For each environment the difference in success rate that is taken for noise.
    pub epsilons: Vec<f64>,
    /// The rows of the miners whom nobody dominates within those epsilons.
    pub frontier: Vec<usize>,
    /// The success rates that a later committer must exceed; `None` for a rule without them.
    pub thresholds: Option<Thresholds>,
    /// For each miner how many sets of environments it wins, by size; empty for a rule that counts
    /// none.
    pub wins: Vec<SizeCounts>,
    /// For each miner its points; empty for a rule that gives none.
    pub points: Vec<u128>,
    /// The weights of the miners.
    pub weights: WeightSet,
}

impl Scores {
    /// Those weights, with epsilons and frontier of the table, which are the same for every rule.
    pub fn new(table: &ScoreTable, weights: WeightSet) -> Self {
        let epsilons = epsilons(table);
        let frontier = frontier(table, &epsilons);
        Self { epsilons, frontier, thresholds: None, wins: Vec::new(), points: Vec::new(), weights }
    }

    /// What a later committer must exceed.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// The points of each miner.
    #[must_use]
    pub fn with_points(mut self, points: Vec<u128>) -> Self {
        self.points = points;
        self
    }

    /// How many sets of environments each miner wins, by size.
    #[must_use]
    pub fn with_wins(mut self, wins: Vec<SizeCounts>) -> Self {
        self.wins = wins;
        self
    }
}

/// The same share for everyone, whatever they reached. For a subnet that has no results yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uniform {}

impl Uniform {
    /// The stable name of the rule.
    pub const NAME: &'static str = "uniform";
}

impl Weighting for Uniform {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn options(&self) -> Value {
        Value::Object(serde_json::Map::new())
    }

    fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
        let miners = table.miner_count();
        let shares = vec![1.0 / miners as f64; miners];
        let weights =
            WeightSet::new(table.uids().to_vec(), shares, Rounding::Floor, self.method())?;
        Ok(Scores::new(table, weights))
    }
}
