//! Transactions waiting for a block, and the watchers of their fate.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::extrinsic::{Invalid, Transaction};
use super::{Account, Hash};

/// The status of a transaction, as reported to its watchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// It waits for an earlier one of its sender.
    Future,
    Ready,
    InBlock(Hash),
    /// The block it was in is no longer one of the chain.
    Retracted(Hash),
    Finalized(Hash),
    /// Another of the same sender and number took its place.
    Usurped(Hash),
    /// It can get into no block any more.
    Invalid,
}

impl Status {
    fn is_last(&self) -> bool {
        matches!(self, Self::Finalized(_) | Self::Usurped(_) | Self::Invalid)
    }
}

/// Why a transaction did not get into the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rejected {
    Invalid(Invalid),
    AlreadyImported(Hash),
    TooLowPriority { old: u128, new: u128 },
}

impl From<Invalid> for Rejected {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

#[derive(Debug)]
struct Waiting {
    transaction: Transaction,
    /// When it came.
    serial: u64,
    /// The first block that it is too old for.
    death: u64,
}

/// Transactions that wait for a block: one for each account and number.
#[derive(Debug, Default)]
pub(super) struct Pool {
    waiting: BTreeMap<(Account, u64), Waiting>,
    watchers: HashMap<Hash, Vec<UnboundedSender<Status>>>,
    serial: u64,
}

impl Pool {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// All that wait, in the order they came.
    pub(super) fn transactions(&self) -> Vec<&Transaction> {
        let mut waiting: Vec<&Waiting> = self.waiting.values().collect();
        waiting.sort_by_key(|waiting| waiting.serial);
        waiting.into_iter().map(|waiting| &waiting.transaction).collect()
    }

    /// The number that a new transaction of an account should have, if the chain expects `nonce`.
    pub(super) fn next_nonce(&self, account: &Account, mut nonce: u64) -> u64 {
        while self.waiting.contains_key(&(*account, nonce)) {
            nonce += 1;
        }
        nonce
    }

    /// Takes a transaction that was found valid.
    pub(super) fn insert(
        &mut self,
        transaction: Transaction,
        death: u64,
        on_chain: u64,
    ) -> Result<(), Rejected> {
        let slot = (transaction.signer, transaction.nonce);
        if let Some(old) = self.waiting.get(&slot).map(|waiting| &waiting.transaction) {
            if old.hash == transaction.hash {
                return Err(Rejected::AlreadyImported(old.hash));
            }
            if transaction.tip <= old.tip {
                return Err(Rejected::TooLowPriority { old: old.tip, new: transaction.tip });
            }
            let old = old.hash;
            self.tell(&old, &Status::Usurped(transaction.hash));
        }
        let hash = transaction.hash;
        self.serial += 1;
        self.waiting.insert(slot, Waiting { transaction, serial: self.serial, death });
        let is_ready = self.next_nonce(&slot.0, on_chain) > slot.1;
        self.tell(&hash, if is_ready { &Status::Ready } else { &Status::Future });
        if is_ready {
            self.wake(&slot.0, slot.1 + 1);
        }
        Ok(())
    }

    /// Tells those that waited for an earlier one.
    fn wake(&mut self, account: &Account, mut nonce: u64) {
        while let Some(waiting) = self.waiting.get(&(*account, nonce)) {
            let hash = waiting.transaction.hash;
            self.tell(&hash, &Status::Ready);
            nonce += 1;
        }
    }

    /// The transactions that fit into the next block, in the order they came; `on_chain` is the
    /// number that the chain expects of an account.
    pub(super) fn ready(&self, on_chain: impl Fn(&Account) -> u64) -> Vec<Transaction> {
        let mut next: BTreeMap<Account, u64> = BTreeMap::new();
        let mut ready = Vec::new();
        let mut later = self.transactions();
        loop {
            let before = ready.len();
            later.retain(|transaction| {
                let signer = transaction.signer;
                let next = next.entry(signer).or_insert_with(|| on_chain(&signer));
                if transaction.nonce != *next {
                    return true;
                }
                *next += 1;
                ready.push(Transaction::clone(transaction));
                false
            });
            if ready.len() == before {
                return ready;
            }
        }
    }

    /// Takes out a transaction that got into a block.
    pub(super) fn included(&mut self, transaction: &Transaction, block: Hash) {
        self.waiting.remove(&(transaction.signer, transaction.nonce));
        self.tell(&transaction.hash, &Status::InBlock(block));
    }

    /// Takes out a transaction that is no longer valid.
    pub(super) fn remove_invalid(&mut self, transaction: &Transaction) {
        self.waiting.remove(&(transaction.signer, transaction.nonce));
        self.tell(&transaction.hash, &Status::Invalid);
    }

    /// Takes out those that are too old for `block`, or whose number was used by another.
    pub(super) fn remove_outdated(&mut self, block: u64, on_chain: impl Fn(&Account) -> u64) {
        let is_outdated = |own: &&Waiting| {
            own.death <= block || own.transaction.nonce < on_chain(&own.transaction.signer)
        };
        let outdated: Vec<Transaction> =
            self.waiting.values().filter(is_outdated).map(|own| own.transaction.clone()).collect();
        outdated.iter().for_each(|transaction| self.remove_invalid(transaction));
    }

    /// From now on tells what becomes of a transaction.
    pub(super) fn watch(&mut self, hash: Hash) -> UnboundedReceiver<Status> {
        let (sender, receiver) = unbounded_channel();
        self.watchers.entry(hash).or_default().push(sender);
        receiver
    }

    /// Forgets those who no longer listen.
    pub(super) fn unwatch(&mut self, hash: &Hash) {
        if let Some(watchers) = self.watchers.get_mut(hash) {
            watchers.retain(|watcher| !watcher.is_closed());
            if watchers.is_empty() {
                self.watchers.remove(hash);
            }
        }
    }

    pub(super) fn tell(&mut self, hash: &Hash, status: &Status) {
        let Some(watchers) = self.watchers.get_mut(hash) else { return };
        watchers.retain(|watcher| watcher.send(status.clone()).is_ok());
        if watchers.is_empty() || status.is_last() {
            self.watchers.remove(hash);
        }
    }
}
