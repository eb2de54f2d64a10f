//! Reading the state of one block, with the runtime that made it.

use std::sync::Arc;

use kinitro_core::BlockNumber;
use scale_decode::DecodeAsType;
use scale_value::Value;
use serde::Deserialize;
use serde_json::json;
use subxt::ext::codec::Decode;

use super::Subtensor;
use super::hex::Hex;
use super::runtime::{Runtime, Version, protocol};
use crate::block::{Block, Hash256};
use crate::error::{ChainError, ChainErrorKind};

/// How many keys or values are requested at once. Nodes refuse more than 1000 keys.
const PAGE: usize = 1000;

/// A pinned block. Everything read through it comes from the same state.
#[derive(Debug)]
pub(super) struct Pin<'chain> {
    chain: &'chain Subtensor,
    pub(super) block: Block,
    pub(super) runtime: Arc<Runtime>,
}

#[derive(Deserialize)]
struct Header {
    number: Hex,
}

/// A node's answer about the values of some keys.
#[derive(Deserialize)]
struct StorageChanges {
    changes: Vec<(Hex, Option<Hex>)>,
}

/// The start of the runtime's version. All runtimes since 2021 have this layout.
#[derive(Decode)]
struct RuntimeVersion {
    _spec_name: String,
    _impl_name: String,
    _authoring_version: u32,
    spec_version: u32,
    _impl_version: u32,
    _apis: Vec<([u8; 8], u32)>,
    transaction_version: u32,
}

impl<'chain> Pin<'chain> {
    /// Pins a block by its hash. Its runtime is looked up each time, so that an upgrade between two
    /// readings is noticed.
    pub(super) async fn at(chain: &'chain Subtensor, hash: Hash256) -> Result<Self, ChainError> {
        let (number, version) =
            tokio::try_join!(chain.block_number(hash), Self::version(chain, hash))?;
        let runtime = match chain.known_runtime(version) {
            Some(runtime) => runtime,
            None => {
                let metadata = Self::metadata(chain, hash).await?;
                chain.remember(Runtime::new(version, chain.genesis(), &metadata)?)
            }
        };
        Ok(Self { chain, block: Block { number, hash }, runtime })
    }

    async fn version(chain: &Subtensor, hash: Hash256) -> Result<Version, ChainError> {
        let Hex(bytes) = chain.rpc.read("state_call", json!(["Core_version", "0x", hash])).await?;
        let version = RuntimeVersion::decode(&mut &*bytes)
            .map_err(|error| protocol("the version of the runtime", error))?;
        Ok(Version { spec: version.spec_version, transaction: version.transaction_version })
    }

    /// The newest version of the metadata that subxt can read.
    async fn metadata(chain: &Subtensor, hash: Hash256) -> Result<Vec<u8>, ChainError> {
        let call = |function: &'static str, argument: Hex| {
            chain.rpc.read::<Hex>("state_call", json!([function, argument, hash]))
        };
        let Hex(versions) = call("Metadata_metadata_versions", Hex(Vec::new())).await?;
        let versions = Vec::<u32>::decode(&mut &*versions)
            .map_err(|error| protocol("the list of metadata versions", error))?;
        let newest = versions.into_iter().filter(|version| (14..=16).contains(version)).max();
        let Some(newest) = newest else {
            let message = "the node has no metadata of the versions 14 to 16";
            return Err(ChainError::new(ChainErrorKind::Protocol, message));
        };
        let argument = Hex(newest.to_le_bytes().to_vec());
        let Hex(bytes) = call("Metadata_metadata_at_version", argument).await?;
        let metadata = Option::<Vec<u8>>::decode(&mut &*bytes)
            .map_err(|error| protocol("the metadata of the node", error))?;
        metadata.ok_or_else(|| {
            let message = format!("the node lists metadata version {newest} and does not give it");
            ChainError::new(ChainErrorKind::Protocol, message)
        })
    }

    /// Calls a runtime function.
    pub(super) async fn call<T: DecodeAsType>(
        &self,
        api: &str,
        function: &str,
        arguments: Vec<Value>,
    ) -> Result<T, ChainError> {
        let name = format!("{api}_{function}");
        let arguments = Hex(self.runtime.arguments(api, function, arguments)?);
        let parameters = json!([name, arguments, self.block.hash]);
        let Hex(bytes) = self.chain.rpc.read("state_call", parameters).await?;
        self.runtime.answer(api, function, &bytes)
    }

    /// The values of these keys, in their order.
    pub(super) async fn values(
        &self,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<Vec<u8>>>, ChainError> {
        let mut values = Vec::with_capacity(keys.len());
        for page in keys.chunks(PAGE) {
            let hex: Vec<Hex> = page.iter().cloned().map(Hex).collect();
            let parameters = json!([hex, self.block.hash]);
            let sets: Vec<StorageChanges> =
                self.chain.rpc.read("state_queryStorageAt", parameters).await?;
            let mut found: std::collections::BTreeMap<Vec<u8>, Option<Vec<u8>>> = sets
                .into_iter()
                .flat_map(|set| set.changes)
                .map(|(key, value)| (key.0, value.map(|value| value.0)))
                .collect();
            for key in page {
                let value = found.remove(key).ok_or_else(|| {
                    let message = "state_queryStorageAt: the node left out a key";
                    ChainError::new(ChainErrorKind::Protocol, message)
                })?;
                values.push(value);
            }
        }
        Ok(values)
    }

    /// All keys with that prefix.
    pub(super) async fn keys(&self, prefix: &[u8]) -> Result<Vec<Vec<u8>>, ChainError> {
        let mut keys: Vec<Vec<u8>> = Vec::new();
        loop {
            let prefix = Hex(prefix.to_vec());
            let start = keys.last().cloned().map(Hex);
            let parameters = json!([prefix, PAGE, start, self.block.hash]);
            let page: Vec<Hex> = self.chain.rpc.read("state_getKeysPaged", parameters).await?;
            let (count, after) = (page.len(), keys.last().cloned());
            keys.extend(page.into_iter().map(|key| key.0));
            if count < PAGE {
                return Ok(keys);
            }
            if keys.last() <= after.as_ref() {
                let message = "state_getKeysPaged: the node repeats itself";
                return Err(ChainError::new(ChainErrorKind::Protocol, message));
            }
        }
    }

    /// A value by the name of its entry.
    pub(super) async fn value<T: DecodeAsType>(
        &self,
        pallet: &str,
        entry: &str,
        parts: Vec<Value>,
    ) -> Result<Option<T>, ChainError> {
        let key = Hex(self.runtime.key(pallet, entry, parts)?);
        let parameters = json!([key, self.block.hash]);
        let bytes: Option<Hex> = self.chain.rpc.read("state_getStorage", parameters).await?;
        self.runtime.value(pallet, entry, bytes.as_ref().map(|bytes| &*bytes.0))
    }

    /// Starts a batch of values to be read together.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { pin: self, keys: Vec::new(), entries: Vec::new() }
    }
}

impl Subtensor {
    /// The number of a block.
    pub(super) async fn block_number(&self, hash: Hash256) -> Result<BlockNumber, ChainError> {
        let header: Option<Header> = self.rpc.read("chain_getHeader", json!([hash])).await?;
        header.map(|header| BlockNumber(header.number.as_number())).ok_or_else(|| {
            let message = format!("the node does not know its own block {hash}");
            ChainError::new(ChainErrorKind::Protocol, message)
        })
    }
}

/// Values of a block that are read in one call.
pub(super) struct Batch<'pin> {
    pin: &'pin Pin<'pin>,
    keys: Vec<Vec<u8>>,
    entries: Vec<(&'static str, &'static str)>,
}

/// The place of a value in a batch.
#[derive(Clone, Copy)]
pub(super) struct Slot(usize);

impl<'pin> Batch<'pin> {
    /// Adds a value to the batch.
    pub(super) fn add(
        &mut self,
        pallet: &'static str,
        entry: &'static str,
        parts: Vec<Value>,
    ) -> Result<Slot, ChainError> {
        let key = self.pin.runtime.key(pallet, entry, parts)?;
        Ok(self.add_key(pallet, entry, key))
    }

    /// Adds the value of a known key to the batch.
    pub(super) fn add_key(
        &mut self,
        pallet: &'static str,
        entry: &'static str,
        key: Vec<u8>,
    ) -> Slot {
        self.keys.push(key);
        self.entries.push((pallet, entry));
        Slot(self.keys.len() - 1)
    }

    /// Reads all values of the batch.
    pub(super) async fn read(self) -> Result<BatchValues, ChainError> {
        let values = self.pin.values(&self.keys).await?;
        Ok(BatchValues { runtime: self.pin.runtime.clone(), entries: self.entries, values })
    }
}

/// The values of a batch.
pub(super) struct BatchValues {
    runtime: Arc<Runtime>,
    entries: Vec<(&'static str, &'static str)>,
    values: Vec<Option<Vec<u8>>>,
}

impl BatchValues {
    /// A value, or its default. It is an error if there is neither.
    pub(super) fn get<T: DecodeAsType>(&self, slot: Slot) -> Result<T, ChainError> {
        self.find(slot)?.ok_or_else(|| {
            let (pallet, entry) = self.entries[slot.0];
            let message = format!("the chain has no value for {pallet}.{entry}");
            ChainError::new(ChainErrorKind::Protocol, message)
        })
    }

    /// A value, or its default if it has one.
    pub(super) fn find<T: DecodeAsType>(&self, slot: Slot) -> Result<Option<T>, ChainError> {
        let (pallet, entry) = self.entries[slot.0];
        self.runtime.value(pallet, entry, self.values[slot.0].as_deref())
    }
}
