//! The bytes that go onto the chain.

use std::fmt;

use kinitro_core::crypto::PublicKey;

use super::field::Field;

/// The bytes of a commitment, short enough for the chain.
#[derive(Clone, PartialEq, Eq)]
pub struct CommitmentData(Vec<u8>);

impl CommitmentData {
    /// How long a commitment may be on any chain.
    pub const LIMIT: usize = 128;
    /// How long it may be where the chain has long ones (`BigRaw`).
    pub const LONG_LIMIT: usize = 512;

    /// A commitment of at most 128 bytes.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, TooLong> {
        Self::within(bytes.into(), Self::LIMIT)
    }

    /// A commitment of at most 512 bytes; above 128 only newer chains take it.
    ///
    /// # Errors
    /// [`TooLong`].
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

/// The commitment in which a backend publishes its key: the 64 hex characters.
impl From<PublicKey> for CommitmentData {
    fn from(key: PublicKey) -> Self {
        Self(key.to_string().into_bytes())
    }
}

/// A commitment that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLong {
    /// How long it is, in bytes.
    pub length: usize,
    /// How long it may be.
    pub limit: usize,
    /// The part that has to be shorter, of a miner's commitment.
    pub part: Option<TooLongPart>,
}

/// The part of a commitment that makes it too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TooLongPart {
    /// Which part.
    pub field: Field,
    /// How long it is, in bytes.
    pub length: usize,
    /// How long it may be beside the others.
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
