//! Blocks, and how long they are kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parity_scale_codec::{Compact, Encode as _};
use sp_crypto_hashing::blake2_256;

use super::Hash;
use super::ledger::Ledger;

/// How many recent blocks keep a readable state, as on a pruning node.
const STATES: u64 = 256;
/// How many recent blocks are kept at all: the value of the runtime's `BlockHashCount`.
pub(super) const BLOCKS: u64 = 2400;

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) number: u64,
    pub(super) hash: Hash,
    pub(super) parent: Hash,
    pub(super) state_root: Hash,
    pub(super) extrinsics_root: Hash,
    /// The encoded logs of the block's digest.
    pub(super) logs: Vec<Vec<u8>>,
    /// The block's extrinsics, each encoded with its length: first the timestamp, then the
    /// transactions.
    pub(super) extrinsics: Vec<Arc<[u8]>>,
    /// The hashes of the block's transactions.
    pub(super) transactions: Vec<Hash>,
}

impl Block {
    /// Makes a block and computes its hash from the other fields.
    pub(super) fn new(
        number: u64,
        parent: Hash,
        state_root: Hash,
        logs: Vec<Vec<u8>>,
        extrinsics: Vec<Arc<[u8]>>,
        transactions: Vec<Hash>,
    ) -> Self {
        let extrinsics_root = blake2_256(&extrinsics.concat());
        let mut block = Self {
            number,
            hash: [0; 32],
            parent,
            state_root,
            extrinsics_root,
            logs,
            extrinsics,
            transactions,
        };
        block.hash = blake2_256(&block.header());
        block
    }

    /// The encoded header.
    fn header(&self) -> Vec<u8> {
        let mut bytes = self.parent.to_vec();
        Compact(self.number).encode_to(&mut bytes);
        bytes.extend_from_slice(&self.state_root);
        bytes.extend_from_slice(&self.extrinsics_root);
        Compact(self.logs.len() as u64).encode_to(&mut bytes);
        self.logs.iter().for_each(|log| bytes.extend_from_slice(log));
        bytes
    }
}

/// The blocks that are kept, with the states that can still be read.
#[derive(Debug)]
pub(super) struct Blocks {
    by_hash: HashMap<Hash, (Arc<Block>, Option<Ledger>)>,
    /// All blocks at each height, including those on forks.
    by_height: BTreeMap<u64, Vec<Hash>>,
    /// The block of the canonical chain at each height.
    canonical: BTreeMap<u64, Hash>,
    best: Arc<Block>,
    finalized: Arc<Block>,
}

impl Blocks {
    /// A chain with only the genesis block.
    pub(super) fn new(genesis: Block, ledger: Ledger) -> Self {
        let genesis = Arc::new(genesis);
        let hash = genesis.hash;
        Self {
            by_hash: [(hash, (Arc::clone(&genesis), Some(ledger)))].into(),
            by_height: BTreeMap::new(),
            canonical: [(0, hash)].into(),
            best: Arc::clone(&genesis),
            finalized: genesis,
        }
    }

    pub(super) fn best(&self) -> &Arc<Block> {
        &self.best
    }

    pub(super) fn finalized(&self) -> &Arc<Block> {
        &self.finalized
    }

    pub(super) fn get(&self, hash: &Hash) -> Option<&Arc<Block>> {
        self.by_hash.get(hash).map(|(block, _)| block)
    }

    /// The state after a block, if it is still kept.
    pub(super) fn state(&self, hash: &Hash) -> Option<&Ledger> {
        self.by_hash.get(hash)?.1.as_ref()
    }

    /// The hash of the canonical block at this height.
    pub(super) fn hash_at(&self, number: u64) -> Option<Hash> {
        self.canonical.get(&number).copied()
    }

    /// Adds a block and makes it the best one.
    pub(super) fn push(&mut self, block: Arc<Block>, ledger: Ledger) {
        let (number, hash) = (block.number, block.hash);
        self.by_height.entry(number).or_default().push(hash);
        self.canonical.split_off(&number);
        self.canonical.insert(number, hash);
        self.best = Arc::clone(&block);
        self.by_hash.insert(hash, (block, Some(ledger)));
        self.prune();
    }

    /// Goes back to an earlier block. Later blocks are no longer part of the chain.
    pub(super) fn rewind(&mut self, to: &Arc<Block>) {
        self.canonical.split_off(&(to.number + 1));
        self.best = Arc::clone(to);
    }

    /// Finalizes a block of the chain.
    pub(super) fn finalize(&mut self, number: u64) -> Option<Arc<Block>> {
        let block = self.get(self.canonical.get(&number)?)?;
        if block.number <= self.finalized.number {
            return None;
        }
        self.finalized = Arc::clone(block);
        Some(Arc::clone(&self.finalized))
    }

    fn prune(&mut self) {
        let best = self.best.number;
        if let Some(hashes) = best.checked_sub(STATES).and_then(|n| self.by_height.get(&n)) {
            for hash in hashes {
                if let Some((_, state)) = self.by_hash.get_mut(hash) {
                    *state = None;
                }
            }
        }
        while let Some(oldest) = self.by_height.first_entry()
            && *oldest.key() + BLOCKS < best
        {
            self.canonical.remove(oldest.key());
            for hash in oldest.remove() {
                self.by_hash.remove(&hash);
            }
        }
    }
}
