//! The names of the parts of a miner's commitment.

use std::fmt;

/// A part of a miner's commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The policy's repository; `m` in JSON.
    Repository,
    /// The revision of the repository; `r` in JSON.
    Revision,
    /// Where the policy runs; `d` in JSON.
    Deployment,
    /// The sealed endpoint; `e` or `e2` in JSON.
    Sealed,
}

impl Field {
    /// The rule for it, to complete the sentence "it must be ...".
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Repository => {
                "`user/repo` as on Hugging Face: letters, digits, `-`, `_` and `.`, and neither \
                 `--` nor `..` nor `.git` at its end"
            }
            Self::Revision => {
                "the first 8 characters of a commit on Hugging Face, or all 40, or a branch or tag"
            }
            Self::Deployment => "a UUID of 36 characters, or an http(s) URL with a host",
            Self::Sealed => "80 characters of base85",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repository => "repository",
            Self::Revision => "revision",
            Self::Deployment => "deployment",
            Self::Sealed => "sealed endpoint",
        })
    }
}
