//! What miners and the backend publish on a chain.

use std::fmt;

/// The bytes of a commitment, short enough for the chain.
#[derive(Clone, PartialEq, Eq)]
pub struct CommitmentData(Vec<u8>);

/// A commitment that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the commitment has {length} bytes, {} more than the {limit} that fit", .length - .limit)]
pub struct TooLong {
    /// How long it is, in bytes.
    pub length: usize,
    /// How long it may be.
    pub limit: usize,
}

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
            length if length > limit => Err(TooLong { length, limit }),
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
