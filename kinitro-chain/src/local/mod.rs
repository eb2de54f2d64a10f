//! A chain in this process, for development and for tests.
//!
//! It speaks the JSON-RPC of a Substrate node over WebSocket and HTTP, so that whatever talks to
//! Bittensor talks to it: `subxt`, the Bittensor SDK, this crate. It verifies signatures, makes
//! blocks, refuses what the real chain refuses in the same words, and opens timelocked weights with
//! a beacon of its own. What it stores, and in which form, follows from the metadata it serves:
//! metadata of its own making, or that of a real chain.
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
//! It is no model of Bittensor's economy: nobody earns anything, fees are flat, and calls that
//! Kinitro has no use for are refused with `System.CallFiltered`.

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

/// Why there is no local chain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalChainError {
    /// Something else listens at the port, or it may not be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The metadata cannot be served.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The metadata has other types than this node knows.
    #[error("the metadata does not fit this node: {0}")]
    Misfit(String),
    /// The subnet is the root network, which takes no weights, or beyond what there can be.
    #[error("{0} is no number of a subnet: use 1 to 4095")]
    Netuid(NetUid),
}

/// What a local chain is to be like.
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
    /// Serves the encoded metadata of a real chain, of version 15 or 16, in place of its own.
    #[must_use]
    pub fn metadata(self, bytes: impl Into<Vec<u8>>) -> Self {
        Self { metadata: Some(bytes.into()), ..self }
    }

    /// The time between two blocks: a quarter of a second unless told otherwise.
    #[must_use]
    pub fn block_time(self, block_time: Duration) -> Self {
        Self { block_time: block_time.max(Duration::from_millis(2)), ..self }
    }

    /// Makes a block for each transaction as it comes, which is final at once, and no others.
    #[must_use]
    pub fn instant(self) -> Self {
        Self { instant: true, ..self }
    }

    /// How many blocks a block waits to be final: 2 unless told otherwise, 0 in instant mode.
    #[must_use]
    pub fn finality_lag(self, blocks: u64) -> Self {
        Self { finality_lag: Some(blocks), ..self }
    }

    /// The subnet there is: 1 unless told otherwise.
    #[must_use]
    pub fn netuid(self, netuid: NetUid) -> Self {
        Self { netuid, ..self }
    }

    /// The port to listen at, on this machine only; any that is free unless told otherwise.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        Self { port, ..self }
    }

    /// Starts the chain. It must be called from within a Tokio runtime, which then runs it.
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
        // What clients reckon times with: the period is half the time of a block.
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

/// Makes a block whenever it is time for one.
async fn make_blocks(shared: Arc<Shared>, block_time: Duration) {
    let mut clock = tokio::time::interval(block_time);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is now, and there are blocks already.
    clock.tick().await;
    loop {
        clock.tick().await;
        if shared.node().tick().is_err() {
            // The metadata was good for the blocks so far; an upgrade to worse is refused.
            return;
        }
    }
}

/// A chain that runs in this process until it is dropped.
///
/// What its methods change is in a final block when they return.
#[derive(Debug)]
pub struct LocalChain {
    shared: Arc<Shared>,
    listener: Listener,
    author: Option<JoinHandle<()>>,
}

impl LocalChain {
    /// A chain with metadata of its own, a block every quarter of a second, and subnet 1.
    ///
    /// # Errors
    /// [`LocalChainError`].
    pub async fn start() -> Result<Self, LocalChainError> {
        Self::builder().start().await
    }

    /// A chain that is like this or like that.
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

    /// How it is doing.
    pub fn status(&self) -> LocalStatus {
        self.shared.status()
    }

    /// Gives a hotkey the next slot of the subnet. As on the real chain it then has to wait for the
    /// rate limit before it may set weights.
    ///
    /// # Errors
    /// [`AdminError`]; so for all that follow.
    pub fn register(&self, hotkey: &Hotkey, coldkey: &Coldkey) -> Result<MinerUid, AdminError> {
        self.shared.register(hotkey, coldkey)
    }

    /// Says whether a neuron may set weights for others.
    pub fn set_permit(&self, hotkey: &Hotkey, permit: bool) -> Result<(), AdminError> {
        self.shared.set_permit(hotkey, permit)
    }

    /// Sets the alpha that is staked to a neuron.
    pub fn set_stake(&self, hotkey: &Hotkey, stake: Rao) -> Result<(), AdminError> {
        self.shared.set_stake(hotkey, stake)
    }

    /// Sets a hyperparameter by the name that the storage has for it: of the subnet, as `Tempo`; of
    /// the chain, as `StakeThreshold`; or of another pallet, as `Commitments.MaxSpace`.
    pub fn set_hyperparameter(&self, name: &str, value: &str) -> Result<(), AdminError> {
        self.shared.set_hyperparameter(name, value)
    }

    /// Makes so many blocks at once, and returns the newest. The beacon's rounds that sealed
    /// weights wait for come as early as the blocks do.
    pub fn advance(&self, blocks: u64) -> Result<BlockNumber, AdminError> {
        self.shared.advance(blocks)
    }

    /// Cuts all connections.
    pub fn cut_connections(&self) {
        self.shared.faults.cut();
    }

    /// Cuts all connections when the next transaction comes.
    pub fn cut_on_submit(&self, when: CutOnSubmit) {
        self.shared.faults.cut_on_submit(when);
    }

    /// Holds every answer back for that long; for ever without, until it is set again.
    pub fn set_delay(&self, delay: Option<Duration>) {
        self.shared.faults.set_delay(delay);
    }

    /// Stops listening, cuts all connections, and listens again after a while. Blocks go on: the
    /// rest of the network is still there, and so are the transactions in its pools.
    ///
    /// # Errors
    /// When the port was taken meanwhile. Then this chain is deaf.
    pub async fn restart(&self, gone_for: Duration) -> io::Result<()> {
        self.listener.restart(gone_for).await
    }

    /// Says whether transactions get into blocks. Those that do not wait in the pool until they are
    /// too old.
    pub fn set_including(&self, includes: bool) {
        self.shared.node().includes = includes;
    }

    /// Replaces the newest `depth` blocks that are not final by one more than that, none of which
    /// holds a transaction. Returns how many were replaced.
    pub fn fork(&self, depth: u64, forked: Forked) -> Result<u64, AdminError> {
        Ok(self.shared.node().fork(depth, forked)?)
    }

    /// Lets a runtime of another version take over, with other metadata if there is any.
    pub fn upgrade(&self, spec_version: u32, metadata: Option<&[u8]>) -> Result<(), AdminError> {
        self.shared.upgrade(spec_version, metadata)
    }

    /// Passes itself off as another chain: this is what its first block is said to be from now on,
    /// and what transactions have to be signed for.
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
