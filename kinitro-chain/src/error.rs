//! Why a chain could not be read or written.

use std::fmt;

use crate::refusal::Refusal;
use crate::remedy::Remedy;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure to read from a chain or to write to it.
#[derive(Debug)]
pub struct ChainError {
    kind: ChainErrorKind,
    message: String,
    source: Option<Source>,
}

/// The kind of a [`ChainError`], for callers that decide on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainErrorKind {
    /// The node cannot be reached, or the connection broke. Reading again may work.
    Connection,
    /// The node is up but does not answer in time. Reading again may work.
    Timeout,
    /// The node belongs to another chain than expected.
    WrongChain,
    /// The chain has no such subnet.
    UnknownSubnet,
    /// The chain refused, for this reason. Nothing was changed.
    Refused(Refusal),
    /// The transaction is in no block and cannot get into one any more. It may be sent again.
    NotIncluded,
    /// It could not be determined whether the transaction is in a block. It must not be sent again
    /// until that is known.
    Undetermined,
    /// This library does not understand the node's answer.
    Protocol,
    /// No chain could do what was asked.
    Invalid,
}

impl ChainError {
    /// An error of that kind. The message should be in lower case and without a full stop.
    pub fn new(kind: ChainErrorKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), source: None }
    }

    /// An error of that kind with its cause.
    #[must_use]
    pub fn from_source(
        kind: ChainErrorKind,
        message: impl fmt::Display,
        source: impl Into<Source>,
    ) -> Self {
        Self { kind, message: message.to_string(), source: Some(source.into()) }
    }

    /// The kind, for callers that decide on it.
    pub fn kind(&self) -> &ChainErrorKind {
        &self.kind
    }

    /// The chain's reason, if it refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.kind {
            ChainErrorKind::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match &self.kind {
            ChainErrorKind::Connection | ChainErrorKind::Timeout => Some(Remedy::CheckNode),
            ChainErrorKind::WrongChain => Some(Remedy::OtherNetwork),
            ChainErrorKind::UnknownSubnet => Some(Remedy::CheckSubnet),
            ChainErrorKind::Refused(refusal) => refusal.remedy(),
            ChainErrorKind::NotIncluded => Some(Remedy::SafeToRetry),
            ChainErrorKind::Undetermined => Some(Remedy::LookBeforeRetry),
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
