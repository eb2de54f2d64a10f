//! Chains, wallets and commitments.

use kinitro_chain::commitment::{CommitmentData, TooLong};
use kinitro_chain::local::{LocalChainError, RemoteError};
use kinitro_chain::published::BackendKeyError;
use kinitro_chain::wallet::{KeyFileError, KeypairError, WalletError};
use kinitro_chain::{ChainError, Remedy};

use super::{Hint, Hinted, fixed};

/// What a remedy comes to with the arguments of this program.
fn remedied(remedy: Option<Remedy>) -> Hint {
    fixed(match remedy? {
        Remedy::CheckNode => {
            "check the address and that the node is up, or name another with --network"
        }
        Remedy::OtherNetwork => {
            "another chain answers at that address: name the one you mean with --network"
        }
        Remedy::CheckSubnet => "check --netuid and --network",
        Remedy::CheckNetuid => "check --netuid",
        Remedy::RegisterHotkey => {
            "register the hotkey on the subnet, or check --netuid, --network and --hotkey-name"
        }
        Remedy::LookBeforeRetry => {
            "look at the chain (kinitro chain commitments, kinitro chain neurons) before you try again"
        }
        Remedy::MakeSr25519Hotkey => "make a hotkey of type sr25519: kinitro wallet new-hotkey",
        other => other.as_str(),
    })
}

impl Hinted for ChainError {
    fn hint(&self) -> Hint {
        remedied(self.remedy())
    }
}

impl Hinted for BackendKeyError {
    fn hint(&self) -> Hint {
        match self {
            Self::Chain(error) => error.hint(),
            _ => fixed("the backend publishes it with `kinitro crypto publish-public-key`"),
        }
    }
}

impl Hinted for TooLong {
    fn hint(&self) -> Hint {
        match self.limit {
            CommitmentData::LIMIT => {
                fixed("shorten it, or give --allow-long if the chain takes longer ones")
            }
            _ => None,
        }
    }
}

impl Hinted for KeypairError {
    fn hint(&self) -> Hint {
        None
    }
}

impl Hinted for WalletError {
    fn hint(&self) -> Hint {
        match self {
            Self::Exists(_) => fixed("--force overwrites it; without its mnemonic it is lost"),
            Self::Missing { .. } => fixed(
                "kinitro wallet list shows what is there, kinitro wallet new-hotkey makes one; \
                 others are chosen by --wallet-path, --wallet-name and --hotkey-name",
            ),
            Self::KeyFile { source: KeyFileError::NoPassword(_), .. } => {
                fixed("put the password into BT_WALLET_PASSWORD, or run this on a terminal")
            }
            error => remedied(error.remedy()),
        }
    }
}

impl Hinted for LocalChainError {
    fn hint(&self) -> Hint {
        match self {
            Self::Listen { .. } => {
                fixed("another program listens there, maybe another chain: choose a --port")
            }
            _ => None,
        }
    }
}

impl Hinted for RemoteError {
    fn hint(&self) -> Hint {
        match self {
            Self::Unreachable { .. } | Self::NotLocal { .. } => {
                fixed("start one with `kinitro chain local`, or name its address with --network")
            }
            _ => None,
        }
    }
}
