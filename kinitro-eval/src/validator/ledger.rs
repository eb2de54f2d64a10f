//! A record of what was submitted, which survives a restart.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use kinitro_chain::weights::{WeightVector, WeightsReceipt};
use kinitro_core::atomic_file::{self, Readers};
use kinitro_core::{BlockNumber, Hotkey, NetUid};
use serde::{Deserialize, Serialize};

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another validator is using the file.
    #[error("{} is in use by another validator", .0.display())]
    InUse(PathBuf),
    /// The file is not a ledger, or is damaged.
    #[error("{} is no ledger of a validator: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is the ledger of another hotkey or subnet.
    #[error("{} is the ledger of {hotkey} on subnet {netuid}", path.display())]
    OfAnother {
        /// The file.
        path: PathBuf,
        /// The hotkey that it belongs to.
        hotkey: Hotkey,
        /// The subnet that it is for.
        netuid: NetUid,
    },
}

/// A submission that was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sending {
    pub(super) weights: WeightVector,
    /// The newest block when it was started.
    pub(super) on_block: BlockNumber,
}

/// A submission that is on the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sent {
    pub(super) weights: WeightVector,
    pub(super) on_block: BlockNumber,
    /// `None` if the program was interrupted before it got one.
    pub(super) receipt: Option<WeightsReceipt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    netuid: NetUid,
    hotkey: Hotkey,
    sending: Option<Sending>,
    sent: Option<Sent>,
}

/// The file. It is locked as long as this lives, and always replaced as a whole.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    entry: Entry,
    _lock: File,
}

impl Ledger {
    pub(super) fn open(path: &Path, netuid: NetUid, hotkey: Hotkey) -> Result<Self, LedgerError> {
        let io = |source| LedgerError::Io { path: path.to_owned(), source };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io)?;
        }
        // The lock is on a file of its own, because the ledger is replaced while it is held.
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.with_extension("lock"))
            .map_err(io)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => LedgerError::InUse(path.to_owned()),
            TryLockError::Error(source) => io(source),
        })?;
        let entry = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                LedgerError::Malformed { path: path.to_owned(), reason: error.to_string() }
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Entry { netuid, hotkey, sending: None, sent: None }
            }
            Err(error) => return Err(io(error)),
        };
        if (entry.netuid, entry.hotkey) != (netuid, hotkey) {
            let Entry { netuid, hotkey, .. } = entry;
            return Err(LedgerError::OfAnother { path: path.to_owned(), hotkey, netuid });
        }
        Ok(Self { path: path.to_owned(), entry, _lock: lock })
    }

    /// The submission whose outcome is unknown.
    pub(super) fn sending(&self) -> Option<&Sending> {
        self.entry.sending.as_ref()
    }

    /// The last submission that is on the chain.
    pub(super) fn sent(&self) -> Option<&Sent> {
        self.entry.sent.as_ref()
    }

    /// Records that something is about to be submitted. Call this before submitting anything.
    pub(super) fn begin(&mut self, sending: Sending) -> Result<(), LedgerError> {
        self.change(|entry| entry.sending = Some(sending))
    }

    /// Records that the submission is on the chain.
    pub(super) fn done(&mut self, receipt: WeightsReceipt) -> Result<(), LedgerError> {
        self.change(|entry| {
            let on_block = receipt.inclusion.block.number;
            let weights = receipt.weights.clone();
            entry.sent = Some(Sent { weights, on_block, receipt: Some(receipt) });
            entry.sending = None;
        })
    }

    /// Records that the submission in doubt turned out to be on the chain.
    pub(super) fn was_included(&mut self) -> Result<(), LedgerError> {
        self.change(|entry| {
            let sent = |Sending { weights, on_block }| Sent { weights, on_block, receipt: None };
            entry.sent = entry.sending.take().map(sent);
        })
    }

    /// Records that the submission is not on the chain and can no longer get there.
    pub(super) fn was_lost(&mut self) -> Result<(), LedgerError> {
        self.change(|entry| entry.sending = None)
    }

    fn change(&mut self, change: impl FnOnce(&mut Entry)) -> Result<(), LedgerError> {
        let mut entry = self.entry.clone();
        change(&mut entry);
        let io = |source| LedgerError::Io { path: self.path.clone(), source };
        let mut content = serde_json::to_vec_pretty(&entry).map_err(|error| io(error.into()))?;
        content.push(b'\n');
        atomic_file::write(&self.path, &content, Readers::Owner).map_err(io)?;
        self.entry = entry;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use kinitro_core::MinerUid;

    use super::*;

    fn hotkey() -> Hotkey {
        Hotkey::from_account_id([1; 32])
    }

    fn sending() -> Sending {
        let weights = WeightVector::from_integers([(MinerUid(3), 7)]);
        Sending { weights, on_block: BlockNumber(40) }
    }

    #[test]
    fn what_was_begun_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/ledger.json");
        let mut ledger = Ledger::open(&path, NetUid(26), hotkey()).unwrap();
        assert!(ledger.sending().is_none() && ledger.sent().is_none());
        ledger.begin(sending()).unwrap();
        drop(ledger);
        let mut ledger = Ledger::open(&path, NetUid(26), hotkey()).unwrap();
        assert_eq!(ledger.sending(), Some(&sending()));
        ledger.was_included().unwrap();
        drop(ledger);
        let ledger = Ledger::open(&path, NetUid(26), hotkey()).unwrap();
        assert!(ledger.sending().is_none());
        assert_eq!(ledger.sent().unwrap().weights, sending().weights);
    }

    #[test]
    fn a_ledger_has_one_user_one_hotkey_and_one_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.json");
        let ledger = Ledger::open(&path, NetUid(26), hotkey()).unwrap();
        let second = Ledger::open(&path, NetUid(26), hotkey());
        assert!(matches!(second, Err(LedgerError::InUse(_))), "{second:?}");
        drop(ledger);
        Ledger::open(&path, NetUid(26), hotkey()).unwrap().begin(sending()).unwrap();
        let other = Ledger::open(&path, NetUid(27), hotkey());
        assert!(matches!(other, Err(LedgerError::OfAnother { .. })), "{other:?}");
        fs::write(&path, "{\"netuid\": 26,").unwrap();
        let torn = Ledger::open(&path, NetUid(26), hotkey());
        assert!(matches!(torn, Err(LedgerError::Malformed { .. })), "{torn:?}");
    }
}
