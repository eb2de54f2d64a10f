//! Why keys and wallets cannot be used. No error contains any part of a secret.

use std::io;
use std::path::{Path, PathBuf};

use kinitro_core::Hotkey;

use crate::remedy::Remedy;

/// Why something is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeypairError {
    /// The mnemonic has this many words, which no mnemonic has.
    #[error("a mnemonic has 12, 15, 18, 21 or 24 words, not {0}")]
    WordCount(usize),
    /// This word, counted from 1, is not a BIP-39 word.
    #[error("word {0} of the mnemonic is not in the English list of BIP-39")]
    UnknownWord(usize),
    /// Every word is valid, but the checksum is wrong.
    #[error("the checksum of the mnemonic is wrong: a word is another one, or they are mixed up")]
    Checksum,
    /// The seed is not 32 bytes in hex.
    #[error("the seed must be 64 hex characters, with or without `0x`")]
    Seed,
    /// The private key is not 64 bytes in hex.
    #[error("the private key must be 128 hex characters, with or without `0x`")]
    PrivateKeyLength,
    /// The private key has the right length, but is not a valid key.
    #[error("the private key is not one of sr25519: its first half is no scalar of the curve")]
    PrivateKeyScalar,
    /// The text is not a secret URI.
    #[error(
        "a secret URI must be `PHRASE//hard/soft///PASSWORD`, of which each part may be missing"
    )]
    Uri,
    /// A secret URI with a seed has a password, which would have no effect.
    #[error("a password belongs to a mnemonic: a seed has none")]
    SeedWithPassword,
    /// The operating system did not provide random numbers.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// Why a key file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is larger than 64 KiB, far more than a key needs.
    #[error("the file is larger than any key file")]
    TooLarge,
    /// The path is a directory, a socket or the like.
    #[error("it is {0}, not a file")]
    NotAFile(&'static str),
    /// The file has an unencrypted secret and permissions, given as the mode, that let others at it.
    #[error("the key is not encrypted, and others can read or write the file (mode {0:04o})")]
    Exposed(u32),
    /// The content is not JSON, or it is cut off.
    #[error("the file does not hold the JSON of a key: it breaks at line {line}, column {column}")]
    NotJson {
        /// The line of the error, counted from 1.
        line: usize,
        /// The column of the error, counted from 1.
        column: usize,
    },
    /// This field should be a string.
    #[error("`{0}` is not a string")]
    NotString(&'static str),
    /// A secret is malformed.
    #[error("`{field}`: {source}")]
    Secret {
        /// The name of the field.
        field: &'static str,
        /// Why it is malformed.
        source: KeypairError,
    },
    /// An address or a public key is malformed.
    #[error("`{field}` is not {expected}")]
    Address {
        /// The name of the field.
        field: &'static str,
        /// What the field should contain.
        expected: &'static str,
    },
    /// The file mixes parts of two keys.
    #[error("`{field}` belongs to another key than the secret, which is that of {secret}")]
    OtherKey {
        /// The field that belongs to another key than the secret.
        field: &'static str,
        /// The secret's own address.
        secret: Hotkey,
    },
    /// The file has an address but no secret.
    #[error("the file holds an address and no secret, so that nothing can be signed with it")]
    WatchOnly,
    /// The file has neither an address nor a secret.
    #[error("the file holds neither a secret nor an address")]
    NoKey,
    /// The key is of this type instead of sr25519.
    #[error("the key is of type {0}: only sr25519 keys are known here")]
    KeyType(String),
    /// The file is encrypted in this outdated way.
    #[error("the key is encrypted in an old way ({0}), which is not known here")]
    OldEncryption(&'static str),
    /// The encrypted file is cut off.
    #[error("the encrypted key is torn: the file ends too early")]
    Torn,
    /// The password is wrong, or the file was changed.
    #[error("the key does not open: the password is wrong, or the file was changed")]
    WrongPassword,
    /// The key is encrypted and there is no password, for this reason.
    #[error("the key is encrypted, and there is no password: {0}")]
    NoPassword(String),
    /// There is not enough memory to derive the key from the password.
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

/// Why a wallet cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WalletError {
    /// The name is not allowed.
    #[error(
        "`{}` cannot name a {what}: take letters, digits, spaces, `-`, `_` and `.`, not beginning \
         with `.` nor ending in `pub.txt`",
        name.escape_debug()
    )]
    InvalidName {
        /// What it was to name: a wallet or a hotkey.
        what: &'static str,
        /// The name, cut off after 80 characters.
        name: String,
    },
    /// `HOME` is not set, so there is no folder to look in.
    #[error("no folder of wallets: HOME is not set")]
    NoHome,
    /// A file or folder is missing.
    #[error("there is no {what} at {}", path.display())]
    Missing {
        /// What is missing.
        what: &'static str,
        /// The path that was looked at.
        path: PathBuf,
    },
    /// There is already a key at this path, which may be the only copy.
    #[error("{} exists: choose another name, or say that it may be overwritten", .0.display())]
    Exists(PathBuf),
    /// A key file cannot be used.
    #[error("{}: {source}", path.display())]
    KeyFile {
        /// The path of the file.
        path: PathBuf,
        /// Why it cannot be used.
        source: KeyFileError,
    },
    /// The operating system refused a file operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb: `read`, `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason of the operating system.
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
