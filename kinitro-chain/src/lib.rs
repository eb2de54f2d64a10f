//! Kinitro on Bittensor.

#![forbid(unsafe_code)]

mod chain;
pub mod commitment;
pub mod epoch;
mod error;
#[cfg(feature = "local-chain")]
pub mod local;
mod network;
mod refusal;
mod signer;
#[cfg(feature = "timelock")]
pub mod timelock;
pub mod weights;

pub use chain::{
    At, Block, Chain, Commitment, Hash256, Head, Hyperparameters, Inclusion, Neuron, Rao, Subnet,
    WeightsState,
};
pub use error::{ChainError, ChainErrorKind};
pub use network::{Network, NetworkError};
pub use refusal::Refusal;
pub use signer::Signer;
