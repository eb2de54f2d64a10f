//! Chains, wallets and commitments.

use kinitro_chain::ChainError;
use kinitro_chain::commitment::{CommitmentData, TooLong};
use kinitro_chain::local::{LocalChainError, RemoteError};
use kinitro_chain::wallet::{KeyFileError, KeypairError, WalletError};

use super::{Hint, Hinted, fixed, from_library};

impl Hinted for ChainError {
    fn hint(&self) -> Hint {
        from_library(Self::hint(self))
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
            error => from_library(Self::hint(error)),
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
