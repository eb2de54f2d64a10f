//! `GET /v1/miners`.

use kinitro_core::{BlockNumber, Hotkey, MinerUid};
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// `GET /v1/miners`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MinersBody {
    /// All miners that were ever seen with a commitment.
    pub miners: Vec<MinerBody>,
}

/// A miner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MinerBody {
    /// The miner's slot on the subnet.
    #[cfg_attr(feature = "api", schema(value_type = u16))]
    pub uid: MinerUid,
    /// The miner's hotkey.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub hotkey: Hotkey,
    /// The URL of the miner's policy server; null if the miner sealed it.
    pub endpoint: Option<String>,
    /// When the miner was last evaluated; null if never.
    pub last_evaluated: Option<Timestamp>,
    /// `active` while the miner is on the subnet, `inactive` afterwards.
    pub status: String,
    /// The block of the last cycle that evaluated the miner; null if none did.
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>))]
    pub last_evaluated_block: Option<BlockNumber>,
    /// The mean of the miner's success rates in that cycle, 0 to 1.
    pub avg_success_rate: Option<f64>,
    /// The number of environments the miner was evaluated in during that cycle.
    pub environments_evaluated: u32,
}
