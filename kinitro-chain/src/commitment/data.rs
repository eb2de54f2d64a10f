//! The bytes of a commitment.

use std::fmt;

use kinitro_core::crypto::PublicKey;

use super::field::Field;

/// The bytes of a commitment, short enough for the chain.
#[derive(Clone, PartialEq, Eq)]
pub struct CommitmentData(Vec<u8>);

impl CommitmentData {
    /// The most bytes that every chain accepts.
    pub const LIMIT: usize = 128;
    /// The most bytes that chains with long commitments (`BigRaw`) accept.
    pub const LONG_LIMIT: usize = 512;

    /// A commitment of at most 128 bytes.
    ///
    /// # Errors
    /// [`TooLong`] above 128 bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        Self::within(bytes.into(), Self::LIMIT)
    }

    /// A commitment of at most 512 bytes. Only newer chains accept more than 128.
    ///
    /// # Errors
    /// [`TooLong`] above 512 bytes.
    pub fn long(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        Self::within(bytes.into(), Self::LONG_LIMIT)
    }

    fn within(bytes: Vec<u8>, limit: usize) -> Result<Self, TooLong> {
        match bytes.len() {
            length if length > limit => Err(TooLong { length, limit, part: None }),
            _ => Ok(Self(bytes)),
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CommitmentData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitmentData({:?})", String::from_utf8_lossy(&self.0))
    }
}

/// The commitment that publishes a backend's key: its 64 hex characters.
impl From<PublicKey> for CommitmentData {
    fn from(key: PublicKey) -> Self {
        Self(key.to_string().into_bytes())
    }
}

/// A commitment is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// Its length, in bytes.
    pub length: usize,
    /// The most bytes it may have.
    pub limit: usize,
    /// The part to shorten, if it is a miner's commitment.
    pub part: Option<TooLongPart>,
}

/// The part of a commitment that makes it too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLongPart {
    /// The part.
    pub field: Field,
    /// Its length, in bytes.
    pub length: usize,
    /// The most bytes that the other parts leave room for.
    pub limit: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { length, limit, part } = self;
        let over = length.saturating_sub(*limit);
        write!(f, "the commitment has {length} bytes, {over} more than the {limit} that fit")?;
        if let Some(TooLongPart { field, length, limit }) = part {
            write!(f, ": its {field} has {length}, and beside the rest there is room for {limit}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TooLong {}
