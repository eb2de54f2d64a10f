//! Looks up the contents of the metadata by name.

use std::collections::HashMap;

use frame_metadata::v14::{StorageEntryModifier, StorageEntryType, StorageHasher};
use frame_metadata::v16::{PalletMetadata, RuntimeMetadataV16};
use frame_metadata::{RuntimeMetadata, RuntimeMetadataPrefixed};
use kinitro_core::NetUid;
use parity_scale_codec::{Compact, Decode as _, Encode as _};
use scale_info::form::PortableForm;
use scale_info::{PortableRegistry, TypeDef, Variant};
use sp_crypto_hashing::{blake2_128, blake2_256, twox_64, twox_128, twox_256};

use super::convert;
use super::value::{Mismatch, Value, decode, encode};

/// A runtime as described by its metadata.
#[derive(Debug)]
pub(super) struct Runtime {
    metadata: RuntimeMetadataV16,
    encoded: [Vec<u8>; 3],
    version: Value,
    version_bytes: Vec<u8>,
    pallets: HashMap<String, Pallet>,
}

#[derive(Debug)]
struct Pallet {
    /// The pallet's index in the metadata's list of pallets.
    at: usize,
    storage: HashMap<String, Item>,
}

/// A storage item: how its keys are built, and the type of its value.
#[derive(Debug)]
pub(super) struct Item {
    prefix: [u8; 32],
    /// The hasher and the type of each key.
    keys: Vec<(StorageHasher, u32)>,
    value: u32,
    /// The encoded value to read where nothing has been written, if there is one.
    default: Option<Vec<u8>>,
}

/// A key of a storage map.
#[derive(Debug, Clone, Copy)]
pub(super) enum Key<'a> {
    Number(u64),
    Account(&'a [u8; 32]),
}

impl Key<'_> {
    /// The key of an item that is stored per subnet.
    pub(super) fn subnet(netuid: NetUid) -> Self {
        Self::Number(netuid.0.into())
    }
}

/// Metadata from which no chain can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this metadata cannot be served: {0}")]
pub struct MetadataError(String);

impl From<Mismatch> for MetadataError {
    fn from(error: Mismatch) -> Self {
        Self(error.to_string())
    }
}

/// The pallets that this chain cannot do without.
const NEEDED: [&str; 4] = ["System", "Timestamp", "SubtensorModule", "Commitments"];

impl Runtime {
    /// The runtime described by encoded metadata, version 15 or 16.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, MetadataError> {
        let metadata = RuntimeMetadataPrefixed::decode(&mut &bytes[..])
            .map_err(|error| MetadataError(format!("it does not decode ({error})")))?;
        match metadata.1 {
            RuntimeMetadata::V16(metadata) => Self::new(metadata),
            RuntimeMetadata::V15(metadata) => Self::new(convert::from_v15(metadata)),
            other => Err(MetadataError(format!(
                "it is of version {}, and only 15 and 16 describe the runtime's functions",
                other.version()
            ))),
        }
    }

    pub(super) fn new(metadata: RuntimeMetadataV16) -> Result<Self, MetadataError> {
        let pallets = metadata
            .pallets
            .iter()
            .enumerate()
            .map(|(at, pallet)| {
                let storage = storage_items(&metadata.types, pallet);
                (pallet.name.clone(), Pallet { at, storage })
            })
            .collect();
        let mut runtime = Self {
            metadata,
            encoded: Default::default(),
            version: Value::nothing(),
            version_bytes: Vec::new(),
            pallets,
        };
        if let Some(missing) = NEEDED.iter().find(|name| !runtime.pallets.contains_key(**name)) {
            return Err(MetadataError(format!("it has no pallet {missing}")));
        }
        runtime.refresh()?;
        Ok(runtime)
    }

    /// The same runtime with another spec version or minimum period, in ms, for an upgraded or
    /// faster chain.
    pub(super) fn patched(
        &self,
        spec_version: Option<u32>,
        minimum_period: Option<u64>,
    ) -> Result<Self, MetadataError> {
        let mut metadata = self.metadata.clone();
        if let Some(spec_version) = spec_version {
            let mut version = self.version.clone();
            if let Value::Record(fields) = &mut version {
                let own = fields.iter_mut().filter(|(name, _)| name == "spec_version");
                own.for_each(|(_, value)| *value = spec_version.into());
            }
            set_constant(&mut metadata, "System", "Version", &version)?;
        }
        if let Some(period) = minimum_period {
            set_constant(&mut metadata, "Timestamp", "MinimumPeriod", &period.into())?;
        }
        Self::new(metadata)
    }

    /// Recomputes everything that is derived from the metadata.
    fn refresh(&mut self) -> Result<(), MetadataError> {
        let (ty, bytes) = self
            .constant_bytes("System", "Version")
            .ok_or_else(|| MetadataError("it does not say its version".to_owned()))?;
        self.version_bytes = bytes.to_vec();
        self.version = decode(&self.metadata.types, ty, &mut &self.version_bytes[..])?;
        for (version, encoded) in (14..).zip(&mut self.encoded) {
            *encoded = convert::encoded(&self.metadata, version).ok_or_else(|| {
                MetadataError(format!("what version {version} describes is not in it"))
            })?;
        }
        Ok(())
    }

    pub(super) fn types(&self) -> &PortableRegistry {
        &self.metadata.types
    }

    pub(super) fn metadata(&self) -> &RuntimeMetadataV16 {
        &self.metadata
    }

    /// The encoded metadata in version 14, 15 or 16.
    pub(super) fn encoded(&self, version: u32) -> Option<&[u8]> {
        self.encoded.get(version.checked_sub(14)? as usize).map(Vec::as_slice)
    }

    /// The runtime version, as a value and encoded.
    pub(super) fn version(&self) -> (&Value, &[u8]) {
        (&self.version, &self.version_bytes)
    }

    /// A number in the runtime version, such as `spec_version`.
    pub(super) fn version_number(&self, name: &str) -> u32 {
        let number = self.version.field(name).and_then(Value::as_u64);
        number.and_then(|number| number.try_into().ok()).unwrap_or(0)
    }

    fn pallet(&self, name: &str) -> Option<&PalletMetadata<PortableForm>> {
        self.metadata.pallets.get(self.pallets.get(name)?.at)
    }

    fn constant_bytes(&self, pallet: &str, name: &str) -> Option<(u32, &[u8])> {
        let constant = self.pallet(pallet)?.constants.iter().find(|own| own.name == name)?;
        Some((constant.ty.id, &constant.value))
    }

    /// A pallet's constant.
    pub(super) fn constant(&self, pallet: &str, name: &str) -> Option<Value> {
        let (ty, mut bytes) = self.constant_bytes(pallet, name)?;
        decode(&self.metadata.types, ty, &mut bytes).ok()
    }

    /// A storage item; `None` if this runtime does not have it.
    pub(super) fn item(&self, pallet: &str, name: &str) -> Option<&Item> {
        self.pallets.get(pallet)?.storage.get(name)
    }

    /// The indices of a pallet and of one of its errors.
    pub(super) fn error(&self, pallet: &str, name: &str) -> Option<(u8, u8)> {
        let pallet = self.pallet(pallet)?;
        let error =
            variants(self.types(), pallet.error.as_ref()?.ty.id).find(|v| v.name == name)?;
        Some((pallet.index, error.index))
    }

    /// An event as recorded in a block; `None` if this runtime does not have it.
    pub(super) fn event(
        &self,
        pallet: &str,
        name: &str,
        fields: &Value,
    ) -> Result<Option<Vec<u8>>, Mismatch> {
        let Some(pallet) = self.pallet(pallet) else { return Ok(None) };
        let Some(event) = &pallet.event else { return Ok(None) };
        if !variants(self.types(), event.ty.id).any(|variant| variant.name == name) {
            return Ok(None);
        }
        let mut bytes = vec![pallet.index];
        let value = Value::variant(name, fields.clone());
        encode(self.types(), event.ty.id, Some(&value), &mut bytes)?;
        Ok(Some(bytes))
    }

    /// The outer call type, which covers the calls of all pallets.
    pub(super) fn call_type(&self) -> u32 {
        self.metadata.extrinsic.call_ty.id
    }
}

impl Item {
    /// The prefix shared by all keys of this item.
    pub(super) fn prefix(&self) -> &[u8; 32] {
        &self.prefix
    }

    /// The number of keys of an entry.
    pub(super) fn arity(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn default(&self) -> Option<&[u8]> {
        self.default.as_deref()
    }

    pub(super) fn value_type(&self) -> u32 {
        self.value
    }

    /// The storage key of an entry or, with fewer keys, the prefix shared by all matching entries.
    pub(super) fn key(&self, types: &PortableRegistry, keys: &[Key<'_>]) -> Option<Vec<u8>> {
        if keys.len() > self.keys.len() {
            return None;
        }
        let mut whole = self.prefix.to_vec();
        for ((hasher, ty), key) in self.keys.iter().zip(keys) {
            let mut encoded = Vec::new();
            let value = match key {
                Key::Number(number) => Value::from(*number),
                Key::Account(account) => Value::from(**account),
            };
            encode(types, *ty, Some(&value), &mut encoded).ok()?;
            hash(hasher, &encoded, &mut whole);
        }
        Some(whole)
    }

    /// An entry's keys, recovered from its storage key if the hashers keep them readable.
    pub(super) fn keys_of(&self, types: &PortableRegistry, key: &[u8]) -> Option<Vec<Value>> {
        let mut rest = key.get(self.prefix.len()..)?;
        let mut keys = Vec::new();
        for (hasher, ty) in &self.keys {
            rest = rest.get(clear_after(hasher)?..)?;
            keys.push(decode(types, *ty, &mut rest).ok()?);
        }
        Some(keys)
    }
}

fn hash(hasher: &StorageHasher, key: &[u8], out: &mut Vec<u8>) {
    match hasher {
        StorageHasher::Blake2_128 => out.extend(blake2_128(key)),
        StorageHasher::Blake2_256 => out.extend(blake2_256(key)),
        StorageHasher::Twox128 => out.extend(twox_128(key)),
        StorageHasher::Twox256 => out.extend(twox_256(key)),
        StorageHasher::Blake2_128Concat => {
            out.extend(blake2_128(key));
            out.extend(key);
        }
        StorageHasher::Twox64Concat => {
            out.extend(twox_64(key));
            out.extend(key);
        }
        StorageHasher::Identity => out.extend(key),
    }
}

/// The number of hash bytes before the plain key; `None` if the hasher does not keep the key.
fn clear_after(hasher: &StorageHasher) -> Option<usize> {
    match hasher {
        StorageHasher::Blake2_128Concat => Some(16),
        StorageHasher::Twox64Concat => Some(8),
        StorageHasher::Identity => Some(0),
        _ => None,
    }
}

/// The variants of an enum.
pub(super) fn variants(
    types: &PortableRegistry,
    ty: u32,
) -> impl Iterator<Item = &Variant<PortableForm>> {
    let variants = match types.resolve(ty).map(|ty| &ty.type_def) {
        Some(TypeDef::Variant(variants)) => variants.variants.as_slice(),
        _ => &[],
    };
    variants.iter()
}

fn storage_items(
    types: &PortableRegistry,
    pallet: &PalletMetadata<PortableForm>,
) -> HashMap<String, Item> {
    let Some(storage) = &pallet.storage else { return HashMap::new() };
    let item = |entry: &frame_metadata::v16::StorageEntryMetadata<PortableForm>| {
        let mut prefix = [0; 32];
        prefix[..16].copy_from_slice(&twox_128(storage.prefix.as_bytes()));
        prefix[16..].copy_from_slice(&twox_128(entry.name.as_bytes()));
        let (keys, value) = match &entry.ty {
            StorageEntryType::Plain(value) => (Vec::new(), value.id),
            StorageEntryType::Map { hashers, key, value } => {
                let types = match types.resolve(key.id).map(|ty| &ty.type_def) {
                    Some(TypeDef::Tuple(tuple)) if hashers.len() > 1 => {
                        tuple.fields.iter().map(|field| field.id).collect()
                    }
                    _ => vec![key.id],
                };
                (hashers.iter().cloned().zip(types).collect(), value.id)
            }
        };
        let default = match entry.modifier {
            StorageEntryModifier::Default => Some(entry.default.clone()),
            StorageEntryModifier::Optional => None,
        };
        (entry.name.clone(), Item { prefix, keys, value, default })
    };
    storage.entries.iter().map(item).collect()
}

fn set_constant(
    metadata: &mut RuntimeMetadataV16,
    pallet: &str,
    name: &str,
    value: &Value,
) -> Result<(), Mismatch> {
    let pallet = metadata.pallets.iter_mut().find(|own| own.name == pallet);
    let constant = pallet.and_then(|own| own.constants.iter_mut().find(|own| own.name == name));
    let Some(constant) = constant else { return Ok(()) };
    constant.value.clear();
    encode(&metadata.types, constant.ty.id, Some(value), &mut constant.value)
}

/// Encodes a list whose items are already encoded.
pub(super) fn encoded_list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Compact(items.len() as u64).encode();
    items.iter().for_each(|item| bytes.extend_from_slice(item));
    bytes
}
