//! Where another way to reward miners plugs in.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::weights::{Rounding, to_u16};
use super::{ScoreTable, ScoringError};
use crate::MinerUid;

/// A rule that turns success rates into the weights of a subnet.
///
/// An implementation is a pure function of the table: no clock, no randomness, no dependence on the
/// order of a hash map, because every validator must come to the same weights. Permuting the miners
/// permutes the weights.
pub trait Weighting: Send + Sync {
    /// The rule's name and options, which are published with every set of weights.
    fn method(&self) -> Method;

    /// One share for each miner of the table, in the order of its rows.
    ///
    /// # Errors
    /// [`ScoringError`] when the options make no sense or the table asks for too much work.
    fn weigh(&self, table: &ScoreTable) -> Result<WeightSet, ScoringError>;
}

/// How a set of weights was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// The name of the rule.
    pub name: String,
    /// All its options, those that were left at their defaults too.
    pub options: Value,
}

/// The weights of all miners of one table, in the order of its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightSet {
    /// The miners.
    pub uids: Vec<MinerUid>,
    /// Their shares: finite, not negative, with the sum 1.
    pub shares: Vec<f64>,
    /// Their shares in the unit of the chain, 1/65535.
    pub values: Vec<u16>,
    /// What made them.
    pub method: Method,
}

/// The same share for everyone, whatever they reached. For a subnet that has no results yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Uniform;

impl Weighting for Uniform {
    fn method(&self) -> Method {
        Method { name: "uniform".to_owned(), options: Value::Object(serde_json::Map::new()) }
    }

    fn weigh(&self, table: &ScoreTable) -> Result<WeightSet, ScoringError> {
        let miners = table.miner_count();
        let shares = vec![1.0 / miners as f64; miners];
        let values = to_u16(&shares, Rounding::Floor)?;
        Ok(WeightSet { uids: table.uids().to_vec(), shares, values, method: self.method() })
    }
}
