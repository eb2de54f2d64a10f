//! `GET /v1/weights/latest` and `GET /v1/weights/{block}`.

use std::collections::BTreeMap;

use kinitro_core::scoring::{ChainWeights, Method};
use kinitro_core::{BlockNumber, CycleId, Hotkey, MinerUid};
use serde::{Deserialize, Serialize};

use super::Timestamp;
#[cfg(feature = "api")]
use super::schema;

/// `GET /v1/weights/latest` and `GET /v1/weights/{block}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WeightsBody {
    /// The block at which the cycle read the miners' commitments.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block: BlockNumber,
    /// Each miner's share, 0 to 1; the shares sum to 1.
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, f64>))]
    pub weights: BTreeMap<MinerUid, f64>,
    /// When the weights were stored.
    pub created_at: Timestamp,
    /// The id of the cycle that produced the weights.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub cycle_id: CycleId,
    /// The same as `block`.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block_number: BlockNumber,
    /// The same as `created_at`.
    pub timestamp: Timestamp,
    /// The weights in the chain's units.
    #[cfg_attr(feature = "api", schema(value_type = schema::ChainWeights))]
    pub weights_u16: ChainWeights,
    /// The hotkey that was evaluated in each slot. A slot may have changed owner since; the new
    /// owner has not earned the weight.
    #[serde(default)]
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, String>))]
    pub hotkeys: BTreeMap<MinerUid, Hotkey>,
    /// What the weights are based on.
    pub metadata: WeightsMetadata,
}

/// What weights are based on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WeightsMetadata {
    /// The number of miners evaluated.
    pub n_miners_evaluated: u32,
    /// The number of environments they were evaluated in.
    pub n_environments: u32,
    /// How long the evaluation took, in seconds; null if unknown.
    pub evaluation_duration_seconds: Option<f64>,
    /// The rule that the weights were computed by, with its options.
    #[cfg_attr(feature = "api", schema(value_type = schema::Method))]
    pub method: Method,
}
