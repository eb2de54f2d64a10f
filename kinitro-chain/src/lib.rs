//! Kinitro on Bittensor: who is on a subnet, what they have published, and setting their weights.
//!
//! ```
//! use kinitro_chain::commitment::MinerCommitment;
//! use kinitro_chain::published::published_by;
//! use kinitro_chain::wallet::Keypair;
//! use kinitro_chain::{Chain, MemoryChain, Signer};
//! use kinitro_core::{Coldkey, NetUid};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! // A chain in memory. `Subtensor::connect(Network::Finney)` connects to the real one.
//! let (chain, netuid) = (MemoryChain::new(), NetUid(26));
//! chain.add_subnet(netuid);
//! let miner = Keypair::from_uri("//Alice")?;
//! chain.register(netuid, miner.hotkey(), Coldkey::from_account_id([1; 32]))?;
//!
//! let policy: MinerCommitment = "alice/reach:0123abcd:http://192.0.2.7:8000".parse()?;
//! chain.commit(netuid, &miner, &policy.data()?).await?;
//!
//! let reading = published_by(&chain, netuid, miner.hotkey()).await?.expect("published above");
//! println!("uid {:?}: {:?}", reading.uid, reading.published);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Main types
//! - [`Chain`] is the trait through which the rest of Kinitro reads and writes a chain.
//!   [`Subtensor`] is a real node, [`MemoryChain`] a chain in memory. If you write another, check it
//!   with the suite in `conformance` (feature `conformance`).
//! - [`Subnet`] is what a reading returns: [`Neuron`]s, [`Commitment`]s and [`Hyperparameters`].
//! - [`commitment`] reads and writes what miners and the backend publish. [`published`] looks it up
//!   on a chain.
//! - [`weights`] turns shares into a chain's integers and checks whether it will accept them;
//!   [`reveal`] waits until sealed weights are in force.
//! - [`wallet`] has signing keys and Bittensor's wallet files.
//! - [`epoch`] and [`timelock`] compute when weights come into force, and seal them until then.
//! - [`local`] is a development node in this process that Bittensor's own tools can talk to.
//!
//! Every reading names the block it was made at. Every [`Refusal`] has the chain's own name for the
//! reason, and a [`Remedy`] where there is one. A transaction is sent once, and then looked for until
//! its fate is known.
//!
//! # What it does not do
//! It does not stake, register hotkeys on real networks or move TAO: use Bittensor's own tools. It
//! does not evaluate policies: `kinitro-eval` does.
//!
//! # Features
//! - `subtensor` (default): the client of a real node, over `subxt`
//! - `timelock`: sealing weights for a while, as most subnets require
//! - `local-chain`: the development node; includes `timelock`
//! - `conformance`: the suite for implementations of [`Chain`]

#![forbid(unsafe_code)]

mod block;
mod chain;
pub mod commitment;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod epoch;
mod error;
#[cfg(feature = "local-chain")]
pub mod local;
mod memory;
mod network;
pub mod published;
mod refusal;
mod remedy;
pub mod reveal;
mod signer;
mod subnet;
#[cfg(feature = "subtensor")]
pub mod subtensor;
#[cfg(feature = "timelock")]
pub mod timelock;
pub mod wallet;
pub mod weights;

pub use block::{At, Block, Hash256, Head, Inclusion};
pub use chain::Chain;
pub use error::{ChainError, ChainErrorKind};
pub use memory::MemoryChain;
pub use network::{Network, NetworkError};
pub use refusal::Refusal;
pub use remedy::{Changed, Remedy};
pub use signer::Signer;
pub use subnet::{Commitment, Hyperparameters, Neuron, NeuronWeights, Rao, Subnet};
#[cfg(feature = "subtensor")]
pub use subtensor::Subtensor;
pub use weights::WeightsState;
