//! The parts of a miner's commitment, checked as they are read.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::CommitmentError;
use super::field::Field;

macro_rules! field {
    ($(#[$doc:meta])* $name:ident, $field:ident, $is_valid:path) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = CommitmentError;

            fn from_str(text: &str) -> Result<Self, CommitmentError> {
                if $is_valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(CommitmentError::invalid(Field::$field, text))
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = CommitmentError;

            fn try_from(text: String) -> Result<Self, CommitmentError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(field: $name) -> Self {
                field.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

field! {
    /// A Hugging Face repository, `user/repo`.
    Repository, Repository, is_repository
}
field! {
    /// A Hugging Face revision: a commit hash, whole or abbreviated, or a branch or tag.
    Revision, Revision, is_revision
}
field! {
    /// The URL of a policy server: http or https, with a host, in printable ASCII.
    EndpointUrl, Deployment, is_endpoint_url
}

/// Whether Hugging Face accepts the text as the id of a repository, with its user.
fn is_repository(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_part = |part: &str| {
        part.len() <= 96
            && part.chars().all(|c| is_word(c) || matches!(c, '-' | '.'))
            && part.starts_with(is_word)
            && part.ends_with(is_word)
    };
    let is_allowed = !text.contains("--") && !text.contains("..") && !text.ends_with(".git");
    is_allowed && text.split_once('/').is_some_and(|(user, repo)| is_part(user) && is_part(repo))
}

fn is_revision(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    (1..=64).contains(&text.len())
        && text.chars().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !text.contains("..")
}

pub(super) fn begins_like_a_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

fn is_endpoint_url(text: &str) -> bool {
    // URL parsers repair much, and would accept `http:///host`, `http:\\host` and line ends in
    // the middle of a host: others who read the same text may see another host in it.
    let host = text.split_once("://").map_or("", |(_, rest)| rest);
    begins_like_a_url(text)
        && !host.starts_with('/')
        && text.chars().all(|c| c.is_ascii_graphic() && c != '\\')
        && Url::parse(text).is_ok_and(|url| url.has_host())
}

impl Revision {
    /// Whether it looks like a commit hash of 8 to 40 characters. A commit never changes; branches and
    /// tags move. A branch named like a hash cannot be told apart from one.
    pub fn is_commit(&self) -> bool {
        (Self::SHORT..=40).contains(&self.0.len()) && self.0.chars().all(|c| c.is_ascii_hexdigit())
    }

    /// How many characters of a commit hash the form with colons has.
    const SHORT: usize = 8;

    /// As the form with colons has it: the first 8 characters of a commit hash, or a whole branch or
    /// tag, because part of one would name another.
    pub fn short(&self) -> &str {
        if self.is_commit() { &self.0[..Self::SHORT] } else { &self.0 }
    }
}

impl EndpointUrl {
    /// The URL without trailing slashes, to append paths to.
    pub fn base(&self) -> &str {
        self.0.trim_end_matches('/')
    }
}
