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
    /// The name under which the rule is stored, published and recreated. It never changes and must
    /// be unique.
    fn name(&self) -> &str;

    /// All options as a JSON object, including those left at their defaults. They recreate the same
    /// rule, which computes the same weights.
    fn options(&self) -> Value;

    /// Computes weights for the miners in the table, with the intermediate results.
    ///
    /// # Errors
    /// [`ScoringError`] when the options do not suit the table or it needs too much work.
    fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError>;

    /// Computes only the weights.
    ///
    /// # Errors
    /// Those of [`score`](Self::score).
    fn weigh(&self, table: &ScoreTable) -> Result<WeightSet, ScoringError> {
        Ok(self.score(table)?.weights)
    }

    /// Explains why each miner has its points; `None` if the rule gives no explanations.
    ///
    /// # Errors
    /// Those of [`score`](Self::score).
    fn explain(&self, table: &ScoreTable) -> Result<Option<Explanations>, ScoringError> {
        let _ = table;
        Ok(None)
    }

    /// The name and options together, as published with every set of weights.
    fn method(&self) -> Method {
        Method { name: self.name().to_owned(), options: self.options() }
    }
}

/// The rule with which a set of weights was computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// The name of the rule.
    pub name: String,
    /// All options of the rule, including those left at their defaults.
    pub options: Value,
}

/// The weights of all miners of one table, in the order of its rows; empty when no miner earns
/// anything.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSet {
    /// The miners; empty when no miner earns anything.
    pub uids: Vec<MinerUid>,
    /// The miners' shares: finite, non-negative, with a sum of 1.
    pub shares: Vec<f64>,
    /// The miners' shares in the chain's unit, 1/65535.
    pub values: Vec<u16>,
    /// The rule that computed the weights.
    pub method: Method,
}

impl WeightSet {
    /// A set of these shares, with the integers for the chain computed from them.
    ///
    /// # Errors
    /// [`WeightsError`] when the numbers of shares and miners differ, a share is negative or not
    /// finite, or all shares are 0. If no miner earns anything, use [`WeightSet::nobody`].
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

    /// No weights: no miner earns anything.
    pub fn nobody(method: Method) -> Self {
        Self { uids: Vec::new(), shares: Vec::new(), values: Vec::new(), method }
    }

    /// Whether no miner earns anything.
    pub fn is_nobody(&self) -> bool {
        self.uids.is_empty()
    }
}

/// The results of a rule for a table, in the order of the table's rows and columns.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scores {
    /// The difference in success rate that counts as noise, for each environment.
    pub epsilons: Vec<f64>,
    /// The rows of the miners whom no other miner dominates, given these epsilons.
    pub frontier: Vec<usize>,
    /// The success rates that a later committer must exceed; `None` for a rule without them.
    pub thresholds: Option<Thresholds>,
    /// The number of sets of environments that each miner wins, by size; empty for a rule that does
    /// not count sets.
    pub wins: Vec<SizeCounts>,
    /// The points of each miner; empty for a rule without points.
    pub points: Vec<u128>,
    /// The weights of the miners.
    pub weights: WeightSet,
}

impl Scores {
    /// The given weights, with the table's epsilons and frontier, which do not depend on the rule.
    pub fn new(table: &ScoreTable, weights: WeightSet) -> Self {
        let epsilons = epsilons(table);
        let frontier = frontier(table, &epsilons);
        Self { epsilons, frontier, thresholds: None, wins: Vec::new(), points: Vec::new(), weights }
    }

    /// Sets the success rates that a later committer must exceed.
    #[must_use]
    pub fn with_thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// Sets the points of each miner.
    #[must_use]
    pub fn with_points(mut self, points: Vec<u128>) -> Self {
        self.points = points;
        self
    }

    /// Sets the number of sets of environments that each miner wins, by size.
    #[must_use]
    pub fn with_wins(mut self, wins: Vec<SizeCounts>) -> Self {
        self.wins = wins;
        self
    }
}

/// The same share for every miner, whatever its scores. Meant for a subnet without results yet.
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
