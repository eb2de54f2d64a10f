//! The scores of a table in machine-readable form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Method, ScoreTable, Scores, Thresholds, WeightSet};
use crate::{EnvId, MinerUid};

/// All results, including intermediate ones, by uid and environment, as printed by `kinitro score
/// --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreReport {
    /// The difference in success rate that counts as noise, for each environment in input order.
    pub epsilons: Vec<f64>,
    /// The miners whom no other miner dominates, in input order.
    pub frontier: Vec<MinerUid>,
    /// The success rates, in `[0, 1]`, that a later committer must exceed. Pairs missing from the
    /// input are missing here too. Empty for a rule without thresholds.
    pub thresholds: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// The points of each miner; empty for a rule without points. From 2^53 on, the nearest `f64`
    /// to the exact integer.
    pub subset_scores: BTreeMap<MinerUid, f64>,
    /// The share of each miner, in `[0, 1]`; empty when no miner earns anything.
    pub weights: BTreeMap<MinerUid, f64>,
    /// The weights for the chain.
    pub weights_u16: ChainWeights,
    /// The rule that computed the weights, with its options.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
}

/// Weights in the chain's unit, in input order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainWeights {
    /// The miners.
    pub uids: Vec<MinerUid>,
    /// The miners' weights, in units of 1/65535.
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
    /// When the scores belong to a table of another shape.
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
