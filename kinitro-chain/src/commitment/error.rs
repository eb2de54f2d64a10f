//! Why a commitment cannot be read.

use kinitro_core::crypto::SealedEndpointError;

use super::field::Field;

/// Why a commitment cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitmentError {
    /// The commitment is of a kind without bytes, such as a hash.
    #[error("the commitment is of a kind that holds no text")]
    NoText,
    /// This byte, counted from 1, is not UTF-8.
    #[error("the commitment is not text: byte {0} is not UTF-8")]
    NotUtf8(usize),
    /// The text begins with a brace but is not valid JSON.
    #[error("the commitment begins like JSON, and is none: {0}")]
    Json(String),
    /// This part is missing or empty.
    #[error("the commitment has no {0}: it must be {expected}", expected = .0.expected())]
    Missing(Field),
    /// A part breaks its rule.
    #[error("`{excerpt}` is not a {field}: it must be {expected}", expected = .field.expected())]
    Invalid {
        /// The part.
        field: Field,
        /// The beginning of its text, escaped.
        excerpt: String,
    },
    /// This part of the JSON is not a string.
    #[error("the {0} is not a string: it must be {expected}", expected = .0.expected())]
    NotString(Field),
    /// The sealed endpoint is malformed.
    #[error(transparent)]
    Sealed(#[from] SealedEndpointError),
    /// The JSON has more than one of `d`, `e` and `e2`.
    #[error("the commitment has more than one endpoint: there must be one of `d`, `e` and `e2`")]
    TwoEndpoints,
}

impl CommitmentError {
    pub(super) fn invalid(field: Field, text: &str) -> Self {
        Self::Invalid { field, excerpt: excerpt(text) }
    }
}

/// The beginning of a text that may be anything, safe to show.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut excerpt: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        excerpt.push_str("...");
    }
    excerpt
}
