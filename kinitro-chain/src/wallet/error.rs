//! Why keys and wallets cannot be used. No error contains any part of a secret.

use std::io;
use std::path::{Path, PathBuf};

use kinitro_core::Hotkey;

use crate::remedy::Remedy;

/// Why something is not a key. Nothing of a secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeypairError {
    /// Too many words, or too few.
    #[error("a mnemonic has 12, 15, 18, 21 or 24 words, not {0}")]
    WordCount(usize),
    /// A word that is none, counted from 1.
    #[error("word {0} of the mnemonic is not in the English list of BIP-39")]
    UnknownWord(usize),
    /// All are words, and yet it is no mnemonic.
    #[error("the checksum of the mnemonic is wrong: a word is another one, or they are mixed up")]
    Checksum,
    /// Not 32 bytes in hex.
    #[error("the seed must be 64 hex characters, with or without `0x`")]
    Seed,
    /// Not 64 bytes in hex.
    #[error("the private key must be 128 hex characters, with or without `0x`")]
    PrivateKeyLength,
    /// 64 bytes that are no key.
    #[error("the private key is not one of sr25519: its first half is no scalar of the curve")]
    PrivateKeyScalar,
    /// Not of the form of a secret URI.
    #[error(
        "a secret URI must be `PHRASE//hard/soft///PASSWORD`, of which each part may be missing"
    )]
    Uri,
    /// A password that would have no effect.
    #[error("a password belongs to a mnemonic: a seed has none")]
    SeedWithPassword,
    /// The operating system has no random numbers to give.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// Why a key file is of no use. Nothing of a secret is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Nothing is in it.
    #[error("the file is empty")]
    Empty,
    /// Far more than a key is in it.
    #[error("the file is larger than any key file")]
    TooLarge,
    /// A directory, a socket or the like.
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    /// Others can read a secret.
    #[error("the key is not encrypted, and others can read or write the file (mode {0:04o})")]
    Exposed(u32),
    /// Torn, or something else altogether.
    #[error("the file does not hold the JSON of a key: it breaks at line {line}, column {column}")]
    NotJson {
        /// Where, counted from 1.
        line: usize,
        /// Where, counted from 1.
        column: usize,
    },
    /// A field of another kind.
    #[error("`{0}` is not a string")]
    NotString(&'static str),
    /// A secret that is none.
    #[error("`{field}`: {source}")]
    Secret {
        /// The field it is in.
        field: &'static str,
        /// What is wrong with it.
        source: KeypairError,
    },
    /// An address or a public key that is none.
    #[error("`{field}` is not {expected}")]
    Address {
        /// The field it is in.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Parts of two different keys.
    #[error("`{field}` belongs to another key than the secret, which is that of {secret}")]
    OtherKey {
        /// The field with the other address.
        field: &'static str,
        /// The address of the secret.
        secret: Hotkey,
    },
    /// An address without a secret.
    #[error("the file holds an address and no secret, so that nothing can be signed with it")]
    WatchOnly,
    /// Neither an address nor a secret.
    #[error("the file holds neither a secret nor an address")]
    NoKey,
    /// A key of another kind.
    #[error("the key is of type {0}: only sr25519 keys are known here")]
    KeyType(String),
    /// Encrypted as Bittensor did years ago, or as nobody does.
    #[error("the key is encrypted in an old way ({0}), which is not known here")]
    OldEncryption(&'static str),
    /// Too short for what is encrypted.
    #[error("the encrypted key is torn: the file ends too early")]
    Torn,
    /// The password is another one, or the file was changed.
    #[error("the key does not open: the password is wrong, or the file was changed")]
    WrongPassword,
    /// Nobody knows the password.
    #[error("the key is encrypted, and there is no password: {0}")]
    NoPassword(String),
    /// No room to find out whether the password is right.
    #[error("there is not enough memory to open the key: that takes 512 MiB")]
    Memory,
}

impl KeyFileError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Exposed(_) => Some(Remedy::RestrictKeyFile),
            Self::Empty | Self::NotJson { .. } | Self::Torn | Self::NoKey | Self::WatchOnly => {
                Some(Remedy::RegenerateKey)
            }
            Self::OtherKey { .. } => Some(Remedy::RegenerateRegisteredKey),
            Self::KeyType(_) => Some(Remedy::MakeSr25519Hotkey),
            Self::OldEncryption(_) => Some(Remedy::EncryptAgain),
            _ => None,
        }
    }
}

/// Why a wallet is of no use. Nothing of a secret is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// A name that is no plain file name.
    #[error(
        "`{}` cannot name a {what}: take letters, digits, spaces, `-`, `_` and `.`, not beginning \
         with `.` nor ending in `pub.txt`",
        name.escape_debug()
    )]
    InvalidName {
        /// What it should name.
        what: &'static str,
        /// The name, cut short when it is long.
        name: String,
    },
    /// Nowhere to look for wallets.
    #[error("no folder of wallets: HOME is not set")]
    NoHome,
    /// No such folder.
    #[error("there is no {what} at {}", path.display())]
    Missing {
        /// What should be there.
        what: &'static str,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// There is a key of that name, which may be the only copy.
    #[error("{} exists: choose another name, or say that it may be overwritten", .0.display())]
    Exists(PathBuf),
    /// The file is no key, or not one that can be used.
    #[error("{}: {source}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyFileError,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl WalletError {
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::KeyFile { source, .. } => source.remedy(),
            _ => None,
        }
    }
}
