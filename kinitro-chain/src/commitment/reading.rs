//! Reading what accounts have published.

use kinitro_core::crypto::PublicKey;
use kinitro_core::{BlockNumber, Hotkey, MinerUid};
use serde::{Serialize, Serializer};

use super::error::CommitmentError;
use super::miner::{MinerCommitment, utf8};
use crate::subnet::Commitment;

/// What somebody has published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Published {
    /// A miner's policy, and where it runs.
    Miner(MinerCommitment),
    /// The key that miners seal their endpoints for.
    BackendKey(PublicKey),
}

impl Published {
    /// Reads the bytes of a commitment. 64 hex characters are a backend's key, everything else has
    /// to be a miner's.
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

/// A commitment on a subnet, read as far as it can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Reading {
    /// Who published it.
    pub hotkey: Hotkey,
    /// Its slot; none if it left the subnet.
    pub uid: Option<MinerUid>,
    /// The block it was published in.
    pub block: BlockNumber,
    /// What it says, or why that cannot be told. In JSON one of the keys `miner`, `backend_key` and
    /// `error`.
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

/// Reads all commitments of a subnet, in their order. One that cannot be read is among the others
/// with its error.
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
