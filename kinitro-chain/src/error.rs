//! Why the chain did not do what it was asked.

use std::fmt;

use crate::refusal::Refusal;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure to read from a chain or to write to it.
#[derive(Debug)]
pub struct ChainError {
    kind: ChainErrorKind,
    message: String,
    source: Option<Source>,
}

/// What kind of failure it is, for callers who decide on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainErrorKind {
    /// The node cannot be reached, or the connection broke. Reading again may work.
    Connection,
    /// The node is there and does not answer in time. Reading again may work.
    Timeout,
    /// The node is of another chain than it should be.
    WrongChain,
    /// The chain has no such subnet.
    UnknownSubnet,
    /// The chain will not do it, and says why. Nothing was changed.
    Refused(Refusal),
    /// The transaction is in no block, and cannot get into one any more. It may be sent again.
    NotIncluded,
    /// Whether the transaction is in a block could not be found out. It must not be sent again
    /// before that is known.
    Undetermined,
    /// The node's answer is none that this library understands.
    Protocol,
    /// What was asked for cannot be put to any chain.
    Invalid,
}

impl ChainError {
    /// A failure of that kind.
    pub fn new(kind: ChainErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), source: None }
    }

    /// The same with the error it came from.
    #[must_use]
    pub fn from_source(
        kind: ChainErrorKind,
        message: impl fmt::Display,
        source: impl Into<Source>,
    ) -> Self {
        Self { kind, message: message.to_string(), source: Some(source.into()) }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &ChainErrorKind {
        &self.kind
    }

    /// The reason of the chain, where it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            ChainErrorKind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match &self.kind {
            ChainErrorKind::Connection | ChainErrorKind::Timeout => {
                Some("check the address and that the node is up, or name another with --network")
            }
            ChainErrorKind::WrongChain => {
                Some("another chain answers at that address: name the one you mean with --network")
            }
            ChainErrorKind::UnknownSubnet => Some("check --netuid and --network"),
            ChainErrorKind::Refused(refusal) => refusal.hint(),
            ChainErrorKind::NotIncluded => Some("nothing was changed: it is safe to try again"),
            ChainErrorKind::Undetermined => Some(
                "look at the chain (kinitro chain commitments, kinitro chain neurons) before you try again",
            ),
            ChainErrorKind::Protocol | ChainErrorKind::Invalid => None,
        }
    }
}

impl From<Refusal> for ChainError {
    fn from(refusal: Refusal) -> Self {
        Self::new(ChainErrorKind::Refused(refusal.clone()), refusal)
    }
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ChainError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}
