//! What miners and the backend publish on a chain.
//!
//! A miner publishes which policy it runs and where, in at most 128 bytes; the backend publishes the
//! key that miners seal their endpoints for.
//!
//! ```
//! use kinitro_chain::commitment::{Endpoint, MinerCommitment};
//!
//! let commitment: MinerCommitment =
//!     "alice/reach:0123abcd:380208a9-ad45-f23d-3b1a-11df587fd280".parse()?;
//! assert_eq!(commitment.repo.as_str(), "alice/reach");
//! assert!(matches!(commitment.endpoint, Endpoint::Deployment(_)));
//! assert_eq!(commitment.data()?.as_bytes(), commitment.to_text().as_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Forms
//! With colons, which is written today: `REPO:REV8:DEPLOYMENT`, and for a sealed endpoint
//! `REPO:REV8:e:BASE85` (version 1) or `REPO:REV8:e2:BASE85` (version 2). As JSON, which older miners
//! have written: `{"m":REPO,"r":REVISION,"d":DEPLOYMENT}`, with `e` or `e2` in place of `d` for a
//! sealed endpoint. What else is in the JSON is not looked at; a key twice, or two endpoints, is an
//! error: two readers might see two different miners.
//!
//! Everything here may have been written by anyone. Reading it takes time in proportion to its
//! length and never panics, and errors show no more of it than a short excerpt, escaped.

mod data;
mod fields;
mod text;

use kinitro_core::crypto::PublicKey;
use kinitro_core::{BlockNumber, Hotkey, MinerUid};
use serde::{Serialize, Serializer};

pub use data::{CommitmentData, TooLong, TooLongPart};
pub use fields::{Endpoint, EndpointUrl, Field, Repository, Revision};
pub use text::{CommitmentError, MinerCommitment};

use crate::chain::Commitment;

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
        let text = text::utf8(bytes)?;
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

#[cfg(test)]
mod tests;
