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
    /// The id of the cycle.
    #[cfg_attr(feature = "api", schema(value_type = i64))]
    pub cycle_id: CycleId,
    /// The block at which the cycle read the miners' commitments.
    #[cfg_attr(feature = "api", schema(value_type = u64))]
    pub block: BlockNumber,
    /// Success rates, 0 to 1, by miner and environment.
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, BTreeMap<String, f64>>))]
    pub scores: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// The miners on the Pareto frontier: no other miner dominates them.
    #[cfg_attr(feature = "api", schema(value_type = Vec<u16>))]
    pub pareto_frontier: Vec<MinerUid>,
    /// When the cycle ended, or when it started if it is still running.
    pub created_at: Timestamp,
    /// The cycle in full.
    pub cycle: CycleBody,
    /// The same as `scores`.
    #[cfg_attr(feature = "api", schema(value_type = BTreeMap<String, BTreeMap<String, f64>>))]
    pub miner_summary: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// One row per miner and environment; present only if requested with `?detail=rows`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<ScoreRow>>,
}

/// The results of one miner in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ScoreRow {
    /// The miner's slot on the subnet.
    #[cfg_attr(feature = "api", schema(value_type = u16))]
    pub uid: MinerUid,
    /// The miner's hotkey.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub hotkey: Hotkey,
    /// The environment's id, `family/task`.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub env_id: EnvId,
    /// Successful episodes over completed episodes, 0 to 1.
    pub success_rate: f64,
    /// The mean total reward of a completed episode.
    pub mean_reward: f64,
    /// The number of episodes that count.
    pub episodes_completed: u32,
    /// The number of episodes that could not be run and do not count.
    pub episodes_failed: u32,
}
