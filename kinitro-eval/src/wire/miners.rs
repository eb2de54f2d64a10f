//! `GET /v1/miners`.

use kinitro_core::{BlockNumber, Hotkey, MinerUid};
use serde::{Deserialize, Serialize};

use super::Timestamp;

/// `GET /v1/miners`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MinersBody {
    /// Everybody who was ever seen with a commitment.
    pub miners: Vec<MinerBody>,
}

/// A miner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MinerBody {
    /// Its slot.
    #[cfg_attr(feature = "api", schema(value_type = u16))]
    pub uid: MinerUid,
    /// Its key.
    #[cfg_attr(feature = "api", schema(value_type = String))]
    pub hotkey: Hotkey,
    /// Where its policy answers; not shown where the miner has sealed it.
    pub endpoint: Option<String>,
    /// When it was judged last.
    pub last_evaluated: Option<Timestamp>,
    /// `active` while it is on the chain, `inactive` after.
    pub status: String,
    /// The block of the cycle that judged it last.
    #[cfg_attr(feature = "api", schema(value_type = Option<u64>))]
    pub last_evaluated_block: Option<BlockNumber>,
    /// The mean of its success rates then.
    pub avg_success_rate: Option<f64>,
    /// In how many environments it was judged then.
    pub environments_evaluated: u32,
}
