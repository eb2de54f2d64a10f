//! What the rest of Kinitro asks of a chain, and the words it is asked and answered in.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid, NetUid};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::commitment::CommitmentData;
use crate::error::ChainError;
use crate::network::Network;
use crate::signer::Signer;
use crate::weights::{WeightVector, WeightsReceipt};

/// A chain: what can be read of a subnet, and the two things a hotkey says to it.
///
/// Every reading is of one block, which the answer names. [`Subtensor`](crate::subtensor::Subtensor)
/// is a real node, [`MemoryChain`](crate::memory::MemoryChain) lives in this process; whoever writes
/// another runs [`conformance::chain`](crate::conformance::chain) on it.
#[async_trait]
pub trait Chain: fmt::Debug + Send + Sync {
    /// Which chain this is.
    fn network(&self) -> &Network;

    /// The newest block, its time, and the newest block that no fork can take back.
    ///
    /// # Errors
    /// [`ChainError`] when the chain does not answer; so for every method.
    async fn head(&self) -> Result<Head, ChainError>;

    /// Everything about a subnet that Kinitro looks at, at the newest finalized block.
    ///
    /// # Errors
    /// [`ChainErrorKind::UnknownSubnet`](crate::ChainErrorKind::UnknownSubnet) where there is no
    /// such subnet; so for every method that takes one.
    async fn subnet(&self, netuid: NetUid) -> Result<At<Subnet>, ChainError>;

    /// The neurons of a subnet by uid, at the newest finalized block.
    async fn neurons(&self, netuid: NetUid) -> Result<At<Vec<Neuron>>, ChainError>;

    /// The commitments on a subnet by account, at the newest finalized block; those of accounts
    /// that left the subnet since are among them.
    async fn commitments(&self, netuid: NetUid) -> Result<At<Vec<Commitment>>, ChainError>;

    /// The parameters of a subnet that weights depend on, at the newest block.
    async fn hyperparameters(&self, netuid: NetUid) -> Result<At<Hyperparameters>, ChainError>;

    /// The weights that count on a subnet, by the neuron that set them, at the newest finalized
    /// block. Neurons without any are left out.
    async fn weights(&self, netuid: NetUid) -> Result<At<Vec<NeuronWeights>>, ChainError>;

    /// Publishes a commitment in the name of `signer` in place of its last one, and returns when
    /// it is in a block.
    ///
    /// # Errors
    /// [`ChainErrorKind::Refused`](crate::ChainErrorKind::Refused) with the reason of the chain,
    /// [`ChainErrorKind::NotIncluded`](crate::ChainErrorKind::NotIncluded) when it can be in no
    /// block any more: only then may it be tried again.
    async fn commit(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        data: &CommitmentData,
    ) -> Result<Inclusion, ChainError>;

    /// Sets the weights of `signer`, plainly or timelocked as the subnet demands at that moment,
    /// and returns when they are in a block.
    ///
    /// # Errors
    /// As [`commit`](Self::commit). What [`weights::eligibility`](crate::weights::eligibility)
    /// objects to is refused before anything is signed.
    async fn set_weights(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        weights: &WeightVector,
    ) -> Result<WeightsReceipt, ChainError>;

    /// What has become of weights that were set: whether they count by now.
    async fn weights_state(&self, receipt: &WeightsReceipt) -> Result<WeightsState, ChainError>;
}

/// The hash of a block or of a transaction; `0x` and 64 hex digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash256(pub [u8; 32]);

impl fmt::Display for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        match text.strip_prefix("0x").map(|digits| base16ct::mixed::decode(digits, &mut bytes)) {
            Some(Ok(decoded)) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err(D::Error::custom("a hash is 0x and 64 hex digits")),
        }
    }
}

/// A block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash, which tells it from another of the same height.
    pub hash: Hash256,
}

/// Something that was read, and the block it was read at.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct At<T> {
    /// The block.
    pub block: Block,
    /// What it says.
    pub value: T,
}

/// Where a chain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The newest block.
    pub best: Block,
    /// When it was made, by the clock of its author; to the millisecond.
    pub time: SystemTime,
    /// The newest block that no fork takes back.
    pub finalized: Block,
}

/// An amount of TAO or of a subnet's alpha: 10⁹ rao are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(transparent)]
pub struct Rao(pub u64);

impl fmt::Display for Rao {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ONE: u64 = 1_000_000_000;
        f.pad(&format!("{}.{:09}", self.0 / ONE, self.0 % ONE))
    }
}

/// Who holds a slot of a subnet: a miner, a validator, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neuron {
    /// The slot.
    pub uid: MinerUid,
    /// The key that acts.
    pub hotkey: Hotkey,
    /// The key that owns it.
    pub coldkey: Coldkey,
    /// The alpha staked to it on this subnet.
    pub stake: Rao,
    /// Whether its weights count for others than itself.
    pub validator_permit: bool,
    /// The block in which it last set weights, or was registered; 0 if the chain does not know.
    pub last_update: BlockNumber,
}

/// The weights of one neuron, as the chain keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeuronWeights {
    /// Who has set them.
    pub uid: MinerUid,
    /// For whom, and how much: the largest is 65535.
    pub weights: Vec<(MinerUid, u16)>,
}

/// What an account has published on a subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Who published it.
    pub hotkey: Hotkey,
    /// Its slot; none if it left the subnet.
    pub uid: Option<MinerUid>,
    /// The block it was published in. Publishing again moves it.
    pub block: BlockNumber,
    /// The bytes that were published: at most 128, or 512 where the chain takes long ones. None if
    /// it is of a kind that holds none, such as a hash.
    pub data: Option<Vec<u8>>,
}

/// The parameters of a subnet that weights depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hyperparameters {
    /// The blocks of an epoch, less one.
    pub tempo: u16,
    /// How many neurons there are.
    pub neurons: u16,
    /// Whether weights stay sealed for a while, so that validators cannot copy each other.
    pub commit_reveal: bool,
    /// The version of the way in which they are sealed.
    pub commit_reveal_version: u16,
    /// For how many epochs.
    pub reveal_period_epochs: u64,
    /// The version that weights must be of, or a later one; 0 takes any.
    pub weights_version: u64,
    /// How many blocks must lie between two settings.
    pub weights_rate_limit: u64,
    /// How many weights must be set at least, if there are as many neurons.
    pub min_allowed_weights: u16,
    /// The largest share of one weight; 65535 is all.
    pub max_weight_limit: u16,
    /// The stake below which nobody sets weights.
    pub stake_threshold: Rao,
}

/// Everything about a subnet that Kinitro looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its neurons, by uid.
    pub neurons: Vec<Neuron>,
    /// What was published on it, by account.
    pub commitments: Vec<Commitment>,
    /// Its parameters.
    pub hyperparameters: Hyperparameters,
}

impl Subnet {
    /// The neuron of that hotkey.
    pub fn neuron(&self, hotkey: &Hotkey) -> Option<&Neuron> {
        self.neurons.iter().find(|neuron| neuron.hotkey == *hotkey)
    }
}

/// Where a transaction ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// The hash of the transaction.
    pub transaction: Hash256,
    /// The block that holds it.
    pub block: Block,
    /// Whether that block can no longer be taken back.
    pub finalized: bool,
}

/// What has become of weights that were set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WeightsState {
    /// They count.
    InForce,
    /// They are still sealed.
    Sealed {
        /// In how many blocks the chain should open them; 0 when it could by now.
        blocks_left: u64,
    },
    /// They are neither sealed nor in force: the chain could not open them, later ones replaced
    /// them, or the slot has a new owner.
    Gone,
}
