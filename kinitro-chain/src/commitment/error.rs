//! Why a commitment cannot be read.

use kinitro_core::crypto::SealedEndpointError;

use super::field::Field;

/// Why a commitment cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommitmentError {
    /// The chain holds something else than bytes, such as a hash.
    #[error("the commitment is of a kind that holds no text")]
    NoText,
    /// Not UTF-8.
    #[error("the commitment is not text: byte {0} is not UTF-8")]
    NotUtf8(usize),
    /// It begins with a brace, and goes on otherwise.
    #[error("the commitment begins like JSON, and is none: {0}")]
    Json(String),
    /// A part is not there, or empty.
    #[error("the commitment has no {0}: it must be {expected}", expected = .0.expected())]
    Missing(Field),
    /// A part is not what it must be.
    #[error("`{excerpt}` is not a {field}: it must be {expected}", expected = .field.expected())]
    Invalid {
        /// Which part.
        field: Field,
        /// The beginning of what is there, escaped.
        excerpt: String,
    },
    /// A part in JSON is a number, a list or the like.
    #[error("the {0} is not a string: it must be {expected}", expected = .0.expected())]
    NotString(Field),
    /// The sealed endpoint is none.
    #[error(transparent)]
    Sealed(#[from] SealedEndpointError),
    /// More than one of `d`, `e` and `e2`.
    #[error("the commitment has more than one endpoint: there must be one of `d`, `e` and `e2`")]
    TwoEndpoints,
}

impl CommitmentError {
    pub(super) fn invalid(field: Field, text: &str) -> Self {
        Self::Invalid { field, excerpt: excerpt(text) }
    }
}

/// What is shown of a text that may be anything.
fn excerpt(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut excerpt: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        excerpt.push_str("...");
    }
    excerpt
}
