//! Transactions waiting for a block, and the watchers of their status.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::extrinsic::{Invalid, Transaction};
use super::{Account, Hash};

/// The status of a transaction, as reported to its watchers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Status {
    /// Waiting for an earlier transaction from the same sender.
    Future,
    Ready,
    InBlock(Hash),
    /// The block that included it is no longer part of the chain.
    Retracted(Hash),
    Finalized(Hash),
    /// Replaced by another transaction with the same sender and nonce.
    Usurped(Hash),
    /// It can no longer be included in any block.
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
    /// Its place in the order of arrival.
    serial: u64,
    /// The first block for which it is too old.
    death: u64,
}

/// Transactions waiting for a block, at most one for each account and nonce.
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

    /// All waiting transactions, in order of arrival.
    pub(super) fn transactions(&self) -> Vec<&Transaction> {
        let mut waiting: Vec<&Waiting> = self.waiting.values().collect();
        waiting.sort_by_key(|waiting| waiting.serial);
        waiting.into_iter().map(|waiting| &waiting.transaction).collect()
    }

    /// The nonce for an account's next transaction, if the chain expects `nonce`.
    pub(super) fn next_nonce(&self, account: &Account, mut nonce: u64) -> u64 {
        while self.waiting.contains_key(&(*account, nonce)) {
            nonce += 1;
        }
        nonce
    }

    /// Adds a transaction that has been validated.
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

    /// Reports an account's transactions from `nonce` on as ready, up to the first gap.
    fn wake(&mut self, account: &Account, mut nonce: u64) {
        while let Some(waiting) = self.waiting.get(&(*account, nonce)) {
            let hash = waiting.transaction.hash;
            self.tell(&hash, &Status::Ready);
            nonce += 1;
        }
    }

    /// The transactions that can go into the next block: in order of arrival, except that each
    /// waits for its sender's earlier ones. `on_chain` gives the nonce that the chain expects from
    /// an account.
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

    /// Removes a transaction that was included in a block.
    pub(super) fn included(&mut self, transaction: &Transaction, block: Hash) {
        self.waiting.remove(&(transaction.signer, transaction.nonce));
        self.tell(&transaction.hash, &Status::InBlock(block));
    }

    /// Removes a transaction that is no longer valid.
    pub(super) fn remove_invalid(&mut self, transaction: &Transaction) {
        self.waiting.remove(&(transaction.signer, transaction.nonce));
        self.tell(&transaction.hash, &Status::Invalid);
    }

    /// Removes transactions that are too old for `block` or whose nonce has been used.
    pub(super) fn remove_outdated(&mut self, block: u64, on_chain: impl Fn(&Account) -> u64) {
        let is_outdated = |own: &&Waiting| {
            own.death <= block || own.transaction.nonce < on_chain(&own.transaction.signer)
        };
        let outdated: Vec<Transaction> =
            self.waiting.values().filter(is_outdated).map(|own| own.transaction.clone()).collect();
        outdated.iter().for_each(|transaction| self.remove_invalid(transaction));
    }

    /// Subscribes to the status of a transaction from now on.
    pub(super) fn watch(&mut self, hash: Hash) -> UnboundedReceiver<Status> {
        let (sender, receiver) = unbounded_channel();
        self.watchers.entry(hash).or_default().push(sender);
        receiver
    }

    /// Drops the watchers that have stopped listening.
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
