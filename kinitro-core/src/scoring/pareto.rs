//! The subnet's rule: points for every set of environments that a miner wins.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::counts::Scheme;
use super::explain::{Explanations, explain};
use super::frontier::{epsilons, frontier};
use super::subsets::{CountError, DEFAULT_WORK_LIMIT, count_wins};
use super::threshold::{Gap, Thresholds};
use super::weighting::{Scores, WeightSet, Weighting};
use super::weights::{PointScale, Rounding, WeightsError, softmax_of_points, to_u16};
use super::{ScoreTable, TableError};

/// Why no weights could be computed for a table.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoringError {
    /// The numbers do not form a valid table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The winners could not be counted.
    #[error(transparent)]
    Count(#[from] CountError),
    /// The points could not be turned into weights.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// An error specific to a custom rule.
    #[error(transparent)]
    Rule(Box<dyn std::error::Error + Send + Sync>),
}

/// Gives points for every set of environments to the miner that is best on it, with priority for
/// earlier committers. The weights are a softmax over the points (docs/spec/scoring.md).
///
/// ```
/// use kinitro_core::scoring::{ParetoSubsets, PointScale, Scheme, SimulatedSubnet};
///
/// let subnet = SimulatedSubnet { miners: 5, envs: 3, episodes_per_env: 50, seed: 7.into() };
/// let rule = ParetoSubsets::new().scheme(Scheme::Equal).points(PointScale::Share).temperature(0.2);
/// let scores = rule.score(&subnet.simulate()?.table)?;
/// assert!(scores.points.iter().sum::<u128>() <= 7);
/// assert!((scores.weights.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// # Ok::<(), kinitro_core::scoring::ScoringError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParetoSubsets {
    scheme: Scheme,
    points: PointScale,
    temperature: f64,
    gap: Gap,
    rounding: Rounding,
    work_limit: u64,
}

impl Default for ParetoSubsets {
    fn default() -> Self {
        Self {
            scheme: Scheme::default(),
            points: PointScale::default(),
            temperature: 1.0,
            gap: Gap::default(),
            rounding: Rounding::default(),
            work_limit: DEFAULT_WORK_LIMIT,
        }
    }
}

impl ParetoSubsets {
    /// The stable name of the rule.
    pub const NAME: &'static str = "pareto-subsets";

    /// The rule with the defaults of the subnet: linear points, raw, at temperature 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how many points a set brings, depending on its size. Default: linear.
    #[must_use]
    pub fn scheme(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    /// Sets the scale of the points in the softmax. Default: raw.
    #[must_use]
    pub fn points(self, points: PointScale) -> Self {
        Self { points, ..self }
    }

    /// Sets the temperature of the softmax, above 0: the lower it is, the more the leader gets.
    /// Default: 1.
    #[must_use]
    pub fn temperature(self, temperature: f64) -> Self {
        Self { temperature, ..self }
    }

    /// Sets how much better a later miner must be. Default: 1.5 standard errors, between 0.02 and
    /// 0.10.
    #[must_use]
    pub fn gap(self, gap: Gap) -> Self {
        Self { gap, ..self }
    }

    /// Sets how shares are rounded to the chain's integers. Default: down.
    #[must_use]
    pub fn rounding(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// Sets how many steps the count may take. Default: [`DEFAULT_WORK_LIMIT`].
    #[must_use]
    pub fn work_limit(self, work_limit: u64) -> Self {
        Self { work_limit, ..self }
    }

    /// Changes the options that the JSON object `options` names, out of `scheme`, `points`,
    /// `temperature`, `gap`, `rounding` and `work_limit`.
    ///
    /// # Errors
    /// When an option is unknown or its value is invalid.
    pub fn with_options(self, options: &Value) -> Result<Self, serde_json::Error> {
        let mut all = serde_json::to_value(self)?;
        match (all.as_object_mut(), options.as_object()) {
            (Some(all), Some(changed)) => {
                all.extend(changed.iter().map(|(name, value)| (name.clone(), value.clone())));
                serde_json::from_value(all.clone().into())
            }
            _ => serde_json::from_value(options.clone()),
        }
    }

    /// Computes the weights for a table, with the results of every step.
    ///
    /// # Errors
    /// [`ScoringError::Weights`] for a temperature that is not above 0, [`ScoringError::Count`] when
    /// the work limit is reached.
    pub fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
        let epsilons = epsilons(table);
        let frontier = frontier(table, &epsilons);
        let thresholds = Thresholds::new(table, &self.gap);
        let wins = count_wins(table, &thresholds, self.work_limit)?;
        let points: Vec<u128> = wins.iter().map(|wins| wins.points(self.scheme)).collect();
        let weights = self.weights_of(table, &points)?;
        let thresholds = Some(thresholds);
        Ok(Scores { epsilons, frontier, thresholds, wins, points, weights })
    }

    /// Explains why each miner has its points.
    ///
    /// # Errors
    /// [`ScoringError::Count`] when the work limit is reached.
    pub fn explain(&self, table: &ScoreTable) -> Result<Explanations, ScoringError> {
        let thresholds = Thresholds::new(table, &self.gap);
        Ok(explain(table, &thresholds, self.scheme, self.work_limit)?)
    }

    fn weights_of(&self, table: &ScoreTable, points: &[u128]) -> Result<WeightSet, WeightsError> {
        let shares = softmax_of_points(points, self.points, self.temperature)?;
        let values = to_u16(&shares, self.rounding)?;
        Ok(WeightSet { uids: table.uids().to_vec(), shares, values, method: self.method() })
    }
}

impl Weighting for ParetoSubsets {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn options(&self) -> Value {
        // The work limit is left out: it decides whether there are weights, not what they are.
        json!({
            "scheme": self.scheme,
            "points": self.points,
            "temperature": self.temperature,
            "gap": self.gap,
            "rounding": self.rounding,
        })
    }

    fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
        Self::score(self, table)
    }

    fn weigh(&self, table: &ScoreTable) -> Result<WeightSet, ScoringError> {
        let thresholds = Thresholds::new(table, &self.gap);
        let wins = count_wins(table, &thresholds, self.work_limit)?;
        let points: Vec<u128> = wins.iter().map(|wins| wins.points(self.scheme)).collect();
        Ok(self.weights_of(table, &points)?)
    }

    fn explain(&self, table: &ScoreTable) -> Result<Option<Explanations>, ScoringError> {
        Self::explain(self, table).map(Some)
    }
}
