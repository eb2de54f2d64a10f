//! The state of the chain after a block: cheap to copy, with entries read and written by name.

use std::ops::Bound;
use std::sync::Arc;

use imbl::OrdMap;
use sp_crypto_hashing::blake2_256;

use super::runtime::{Key, Runtime};
use super::value::{Mismatch, Value, decode, encode};

/// The state after a block. Copies share their common entries.
#[derive(Debug, Clone)]
pub(super) struct Ledger {
    pub(super) runtime: Arc<Runtime>,
    entries: OrdMap<Arc<[u8]>, Arc<[u8]>>,
    /// A digest of everything ever written, in order; plays the role of a real chain's state root.
    root: [u8; 32],
}

impl Ledger {
    pub(super) fn new(runtime: Arc<Runtime>) -> Self {
        Self { runtime, entries: OrdMap::new(), root: [0; 32] }
    }

    pub(super) fn root(&self) -> [u8; 32] {
        self.root
    }

    /// The bytes stored under a key.
    pub(super) fn raw(&self, key: &[u8]) -> Option<&[u8]> {
        self.entries.get(key).map(|value| value.as_ref())
    }

    /// The storage keys that begin with `prefix`, in order, starting after `after`.
    pub(super) fn keys(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = &Arc<[u8]>> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let prefix = prefix.to_vec();
        self.entries
            .range::<_, [u8]>((from, Bound::Unbounded))
            .map(|(key, _)| key)
            .take_while(move |key| key.starts_with(&prefix))
    }

    fn set_raw(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let mut written = self.root.to_vec();
        written.extend_from_slice(&key);
        written.push(u8::from(value.is_some()));
        written.extend_from_slice(value.as_deref().unwrap_or_default());
        self.root = blake2_256(&written);
        match value {
            Some(value) => self.entries.insert(key.into(), value.into()),
            None => self.entries.remove(&key[..]),
        };
    }

    /// The stored value, or else the item's default; `None` if there is neither, or no such item.
    pub(super) fn get(&self, pallet: &str, name: &str, keys: &[Key<'_>]) -> Option<Value> {
        let item = self.runtime.item(pallet, name)?;
        let types = self.runtime.types();
        let key = item.key(types, keys)?;
        let mut bytes = self.raw(&key).or(item.default())?;
        decode(types, item.value_type(), &mut bytes).ok()
    }

    /// A stored number, or 0 if there is none.
    pub(super) fn number(&self, pallet: &str, name: &str, keys: &[Key<'_>]) -> u64 {
        self.get(pallet, name, keys).and_then(|value| value.as_u64()).unwrap_or(0)
    }

    /// A stored list, or an empty one if there is none.
    pub(super) fn list(&self, pallet: &str, name: &str, keys: &[Key<'_>]) -> Vec<Value> {
        match self.get(pallet, name, keys) {
            Some(Value::List(values)) => values,
            _ => Vec::new(),
        }
    }

    /// Writes a value, if this runtime has the item.
    ///
    /// # Errors
    /// [`Mismatch`] if the item has a different type.
    pub(super) fn put(
        &mut self,
        pallet: &str,
        name: &str,
        keys: &[Key<'_>],
        value: impl Into<Value>,
    ) -> Result<(), Mismatch> {
        let runtime = Arc::clone(&self.runtime);
        let Some(item) = runtime.item(pallet, name) else { return Ok(()) };
        let key = item
            .key(runtime.types(), keys)
            .ok_or_else(|| Mismatch::new(format_args!("{pallet}.{name} has other keys")))?;
        let mut bytes = Vec::new();
        encode(runtime.types(), item.value_type(), Some(&value.into()), &mut bytes)
            .map_err(|error| Mismatch::new(format_args!("{pallet}.{name}: {error}")))?;
        self.set_raw(key, Some(bytes));
        Ok(())
    }

    /// Writes an already encoded value.
    pub(super) fn put_encoded(&mut self, pallet: &str, name: &str, value: Vec<u8>) {
        let runtime = Arc::clone(&self.runtime);
        if let Some(item) = runtime.item(pallet, name) {
            self.set_raw(item.prefix().to_vec(), Some(value));
        }
    }

    /// Removes an entry.
    pub(super) fn remove(&mut self, pallet: &str, name: &str, keys: &[Key<'_>]) {
        let runtime = Arc::clone(&self.runtime);
        let key = runtime.item(pallet, name).and_then(|item| item.key(runtime.types(), keys));
        if let Some(key) = key.filter(|key| self.raw(key).is_some()) {
            self.set_raw(key, None);
        }
    }

    /// The keys and values of all entries of a map that begin with `keys`.
    pub(super) fn entries(
        &self,
        pallet: &str,
        name: &str,
        keys: &[Key<'_>],
    ) -> Vec<(Vec<Value>, Value)> {
        let types = self.runtime.types();
        let Some(item) = self.runtime.item(pallet, name) else { return Vec::new() };
        let Some(prefix) = item.key(types, keys) else { return Vec::new() };
        let entry = |key: &Arc<[u8]>| {
            let value = decode(types, item.value_type(), &mut self.raw(key)?).ok()?;
            Some((item.keys_of(types, key)?, value))
        };
        self.keys(&prefix, None).filter_map(entry).collect()
    }
}
