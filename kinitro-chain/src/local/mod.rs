//! A chain in this process, for development and tests.
//!
//! It speaks the JSON-RPC of a Substrate node over WebSocket and HTTP, so every client of Bittensor
//! works with it: `subxt`, the Bittensor SDK, this crate. It verifies signatures, makes blocks,
//! refuses what the real chain refuses, with the same errors, and opens timelocked weights with its
//! own beacon. The metadata it serves, its own or a real chain's, determines what it stores and
//! how.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use kinitro_chain::local::{DevAccount, LocalChain};
//! use kinitro_chain::{Rao, Signer as _};
//! use kinitro_core::NetUid;
//!
//! let chain = LocalChain::builder().instant().netuid(NetUid(26)).start().await?;
//! let bob = DevAccount::bob();
//! chain.register(&bob.hotkey(), &bob.coldkey())?;
//! chain.set_stake(&bob.hotkey(), Rao(5_000_000_000))?;
//! println!("connect to {}", chain.url());
//! # Ok(())
//! # }
//! ```
//!
//! It does not model Bittensor's economy: there are no emissions, fees are flat, and calls that
//! Kinitro does not need are refused with `System.CallFiltered`.

mod accounts;
mod admin;
mod api;
mod beacon;
mod block;
mod calls;
mod convert;
mod execution;
mod extrinsic;
mod faults;
mod ledger;
mod node;
mod own;
mod pool;
mod remote;
mod rpc;
mod runtime;
mod server;
mod subnet;
mod value;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid, NetUid};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

pub use accounts::DevAccount;
use admin::Shared;
pub use admin::{AdminError, LocalStatus};
use beacon::OwnBeacon;
pub use faults::CutOnSubmit;
pub use node::Forked;
use node::Node;
pub use remote::{RemoteError, RemoteLocalChain};
pub use runtime::MetadataError;
use runtime::Runtime;
use server::Listener;

use crate::block::Hash256;
use crate::subnet::Rao;
use crate::timelock::BeaconKey;

type Account = [u8; 32];
type Hash = [u8; 32];

/// Why a local chain could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalChainError {
    /// The port is in use, or this process is not allowed to listen on it.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address on which the chain was to listen.
        address: SocketAddr,
        /// The error from the operating system.
        source: io::Error,
    },
    /// The metadata cannot be served.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The metadata contains types that this node does not support.
    #[error("the metadata does not fit this node: {0}")]
    Misfit(String),
    /// The number is not between 1 and 4095. 0 is the root network, which takes no weights.
    #[error("{0} is no number of a subnet: use 1 to 4095")]
    Netuid(NetUid),
}

/// Settings for a local chain to start.
#[derive(Debug, Clone)]
pub struct LocalChainBuilder {
    metadata: Option<Vec<u8>>,
    block_time: Duration,
    instant: bool,
    finality_lag: Option<u64>,
    netuid: NetUid,
    port: u16,
}

impl LocalChainBuilder {
    /// Serves the encoded metadata of a real chain, version 15 or 16, instead of its own.
    #[must_use]
    pub fn metadata(self, bytes: impl Into<Vec<u8>>) -> Self {
        Self { metadata: Some(bytes.into()), ..self }
    }

    /// The time between two blocks: 250 ms by default, at least 2 ms.
    #[must_use]
    pub fn block_time(self, block_time: Duration) -> Self {
        Self { block_time: block_time.max(Duration::from_millis(2)), ..self }
    }

    /// Makes one block for each transaction, final at once, and no other blocks.
    #[must_use]
    pub fn instant(self) -> Self {
        Self { instant: true, ..self }
    }

    /// How many blocks later a block becomes final: 2 by default, 0 in instant mode.
    #[must_use]
    pub fn finality_lag(self, blocks: u64) -> Self {
        Self { finality_lag: Some(blocks), ..self }
    }

    /// The number of the chain's only subnet: 1 by default.
    #[must_use]
    pub fn netuid(self, netuid: NetUid) -> Self {
        Self { netuid, ..self }
    }

    /// The port to listen on, reachable from this machine only: any free port by default.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Starts the chain. Call it from within a Tokio runtime, which then runs the chain.
    ///
    /// # Errors
    /// [`LocalChainError`].
    pub async fn start(self) -> Result<LocalChain, LocalChainError> {
        if !(1..4096).contains(&self.netuid.0) {
            return Err(LocalChainError::Netuid(self.netuid));
        }
        let misfit = |error: value::Mismatch| LocalChainError::Misfit(error.to_string());
        let runtime = match &self.metadata {
            Some(bytes) => Runtime::from_bytes(bytes)?,
            None => Runtime::new(own::metadata().map_err(misfit)?)?,
        };
        // Clients derive times from this: the minimum period is half the block time.
        let runtime = runtime.patched(None, Some(self.block_time.as_millis() as u64 / 2))?;
        let node = Node::new(
            Arc::new(runtime),
            OwnBeacon::new(BeaconKey::generate()),
            self.netuid,
            self.block_time,
            self.finality_lag.unwrap_or(if self.instant { 0 } else { 2 }),
            self.instant,
        )
        .map_err(misfit)?;
        let shared = Arc::new(Shared::new(node));
        let methods = rpc::methods(Arc::clone(&shared))
            .map_err(|error| LocalChainError::Misfit(error.to_string()))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let listener = Listener::bind(address, methods, Arc::clone(&shared))
            .await
            .map_err(|source| LocalChainError::Listen { address, source })?;
        let author = (!self.instant)
            .then(|| tokio::spawn(make_blocks(Arc::clone(&shared), self.block_time)));
        Ok(LocalChain { shared, listener, author })
    }
}

/// Makes blocks at the set interval.
async fn make_blocks(shared: Arc<Shared>, block_time: Duration) {
    let mut clock = tokio::time::interval(block_time);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick fires at once, but the chain already has blocks.
    clock.tick().await;
    loop {
        clock.tick().await;
        if shared.node().tick().is_err() {
            // Cannot happen: the metadata worked for earlier blocks, and unsuitable upgrades are
            // refused.
            return;
        }
    }
}

/// A chain that runs in this process until it is dropped.
///
/// The changes that its methods make are in a final block when they return.
#[derive(Debug)]
pub struct LocalChain {
    shared: Arc<Shared>,
    listener: Listener,
    author: Option<JoinHandle<()>>,
}

impl LocalChain {
    /// Starts a chain with its own metadata, a block every 250 ms, and subnet 1.
    ///
    /// # Errors
    /// [`LocalChainError`].
    pub async fn start() -> Result<Self, LocalChainError> {
        Self::builder().start().await
    }

    /// The default settings, to be changed before starting.
    pub fn builder() -> LocalChainBuilder {
        LocalChainBuilder {
            metadata: None,
            block_time: Duration::from_millis(250),
            instant: false,
            finality_lag: None,
            netuid: NetUid(1),
            port: 0,
        }
    }

    /// The WebSocket address to connect to.
    pub fn url(&self) -> String {
        format!("ws://{}", self.listener.address())
    }

    /// The chain's state: blocks, subnet, waiting transactions.
    pub fn status(&self) -> LocalStatus {
        self.shared.status()
    }

    /// Registers a hotkey on the subnet and returns its slot. As on a real chain, the hotkey must
    /// wait for the rate limit to pass before it may set weights.
    ///
    /// # Errors
    /// [`AdminError`]. This holds for all methods that follow.
    pub fn register(&self, hotkey: &Hotkey, coldkey: &Coldkey) -> Result<MinerUid, AdminError> {
        self.shared.register(hotkey, coldkey)
    }

    /// Grants or revokes a neuron's validator permit.
    pub fn set_permit(&self, hotkey: &Hotkey, permit: bool) -> Result<(), AdminError> {
        self.shared.set_permit(hotkey, permit)
    }

    /// Sets the alpha staked to a neuron.
    pub fn set_stake(&self, hotkey: &Hotkey, stake: Rao) -> Result<(), AdminError> {
        self.shared.set_stake(hotkey, stake)
    }

    /// Sets a hyperparameter by its name in storage: of the subnet (`Tempo`), of the chain
    /// (`StakeThreshold`), or of another pallet (`Commitments.MaxSpace`).
    pub fn set_hyperparameter(&self, name: &str, value: &str) -> Result<(), AdminError> {
        self.shared.set_hyperparameter(name, value)
    }

    /// Makes this many blocks at once and returns the newest. The beacon publishes the rounds that
    /// sealed weights are waiting for early to match.
    pub fn advance(&self, blocks: u64) -> Result<BlockNumber, AdminError> {
        self.shared.advance(blocks)
    }

    /// Cuts all connections.
    pub fn cut_connections(&self) {
        self.shared.faults.cut();
    }

    /// Cuts all connections when the next transaction arrives.
    pub fn cut_on_submit(&self, when: CutOnSubmit) {
        self.shared.faults.cut_on_submit(when);
    }

    /// Delays every answer by this long; `None` holds back all answers until a delay is set again.
    pub fn set_delay(&self, delay: Option<Duration>) {
        self.shared.faults.set_delay(delay);
    }

    /// Stops listening, cuts all connections, and listens again after `gone_for`. Meanwhile blocks
    /// are still made and transactions stay in the pool, as if the rest of a network were still
    /// running.
    ///
    /// # Errors
    /// If the port has been taken in the meantime. The chain then no longer listens.
    pub async fn restart(&self, gone_for: Duration) -> io::Result<()> {
        self.listener.restart(gone_for).await
    }

    /// Sets whether blocks include transactions. If not, transactions wait in the pool until they
    /// expire.
    pub fn set_including(&self, includes: bool) {
        self.shared.node().includes = includes;
    }

    /// Replaces up to `depth` of the newest non-final blocks with empty ones, one more than were
    /// removed. Returns how many were replaced.
    pub fn fork(&self, depth: u64, forked: Forked) -> Result<u64, AdminError> {
        Ok(self.shared.node().fork(depth, forked)?)
    }

    /// Upgrades the runtime to another spec version, with new metadata if given.
    pub fn upgrade(&self, spec_version: u32, metadata: Option<&[u8]>) -> Result<(), AdminError> {
        self.shared.upgrade(spec_version, metadata)
    }

    /// Poses as another chain: from now on it reports this hash as its genesis hash, and
    /// transactions must be signed for it.
    pub fn set_genesis(&self, hash: Hash256) {
        self.shared.node().genesis = hash.0;
    }
}

impl Drop for LocalChain {
    fn drop(&mut self) {
        if let Some(author) = &self.author {
            author.abort();
        }
    }
}
