//! What the operator of a local chain can do that is impossible on a real one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid, NetUid};
use serde::{Deserialize, Serialize};

use super::faults::Faults;
use super::node::Node;
use super::runtime::{Key, MetadataError, Runtime};
use super::subnet::{self, PALLET, Subnet};
use super::value::{Mismatch, Value, encode};
use crate::block::Hash256;
use crate::subnet::Rao;

/// Why the chain did not carry out its operator's request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The hotkey is not registered on the subnet.
    #[error("hotkey {hotkey} is not registered on subnet {netuid}")]
    NotRegistered {
        /// The hotkey in the request.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
    },
    /// The hotkey is already registered on the subnet.
    #[error("hotkey {hotkey} is registered on subnet {netuid} already, with uid {uid}")]
    Registered {
        /// The hotkey in the request.
        hotkey: Hotkey,
        /// The subnet.
        netuid: NetUid,
        /// The slot that the hotkey holds.
        uid: MinerUid,
    },
    /// All of the subnet's slots are taken; there are this many.
    #[error("all {0} slots of the subnet are taken")]
    Full(u64),
    /// The storage has no number or boolean with this name.
    #[error("there is no hyperparameter `{0}`")]
    UnknownHyperparameter(String),
    /// The value does not fit the hyperparameter's type.
    #[error("`{value}` is no value for `{name}`")]
    Value {
        /// The name of the hyperparameter.
        name: String,
        /// The rejected value.
        value: String,
    },
    /// The metadata cannot be served.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The metadata contains types that this node does not support.
    #[error("the metadata does not fit this node: {0}")]
    Misfit(String),
}

impl From<Mismatch> for AdminError {
    fn from(error: Mismatch) -> Self {
        Self::Misfit(error.to_string())
    }
}

/// The state of a local chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LocalStatus {
    /// The newest block.
    pub block: BlockNumber,
    /// The newest final block.
    pub finalized: BlockNumber,
    /// The hash of the first block: `0x` and 64 hex digits.
    pub genesis: String,
    /// The spec version of the runtime.
    pub spec_version: u32,
    /// The number of the chain's subnet.
    pub netuid: NetUid,
    /// The number of neurons on the subnet.
    pub neurons: u16,
    /// The block in which the subnet's next epoch fires; `None` if it has no epochs.
    pub next_epoch: Option<u64>,
    /// The number of transactions waiting for a block.
    pub waiting: usize,
    /// The time between two blocks, in milliseconds; `None` if each transaction makes a block.
    pub block_time_ms: Option<u64>,
}

/// The chain and its fault switches, shared by all connections and tasks.
#[derive(Debug)]
pub(super) struct Shared {
    node: Mutex<Node>,
    pub(super) faults: Faults,
}

impl Shared {
    pub(super) fn new(node: Node) -> Self {
        Self { node: Mutex::new(node), faults: Faults::default() }
    }

    pub(super) fn node(&self) -> MutexGuard<'_, Node> {
        // The state is consistent even after a panic, because blocks are swapped in as a whole.
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn register(
        &self,
        hotkey: &Hotkey,
        coldkey: &Coldkey,
    ) -> Result<MinerUid, AdminError> {
        let mut node = self.node();
        let netuid = node.netuid;
        let subnet = node.subnet(netuid);
        if let Some(uid) = subnet.uid(hotkey.account_id()) {
            return Err(AdminError::Registered { hotkey: *hotkey, netuid, uid: MinerUid(uid) });
        }
        let most = subnet.number("MaxAllowedUids");
        if u64::from(subnet.size()) >= most {
            return Err(AdminError::Full(most));
        }
        let mut given = 0;
        node.change(|block| {
            let (hotkey, coldkey) = (hotkey.account_id(), coldkey.account_id());
            given = subnet::append(&mut block.ledger, netuid, hotkey, coldkey, block.number)?;
            let event = Value::tuple([netuid.into(), given.into(), (*hotkey).into()]);
            block.emit(PALLET, "NeuronRegistered", event)
        })?;
        Ok(MinerUid(given))
    }

    pub(super) fn set_permit(&self, hotkey: &Hotkey, permit: bool) -> Result<(), AdminError> {
        let mut node = self.node();
        let netuid = node.netuid;
        let uid = registered(node.subnet(netuid), hotkey)?;
        Ok(node.change(|block| {
            subnet::set_in_list(&mut block.ledger, "ValidatorPermit", netuid.0, uid, permit)
        })?)
    }

    pub(super) fn set_stake(&self, hotkey: &Hotkey, stake: Rao) -> Result<(), AdminError> {
        let mut node = self.node();
        let netuid = node.netuid;
        registered(node.subnet(netuid), hotkey)?;
        Ok(node.change(|block| {
            subnet::set_stake(&mut block.ledger, netuid, hotkey.account_id(), stake.0)
        })?)
    }

    /// Sets a number or boolean of the subnet or the chain, by its name in storage.
    pub(super) fn set_hyperparameter(&self, name: &str, value: &str) -> Result<(), AdminError> {
        let mut node = self.node();
        let (pallet, item) = name.split_once('.').unwrap_or((PALLET, name));
        let unknown = || AdminError::UnknownHyperparameter(name.to_owned());
        let parsed = match value.parse::<bool>() {
            Ok(flag) => Some(Value::Bool(flag)),
            Err(_) => value.parse::<u128>().ok().map(Value::Number),
        };
        let of_subnet = [Key::subnet(node.netuid)];
        let ledger = node.ledger();
        let runtime = &ledger.runtime;
        let stored = runtime.item(pallet, item).ok_or_else(unknown)?;
        let keys = match stored.arity() {
            0 => &of_subnet[..0],
            1 => &of_subnet[..],
            _ => return Err(unknown()),
        };
        let is_number = |old: &Value| matches!(old, Value::Number(_) | Value::Bool(_));
        ledger.get(pallet, item, keys).filter(is_number).ok_or_else(unknown)?;
        let fits = |parsed: &Value| {
            encode(runtime.types(), stored.value_type(), Some(parsed), &mut Vec::new()).is_ok()
        };
        let parsed = parsed
            .filter(fits)
            .ok_or_else(|| AdminError::Value { name: name.to_owned(), value: value.to_owned() })?;
        Ok(node.change(|block| block.ledger.put(pallet, item, keys, parsed.clone()))?)
    }

    /// Makes blocks ahead of schedule. Other requests may add blocks in between.
    pub(super) fn advance(&self, blocks: u64) -> Result<BlockNumber, AdminError> {
        for _ in 0..blocks {
            self.node().advance(1)?;
        }
        Ok(BlockNumber(self.node().blocks.best().number))
    }

    /// Upgrades the runtime to another spec version, with new metadata if given.
    pub(super) fn upgrade(
        &self,
        spec_version: u32,
        metadata: Option<&[u8]>,
    ) -> Result<(), AdminError> {
        let mut node = self.node();
        let other = metadata.map(Runtime::from_bytes).transpose()?;
        let period = node.block_time.as_millis() as u64 / 2;
        let base = other.as_ref().unwrap_or(node.runtime());
        let runtime = base.patched(Some(spec_version), Some(period))?;
        Ok(node.upgrade(Arc::new(runtime))?)
    }

    pub(super) fn status(&self) -> LocalStatus {
        let node = self.node();
        let subnet = node.subnet(node.netuid);
        let best = node.blocks.best().number;
        LocalStatus {
            block: BlockNumber(best),
            finalized: BlockNumber(node.blocks.finalized().number),
            genesis: Hash256(node.genesis).to_string(),
            spec_version: node.runtime().version_number("spec_version"),
            netuid: node.netuid,
            neurons: subnet.size(),
            next_epoch: subnet.epoch_state(best).next_firing(),
            waiting: node.pool.len(),
            block_time_ms: (!node.instant).then_some(node.block_time.as_millis() as u64),
        }
    }
}

fn registered(subnet: Subnet<'_>, hotkey: &Hotkey) -> Result<u16, AdminError> {
    subnet
        .uid(hotkey.account_id())
        .ok_or(AdminError::NotRegistered { hotkey: *hotkey, netuid: subnet.netuid })
}
