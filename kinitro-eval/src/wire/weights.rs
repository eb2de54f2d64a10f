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
    /// The block that was judged.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block: BlockNumber,
    /// The share of each miner; the sum is 1.
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, f64>))]
    pub weights: BTreeMap<MinerUid, f64>,
    /// When they were stored.
    pub created_at: Timestamp,
    /// The cycle that they are of.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub cycle_id: CycleId,
    /// The same as `block`.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block_number: BlockNumber,
    /// The same as `created_at`.
    pub timestamp: Timestamp,
    /// The weights in the unit of the chain.
    #[cfg_attr(feature = "api", schema(value_type = schema::ChainWeights))]
    pub weights_u16: ChainWeights,
    /// The hotkeys that were judged. A slot may have a new owner by now, who has earned nothing.
    #[serde(default)]
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, String>))]
    pub hotkeys: BTreeMap<MinerUid, Hotkey>,
    /// What they rest on.
    pub metadata: WeightsMetadata,
}

/// What weights rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WeightsMetadata {
    /// How many miners were judged.
    pub n_miners_evaluated: u32,
    /// In how many environments.
    pub n_environments: u32,
    /// How long that took.
    pub evaluation_duration_seconds: Option<f64>,
    /// The rule that made them, with its options.
    #[cfg_attr(feature = "api", schema(value_type = schema::Method))]
    pub method: Method,
}
