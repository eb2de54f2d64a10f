//! A subnet as Kinitro reads it: its neurons, what they have published, and its parameters.

use std::fmt;

use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid};
use serde::Serialize;

/// An amount of TAO or of a subnet's alpha, in rao: 10⁹ rao are one TAO or one alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Rao(pub u64);

impl fmt::Display for Rao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ONE: u64 = 1_000_000_000;
        f.pad(&format!("{}.{:09}", self.0 / ONE, self.0 % ONE))
    }
}

/// A registered member of a subnet: a miner, a validator, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Neuron {
    /// The slot it holds on the subnet.
    pub uid: MinerUid,
    /// The key it signs with.
    pub hotkey: Hotkey,
    /// The key that owns the hotkey and its stake.
    pub coldkey: Coldkey,
    /// The alpha staked to the hotkey on this subnet.
    pub stake: Rao,
    /// Whether it may set weights for other neurons.
    pub validator_permit: bool,
    /// The block in which it last set weights, or was registered; 0 if the chain does not say.
    pub last_update: BlockNumber,
}

impl Neuron {
    /// A neuron without stake or permit that has never set weights.
    pub fn new(uid: MinerUid, hotkey: Hotkey, coldkey: Coldkey) -> Self {
        Self {
            uid,
            hotkey,
            coldkey,
            stake: Rao(0),
            validator_permit: false,
            last_update: BlockNumber(0),
        }
    }
}

/// The weights that one neuron has set, as the chain stores them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NeuronWeights {
    /// The neuron that set them.
    pub uid: MinerUid,
    /// Each neuron that gets a weight, with its weight. The chain scales the largest to 65535.
    pub weights: Vec<(MinerUid, u16)>,
}

impl NeuronWeights {
    /// The weights that `uid` has set.
    pub fn new(uid: MinerUid, weights: Vec<(MinerUid, u16)>) -> Self {
        Self { uid, weights }
    }
}

/// What an account has published on a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commitment {
    /// The account that published it.
    pub hotkey: Hotkey,
    /// The account's slot; `None` if it has left the subnet.
    pub uid: Option<MinerUid>,
    /// The block it was published in. Publishing again, even the same bytes, moves it.
    pub block: BlockNumber,
    /// The published bytes: at most 128, or 512 on chains that take long commitments. `None` if the
    /// commitment is of a kind without bytes, such as a hash.
    pub data: Option<Vec<u8>>,
}

impl Commitment {
    /// What `hotkey`, which holds slot `uid`, published in `block`.
    pub fn new(
        hotkey: Hotkey,
        uid: Option<MinerUid>,
        block: BlockNumber,
        data: Option<Vec<u8>>,
    ) -> Self {
        Self { hotkey, uid, block, data }
    }
}

/// The parameters of a subnet that setting weights depends on.
///
/// The [default](Self::default) is what a new subnet has where weights are not sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Hyperparameters {
    /// The length of an epoch in blocks, less one.
    pub tempo: u16,
    /// How many neurons the subnet has.
    pub neurons: u16,
    /// Whether weights stay sealed for a while, so that validators cannot copy each other.
    pub commit_reveal: bool,
    /// The version of the scheme they are sealed by.
    pub commit_reveal_version: u16,
    /// How many epochs they stay sealed.
    pub reveal_period_epochs: u64,
    /// The oldest version of weights that the subnet accepts; 0 accepts any.
    pub weights_version: u64,
    /// How many blocks must lie between two settings of weights by the same neuron.
    pub weights_rate_limit: u64,
    /// The least number of weights a neuron must set, if the subnet has that many neurons.
    pub min_allowed_weights: u16,
    /// The largest share that one weight may have, in 1/65535.
    pub max_weight_limit: u16,
    /// The stake that setting weights requires.
    pub stake_threshold: Rao,
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Self {
            tempo: 360,
            neurons: 0,
            commit_reveal: false,
            commit_reveal_version: 4,
            reveal_period_epochs: 1,
            weights_version: 0,
            weights_rate_limit: 100,
            min_allowed_weights: 1,
            max_weight_limit: u16::MAX,
            stake_threshold: Rao(0),
        }
    }
}

/// Everything that Kinitro reads of a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subnet {
    /// Its neurons, by uid.
    pub neurons: Vec<Neuron>,
    /// What has been published on it, by account.
    pub commitments: Vec<Commitment>,
    /// The parameters that setting weights depends on.
    pub hyperparameters: Hyperparameters,
}

impl Subnet {
    /// A subnet with those neurons, sorted by uid, and commitments, sorted by account.
    pub fn new(
        neurons: Vec<Neuron>,
        commitments: Vec<Commitment>,
        hyperparameters: Hyperparameters,
    ) -> Self {
        Self { neurons, commitments, hyperparameters }
    }

    /// The neuron with that hotkey.
    pub fn neuron(&self, hotkey: &Hotkey) -> Option<&Neuron> {
        self.neurons.iter().find(|neuron| neuron.hotkey == *hotkey)
    }
}
