//! Kinitro on Bittensor.

#![forbid(unsafe_code)]

mod chain;
pub mod commitment;
pub mod conformance;
pub mod epoch;
mod error;
#[cfg(feature = "local-chain")]
pub mod local;
mod memory;
mod network;
mod refusal;
mod signer;
#[cfg(feature = "subtensor")]
pub mod subtensor;
#[cfg(feature = "timelock")]
pub mod timelock;
pub mod wallet;
pub mod weights;

pub use chain::{
    At, Block, Chain, Commitment, Hash256, Head, Hyperparameters, Inclusion, Neuron, NeuronWeights,
    Rao, Subnet, WeightsState,
};
pub use error::{ChainError, ChainErrorKind};
pub use memory::MemoryChain;
pub use network::{Network, NetworkError};
pub use refusal::Refusal;
pub use signer::Signer;
#[cfg(feature = "subtensor")]
pub use subtensor::Subtensor;
