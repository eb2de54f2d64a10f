//! A rule of one's own for rewarding miners.

use kinitro_eval::kinitro_core::scoring::{
    Rounding, ScoreTable, Scores, ScoringError, WeightSet, Weighting, Weightings,
};
use serde::{Deserialize, Serialize};

/// Shares in proportion to the mean success rate of those who reach `least`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proportional {
    /// The mean success rate below which a miner earns nothing.
    pub least: f64,
}

impl Proportional {
    /// The built-in rules and this one.
    pub fn rules() -> Weightings {
        Weightings::builtin()
            .with("proportional", |options| serde_json::from_value::<Self>(options.clone()))
    }
}

impl Weighting for Proportional {
    fn name(&self) -> &str {
        "proportional"
    }

    fn options(&self) -> serde_json::Value {
        serde_json::json!({"least": self.least})
    }

    fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
        let scores = table.scores();
        let means = scores.rows().into_iter().map(|row| row.mean().unwrap_or(0.0));
        let earned: Vec<f64> =
            means.map(|mean| if mean < self.least { 0.0 } else { mean }).collect();
        let sum: f64 = earned.iter().sum();
        let weights = if sum == 0.0 {
            WeightSet::nobody(self.method())
        } else {
            let shares = earned.iter().map(|mean| mean / sum).collect();
            WeightSet::new(table.uids().to_vec(), shares, Rounding::Floor, self.method())?
        };
        Ok(Scores::new(table, weights))
    }
}
