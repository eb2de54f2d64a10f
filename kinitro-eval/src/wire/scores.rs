//! `GET /v1/scores/latest` and `GET /v1/scores/{cycle_id}`.

use std::collections::BTreeMap;

use kinitro_core::{BlockNumber, CycleId, EnvId, Hotkey, MinerUid};
use serde::{Deserialize, Serialize};

use super::{CycleBody, Timestamp};

/// `GET /v1/scores/latest` and `GET /v1/scores/{cycle_id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ScoresBody {
    /// The cycle.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub cycle_id: CycleId,
    /// The block that was judged.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block: BlockNumber,
    /// The success rates by miner and environment.
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, BTreeMap<String, f64>>))]
    pub scores: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// The miners whom nobody dominates.
    #[cfg_attr(feature = "api", schema(value_type = Vec<u16>))]
    pub pareto_frontier: Vec<MinerUid>,
    /// When the cycle was over; while it is not, when it began.
    pub created_at: Timestamp,
    /// The cycle in full.
    pub cycle: CycleBody,
    /// The same as `scores`.
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, BTreeMap<String, f64>>))]
    pub miner_summary: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// One row for each miner and environment; only where `?detail=rows` asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<ScoreRow>>,
}

/// What one miner reached in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ScoreRow {
    /// The miner's slot.
    #[cfg_attr(feature = "api", schema(value_type = u16))]
    pub uid: MinerUid,
    /// The miner's key.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub hotkey: Hotkey,
    /// The environment.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub env_id: EnvId,
    /// The share of the completed episodes in which the robot did it.
    pub success_rate: f64,
    /// The mean of the total rewards of the completed episodes.
    pub mean_reward: f64,
    /// Episodes that count.
    pub episodes_completed: u32,
    /// Episodes that could not be run and do not count.
    pub episodes_failed: u32,
}
