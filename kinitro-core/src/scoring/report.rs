//! The scores of a table in the shape that programs read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Method, ScoreTable, Scores, Thresholds, WeightSet};
use crate::{EnvId, MinerUid};

/// All intermediate results, by uid and environment, as `kinitro score --json` prints them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreReport {
    /// For each environment, in the order of the input, the difference that is taken for noise.
    pub epsilons: Vec<f64>,
    /// The miners whom nobody dominates, in the order of the input.
    pub frontier: Vec<MinerUid>,
    /// The success rate that a later committer must exceed. A pair that is missing from the input is
    /// missing here; empty for a rule without thresholds.
    pub thresholds: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// The points of each miner; empty for a rule that gives none. From 2^53 on the nearest `f64`
    /// stands for the exact integer.
    pub subset_scores: BTreeMap<MinerUid, f64>,
    /// The share of each miner, in `[0, 1]`; empty when nobody earns.
    pub weights: BTreeMap<MinerUid, f64>,
    /// The weights for the chain.
    pub weights_u16: ChainWeights,
    /// What made the weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
}

/// Weights in the unit of the chain, in the order of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainWeights {
    /// The miners.
    pub uids: Vec<MinerUid>,
    /// Their weights, in units of 1/65535.
    pub values: Vec<u16>,
}

impl From<&WeightSet> for ChainWeights {
    fn from(weights: &WeightSet) -> Self {
        Self { uids: weights.uids.clone(), values: weights.values.clone() }
    }
}

impl ScoreReport {
    /// The report of `scores`, which were computed from `table`.
    ///
    /// # Panics
    /// When the scores are those of a table of another shape.
    pub fn new(table: &ScoreTable, scores: &Scores) -> Self {
        let uids = table.uids();
        let thresholds_of = |thresholds: &Thresholds| {
            let of_row = |row: usize| {
                let envs = table.measured(row).iter();
                let threshold =
                    |env: usize| (table.env_ids()[env].clone(), thresholds.view()[[row, env]]);
                (uids[row], envs.map(threshold).collect())
            };
            (0..uids.len()).map(of_row).collect()
        };
        let by_uid = |values: Vec<f64>| uids.iter().copied().zip(values).collect();
        Self {
            epsilons: scores.epsilons.clone(),
            frontier: scores.frontier.iter().map(|&row| uids[row]).collect(),
            thresholds: scores.thresholds.as_ref().map(thresholds_of).unwrap_or_default(),
            subset_scores: by_uid(scores.points.iter().map(|&points| points as f64).collect()),
            weights: by_uid(scores.weights.shares.clone()),
            weights_u16: ChainWeights::from(&scores.weights),
            method: Some(scores.weights.method.clone()),
        }
    }
}
