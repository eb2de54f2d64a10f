//! The trait through which the rest of Kinitro reads and writes a chain.

use std::fmt;

use async_trait::async_trait;
use kinitro_core::NetUid;

use crate::block::{At, Head, Inclusion};
use crate::commitment::CommitmentData;
use crate::error::ChainError;
use crate::network::Network;
use crate::signer::Signer;
use crate::subnet::{Commitment, Hyperparameters, Neuron, NeuronWeights, Subnet};
use crate::weights::{WeightVector, WeightsReceipt, WeightsState};

/// A chain: what can be read of a subnet, and the two things a hotkey can write to one.
///
/// Every answer names the block it was read at. [`Subtensor`](crate::subtensor::Subtensor) is the
/// client of a real node and [`MemoryChain`](crate::MemoryChain) lives in this process. If you
/// implement the trait yourself, check it with the suite in `kinitro_chain::conformance`.
#[async_trait]
pub trait Chain: fmt::Debug + Send + Sync {
    /// The chain that this is.
    fn network(&self) -> &Network;

    /// The newest block, its time, and the newest final block.
    ///
    /// # Errors
    /// [`ChainError`] if the chain does not answer. This holds for every method.
    async fn head(&self) -> Result<Head, ChainError>;

    /// Everything that Kinitro reads of a subnet, at the newest final block.
    ///
    /// # Errors
    /// [`ChainErrorKind::UnknownSubnet`](crate::ChainErrorKind::UnknownSubnet) if there is no such
    /// subnet. This holds for every method that takes a subnet.
    async fn subnet(&self, netuid: NetUid) -> Result<At<Subnet>, ChainError>;

    /// The neurons of a subnet by uid, at the newest final block.
    async fn neurons(&self, netuid: NetUid) -> Result<At<Vec<Neuron>>, ChainError>;

    /// The commitments on a subnet by account, at the newest final block. They include those of
    /// accounts that have left the subnet.
    async fn commitments(&self, netuid: NetUid) -> Result<At<Vec<Commitment>>, ChainError>;

    /// The parameters of a subnet that setting weights depends on, at the newest block.
    async fn hyperparameters(&self, netuid: NetUid) -> Result<At<Hyperparameters>, ChainError>;

    /// The weights in force on a subnet, by the neuron that set them, at the newest final block.
    /// Neurons that have set none are left out.
    async fn weights(&self, netuid: NetUid) -> Result<At<Vec<NeuronWeights>>, ChainError>;

    /// Publishes a commitment as `signer`, in place of its last one, and returns once it is in a
    /// block.
    ///
    /// # Errors
    /// [`ChainErrorKind::Refused`](crate::ChainErrorKind::Refused) with the chain's reason;
    /// [`ChainErrorKind::NotIncluded`](crate::ChainErrorKind::NotIncluded) if the transaction can no
    /// longer get into a block. Only then is it safe to try again.
    async fn commit(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        data: &CommitmentData,
    ) -> Result<Inclusion, ChainError>;

    /// Sets the weights of `signer`, in plain or timelocked as the subnet requires at that moment,
    /// and returns once they are in a block.
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

    /// Whether weights that were set are in force, still sealed, or gone.
    async fn weights_state(&self, receipt: &WeightsReceipt) -> Result<WeightsState, ChainError>;
}
