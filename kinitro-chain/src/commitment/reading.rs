//! Reading what accounts have published.

use kinitro_core::crypto::PublicKey;
use kinitro_core::{BlockNumber, Hotkey, MinerUid};
use serde::{Serialize, Serializer};

use super::error::CommitmentError;
use super::miner::{MinerCommitment, utf8};
use crate::subnet::Commitment;

/// A commitment that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Published {
    /// A miner's policy and endpoint.
    Miner(MinerCommitment),
    /// The key that miners seal their endpoints for.
    BackendKey(PublicKey),
}

impl Published {
    /// Reads the bytes of a commitment. 64 hex characters are a backend's key; everything else must be
    /// a miner's commitment.
    ///
    /// # Errors
    /// [`CommitmentError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CommitmentError> {
        let text = utf8(bytes)?;
        match backend_key(text) {
            Some(key) => Ok(Self::BackendKey(key)),
            None => text.parse().map(Self::Miner),
        }
    }

    /// The miner's commitment, if it is one.
    pub fn miner(&self) -> Option<&MinerCommitment> {
        match self {
            Self::Miner(commitment) => Some(commitment),
            Self::BackendKey(_) => None,
        }
    }

    /// The backend's key, if it is one.
    pub fn backend_key(&self) -> Option<PublicKey> {
        match self {
            Self::Miner(_) => None,
            Self::BackendKey(key) => Some(*key),
        }
    }
}

fn backend_key(text: &str) -> Option<PublicKey> {
    // Without the white space that a key in a file may have around it.
    (text.len() == 64).then(|| text.parse().ok()).flatten()
}

/// A commitment on a subnet, with its content or the reason why that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reading {
    /// The account that published it.
    pub hotkey: Hotkey,
    /// The account's slot; `None` if it has left the subnet.
    pub uid: Option<MinerUid>,
    /// The block it was published in.
    pub block: BlockNumber,
    /// The content, or why it cannot be read. In JSON this is one of the keys `miner`, `backend_key`
    /// and `error`.
    #[serde(flatten, serialize_with = "serialize_published")]
    pub published: Result<Published, CommitmentError>,
}

impl Reading {
    fn new(commitment: &Commitment) -> Self {
        let bytes = commitment.data.as_deref().ok_or(CommitmentError::NoText);
        Self {
            hotkey: commitment.hotkey,
            uid: commitment.uid,
            block: commitment.block,
            published: bytes.and_then(Published::from_bytes),
        }
    }
}

/// Reads all commitments of a subnet, in their order. Those that cannot be read are included, with
/// their errors.
pub fn read_all(commitments: &[Commitment]) -> Vec<Reading> {
    commitments.iter().map(Reading::new).collect()
}

fn serialize_published<S: Serializer>(
    published: &Result<Published, CommitmentError>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Failed {
        Error(String),
    }
    match published {
        Ok(published) => published.serialize(serializer),
        Err(error) => Failed::Error(error.to_string()).serialize(serializer),
    }
}
