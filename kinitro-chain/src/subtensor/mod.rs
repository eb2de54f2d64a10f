//! The client of a real node, over its JSON-RPC.
//!
//! ```no_run
//! use kinitro_chain::{Chain, Network, Subtensor};
//! use kinitro_core::NetUid;
//!
//! # async fn example() -> Result<(), kinitro_chain::ChainError> {
//! let chain = Subtensor::connect(Network::Finney).await?;
//! let subnet = chain.subnet(NetUid(26)).await?;
//! println!("{} neurons at block {}", subnet.value.neurons.len(), subnet.block.number);
//! # Ok(())
//! # }
//! ```
//!
//! # Reading
//! Names are looked up in the metadata of the runtime that made the block, so the runtime can be
//! upgraded while the client is connected. A subnet is read in one pass: its neurons with one runtime
//! call, its commitments and parameters with one query for keys and one for values. The genesis block
//! is checked each time, because another node may answer after a broken connection.
//!
//! # Writing
//! A transaction is signed for the next [`Settings::mortality`] blocks and sent once. Whatever happens
//! then, the client searches the chain for it until it is found or those blocks are final. A broken
//! connection, a restarted node or a fork can neither make it happen twice nor look like a failure.

mod hex;
mod pin;
mod reading;
mod rpc;
mod runtime;
mod transaction;
mod weights;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::NetUid;
use serde_json::json;

use self::pin::Pin;
use self::rpc::Rpc;
use self::runtime::{Runtime, Version};
use crate::block::{At, Hash256, Head, Inclusion};
use crate::chain::Chain;
use crate::commitment::CommitmentData;
use crate::error::{ChainError, ChainErrorKind};
use crate::network::Network;
use crate::signer::Signer;
use crate::subnet::{Commitment, Hyperparameters, Neuron, NeuronWeights, Subnet};
use crate::weights::{WeightVector, WeightsReceipt, WeightsState};

/// When a transaction counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Finality {
    /// Once no fork can take it back.
    #[default]
    Finalized,
    /// Once it is in the newest block or an earlier one, which is sooner.
    Best,
}

/// How to connect to a node and send transactions to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// The longest wait for an answer, including the time to connect: 30 s by default.
    pub timeout: Duration,
    /// The time between two looks for a transaction that was sent: 500 ms by default.
    pub poll: Duration,
    /// How many blocks a transaction is valid for: a power of two from 4 to 64, by default 16.
    pub mortality: u64,
    /// How long to look for a transaction while the node does not answer: 15 minutes by default.
    pub patience: Duration,
    /// When a transaction counts as done: once it is final by default.
    pub finality: Finality,
    /// The hash that the first block must have. For [`Network::Finney`] it is known.
    pub genesis: Option<Hash256>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            poll: Duration::from_millis(500),
            mortality: 16,
            patience: Duration::from_secs(900),
            finality: Finality::default(),
            genesis: None,
        }
    }
}

/// The client of a node.
#[derive(Debug)]
pub struct Subtensor {
    network: Network,
    rpc: Rpc,
    settings: Settings,
    genesis: Hash256,
    runtimes: Mutex<Vec<Arc<Runtime>>>,
    /// Held from choosing a nonce until the transaction with it is sent.
    sending: tokio::sync::Mutex<()>,
}

impl Subtensor {
    /// Connects to a node of the network.
    ///
    /// # Errors
    /// [`ChainErrorKind::Connection`] or [`ChainErrorKind::Timeout`] if none answers,
    /// [`ChainErrorKind::WrongChain`] if it belongs to another chain.
    pub async fn connect(network: Network) -> Result<Self, ChainError> {
        Self::connect_with(network, Settings::default()).await
    }

    /// Connects with these settings.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), and [`ChainErrorKind::Invalid`] if the mortality is not a power
    /// of two from 4 to 64.
    pub async fn connect_with(network: Network, settings: Settings) -> Result<Self, ChainError> {
        if !(settings.mortality.is_power_of_two() && (4..=64).contains(&settings.mortality)) {
            let message =
                format!("a mortality of {} blocks: use 4, 8, 16, 32 or 64", settings.mortality);
            return Err(ChainError::new(ChainErrorKind::Invalid, message));
        }
        let rpc = Rpc::connect(network.endpoint(), settings.timeout).await?;
        let genesis: Hash256 = rpc.read("chain_getBlockHash", json!([0])).await?;
        let (runtimes, sending) = (Mutex::default(), tokio::sync::Mutex::default());
        let chain = Self { network, rpc, settings, genesis, runtimes, sending };
        match chain.settings.genesis.or(chain.network.genesis()) {
            Some(expected) if expected != genesis => Err(chain.wrong_chain(expected, genesis)),
            _ => Ok(chain),
        }
    }

    /// The hash of the first block, which no two chains share.
    pub fn genesis(&self) -> Hash256 {
        self.genesis
    }

    /// How many calls have been made to the node, by method.
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.rpc.calls()
    }

    fn wrong_chain(&self, expected: Hash256, found: Hash256) -> ChainError {
        let message = format!(
            "{} is another chain: its first block is {found}, not {expected}",
            self.network.endpoint()
        );
        ChainError::new(ChainErrorKind::WrongChain, message)
    }

    /// Fails if the node that answers now belongs to a different chain than the one connected to.
    async fn check_genesis(&self) -> Result<(), ChainError> {
        let found: Hash256 = self.rpc.read("chain_getBlockHash", json!([0])).await?;
        if found == self.genesis { Ok(()) } else { Err(self.wrong_chain(self.genesis, found)) }
    }

    async fn finalized_hash(&self) -> Result<Hash256, ChainError> {
        self.rpc.read("chain_getFinalizedHead", json!([])).await
    }

    async fn best_hash(&self) -> Result<Hash256, ChainError> {
        self.rpc.read("chain_getBlockHash", json!([])).await
    }

    /// The newest final block.
    async fn finalized(&self) -> Result<Pin<'_>, ChainError> {
        let (hash, ()) = tokio::try_join!(self.finalized_hash(), self.check_genesis())?;
        Pin::at(self, hash).await
    }

    /// The newest block.
    async fn best(&self) -> Result<Pin<'_>, ChainError> {
        let (hash, ()) = tokio::try_join!(self.best_hash(), self.check_genesis())?;
        Pin::at(self, hash).await
    }

    fn known_runtime(&self, version: Version) -> Option<Arc<Runtime>> {
        let runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes.iter().find(|runtime| runtime.version == version).cloned()
    }

    /// Keeps this runtime, and the one before it for blocks around an upgrade.
    fn remember(&self, runtime: Runtime) -> Arc<Runtime> {
        let runtime = Arc::new(runtime);
        let mut runtimes = self.runtimes.lock().unwrap_or_else(PoisonError::into_inner);
        if runtimes.len() > 1 {
            runtimes.remove(0);
        }
        runtimes.push(runtime.clone());
        runtime
    }
}

#[async_trait]
impl Chain for Subtensor {
    fn network(&self) -> &Network {
        &self.network
    }

    async fn head(&self) -> Result<Head, ChainError> {
        self.read_head().await
    }

    async fn subnet(&self, netuid: NetUid) -> Result<At<Subnet>, ChainError> {
        let pin = self.finalized().await?;
        Ok(At { block: pin.block, value: pin.subnet(netuid).await? })
    }

    async fn neurons(&self, netuid: NetUid) -> Result<At<Vec<Neuron>>, ChainError> {
        let pin = self.finalized().await?;
        let (neurons, _) = tokio::try_join!(pin.neurons(netuid), pin.hyperparameters(netuid))?;
        Ok(At { block: pin.block, value: neurons })
    }

    async fn commitments(&self, netuid: NetUid) -> Result<At<Vec<Commitment>>, ChainError> {
        let pin = self.finalized().await?;
        Ok(At { block: pin.block, value: pin.subnet(netuid).await?.commitments })
    }

    async fn hyperparameters(&self, netuid: NetUid) -> Result<At<Hyperparameters>, ChainError> {
        let pin = self.best().await?;
        Ok(At { block: pin.block, value: pin.hyperparameters(netuid).await? })
    }

    async fn weights(&self, netuid: NetUid) -> Result<At<Vec<NeuronWeights>>, ChainError> {
        let pin = self.finalized().await?;
        Ok(At { block: pin.block, value: pin.weights(netuid).await? })
    }

    async fn commit(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        data: &CommitmentData,
    ) -> Result<Inclusion, ChainError> {
        self.send_commitment(netuid, signer, data).await
    }

    async fn set_weights(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        weights: &WeightVector,
    ) -> Result<WeightsReceipt, ChainError> {
        self.send_weights(netuid, signer, weights).await
    }

    async fn weights_state(&self, receipt: &WeightsReceipt) -> Result<WeightsState, ChainError> {
        self.read_weights_state(receipt).await
    }
}

impl fmt::Display for Subtensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.network, f)
    }
}
