//! Kinitro on Bittensor: who is on a subnet, what they have published, and which weights they get.
//!
//! ```
//! use kinitro_chain::commitment::{MinerCommitment, read_all};
//! use kinitro_chain::wallet::Keypair;
//! use kinitro_chain::{Chain, MemoryChain, Signer};
//! use kinitro_core::{Coldkey, NetUid};
//!
//! # let run_time = tokio::runtime::Builder::new_current_thread().build()?;
//! # run_time.block_on(async {
//! // A chain in memory. `Subtensor::connect(Network::Finney)` is the real one.
//! let (chain, netuid) = (MemoryChain::new(), NetUid(26));
//! chain.add_subnet(netuid);
//! let miner = Keypair::from_uri("//Alice")?;
//! chain.register(netuid, miner.hotkey(), Coldkey::from_account_id([1; 32]))?;
//!
//! let policy: MinerCommitment = "alice/reach:0123abcd:http://192.0.2.7:8000".parse()?;
//! chain.commit(netuid, &miner, &policy.data()?).await?;
//!
//! let subnet = chain.subnet(netuid).await?.value;
//! for reading in read_all(&subnet.commitments) {
//!     println!("uid {:?}: {:?}", reading.uid, reading.published);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is here
//! - [`Chain`]: the trait that the rest of Kinitro reads and writes a chain through, with
//!   [`MemoryChain`] and [`Subtensor`]; [`conformance`] is the suite for others
//! - [`commitment`]: what miners and the backend publish, read and written
//! - [`weights`]: from shares to the integers of the chain, and whether it will take them
//! - [`wallet`]: keys, and the wallet files of Bittensor
//! - [`epoch`], [`timelock`]: when weights come into force, and how they are sealed until then
//! - [`local`]: a development node in this process, which Bittensor's own tools can talk to
//!
//! Every reading names the block it is of. Every refusal has the chain's own name for it and says
//! what to do ([`Refusal`]). A transaction is sent once, and its fate is found out.
//!
//! # What is not
//! Staking, registering and moving TAO: Bittensor's own tools do that. Judging policies: that is
//! `kinitro-eval`.
//!
//! # Features
//! - `subtensor` (default): the client of a real node, over `subxt`
//! - `timelock`: weights that stay sealed for a while, as most subnets demand
//! - `local-chain`: the development node

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
