//! What a chain made of weights that were set.

use kinitro_core::{BlockNumber, Hotkey, NetUid};
use serde::{Deserialize, Serialize};

use super::vector::WeightVector;
use crate::block::Inclusion;

/// Proof that weights were set. Keep it to find out later whether they are in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WeightsReceipt {
    /// The subnet they were set on.
    pub netuid: NetUid,
    /// The hotkey that set them.
    pub hotkey: Hotkey,
    /// The weights as they were sent.
    pub weights: WeightVector,
    /// The transaction and the block that holds it.
    pub inclusion: Inclusion,
    /// When they will be opened; `None` if they were not sealed.
    pub timelock: Option<Timelock>,
}

impl WeightsReceipt {
    /// A receipt for weights that were set in plain.
    pub fn new(
        netuid: NetUid,
        hotkey: Hotkey,
        weights: WeightVector,
        inclusion: Inclusion,
    ) -> Self {
        Self { netuid, hotkey, weights, inclusion, timelock: None }
    }

    /// The same receipt for weights that stay sealed until `timelock`.
    #[must_use]
    pub fn sealed_until(self, timelock: Timelock) -> Self {
        Self { timelock: Some(timelock), ..self }
    }
}

/// How long weights stay sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timelock {
    /// The round of the random beacon whose signature opens them.
    pub round: u64,
    /// The block in which the chain is expected to open them.
    pub reveal_block: BlockNumber,
}

impl Timelock {
    /// Sealed until the beacon's `round`, which the chain should have by `reveal_block`.
    pub fn new(round: u64, reveal_block: BlockNumber) -> Self {
        Self { round, reveal_block }
    }
}

/// Whether weights that were set are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
pub enum WeightsState {
    /// They are in force.
    InForce,
    /// They are still sealed.
    Sealed {
        /// In how many blocks the chain is expected to open them; 0 if it could by now.
        blocks_left: u64,
    },
    /// They are neither sealed nor in force: the chain could not open them, later weights have
    /// replaced them, or the slot has a new owner.
    Gone,
}
