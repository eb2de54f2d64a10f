//! Blocks and transactions, and where in the chain something was read or written.

use std::fmt;
use std::time::SystemTime;

use kinitro_core::BlockNumber;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The hash of a block or of a transaction. As text it is `0x` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash256(pub [u8; 32]);

impl fmt::Display for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Hash256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        match text.strip_prefix("0x").map(|digits| base16ct::mixed::decode(digits, &mut bytes)) {
            Some(Ok(decoded)) if decoded.len() == 32 => Ok(Self(bytes)),
            _ => Err(D::Error::custom("a hash is 0x and 64 hex digits")),
        }
    }
}

/// A block of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Block {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash, which tells it from another block at the same height.
    pub hash: Hash256,
}

impl Block {
    /// The block at that height with that hash.
    pub fn new(number: BlockNumber, hash: Hash256) -> Self {
        Self { number, hash }
    }
}

/// A value read from the chain, with the block it was read at.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct At<T> {
    /// The block whose state was read.
    pub block: Block,
    /// The value in that state.
    pub value: T,
}

impl<T> At<T> {
    /// A value read at that block.
    pub fn new(block: Block, value: T) -> Self {
        Self { block, value }
    }

    /// The same block with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> At<U> {
        At { block: self.block, value: f(self.value) }
    }
}

/// The end of the chain: its newest block and its newest final block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Head {
    /// The newest block.
    pub best: Block,
    /// When the newest block was made, by its author's clock, to the millisecond.
    pub time: SystemTime,
    /// The newest block that no fork can take back.
    pub finalized: Block,
}

impl Head {
    /// A chain that ends in `best`, made at `time`, and is final up to `finalized`.
    pub fn new(best: Block, time: SystemTime, finalized: Block) -> Self {
        Self { best, time, finalized }
    }
}

/// The block that includes a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Inclusion {
    /// The hash of the transaction.
    pub transaction: Hash256,
    /// The block that holds it.
    pub block: Block,
    /// Whether no fork can take that block back any more.
    pub finalized: bool,
}

impl Inclusion {
    /// The transaction with that hash is in `block`.
    pub fn new(transaction: Hash256, block: Block, finalized: bool) -> Self {
        Self { transaction, block, finalized }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_in_the_form_it_is_written_in() {
        let hash = Hash256([0xab; 32]);
        let text = serde_json::to_value(hash).unwrap();
        assert_eq!(text, format!("0x{}", "ab".repeat(32)));
        assert_eq!(serde_json::from_value::<Hash256>(text).unwrap(), hash);
        for bad in ["", "0x", "0xab", &"ab".repeat(32), &format!("0x{}", "ab".repeat(33))] {
            assert!(serde_json::from_value::<Hash256>((*bad).into()).is_err(), "{bad}");
        }
    }
}
