//! The parts of a miner's commitment.

use std::fmt;
use std::str::FromStr;

use kinitro_core::crypto::{
    CryptoError, Open, OpenV1, OpenV2, PrivateKey, Seal, SealVersion, SealedEndpoint,
};
use kinitro_core::{DeploymentId, Hotkey, NetUid};
use serde::{Deserialize, Serialize};
use url::Url;

use super::text::CommitmentError;

/// A part of a miner's commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The repository of the policy; `m` in JSON.
    Repository,
    /// Which state of the repository; `r` in JSON.
    Revision,
    /// Where the policy runs; `d` in JSON.
    Deployment,
    /// Where it runs, sealed; `e` or `e2` in JSON.
    Sealed,
}

impl Field {
    /// What it must be, to go on from "it must be".
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

macro_rules! field {
    ($(#[$doc:meta])* $name:ident, $field:ident, $is_valid:path) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
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
    /// A repository on Hugging Face, `user/repo`.
    Repository, Repository, is_repository
}
field! {
    /// A revision on Hugging Face: a commit, whole or its first characters, or a branch or tag.
    Revision, Revision, is_revision
}
field! {
    /// An address of a policy server: an http or https URL with a host, in printable ASCII.
    EndpointUrl, Deployment, is_endpoint_url
}

/// What Hugging Face takes as the id of a repository, with its user.
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
    // The URL standard mends much, and would take `http:///host`, `http:\\host` and line ends in
    // the middle of a host: others who read the same text may see another host in it.
    let host = text.split_once("://").map_or("", |(_, rest)| rest);
    begins_like_a_url(text)
        && !host.starts_with('/')
        && text.chars().all(|c| c.is_ascii_graphic() && c != '\\')
        && Url::parse(text).is_ok_and(|url| url.has_host())
}

impl Revision {
    /// Whether it is (the beginning of) the hash of a commit, which stays what it is; branches and
    /// tags move. A branch whose name looks like a hash cannot be told from one.
    pub fn is_commit(&self) -> bool {
        (Self::SHORT..=40).contains(&self.0.len()) && self.0.chars().all(|c| c.is_ascii_hexdigit())
    }

    /// How much of a commit is in a commitment with colons.
    const SHORT: usize = 8;

    /// As in a commitment with colons: the first 8 characters of a commit; a branch or a tag whole,
    /// of which a part would be another one.
    pub fn short(&self) -> &str {
        if self.is_commit() { &self.0[..Self::SHORT] } else { &self.0 }
    }
}

impl EndpointUrl {
    /// The URL without slashes at its end, to append paths to.
    pub fn base(&self) -> &str {
        self.0.trim_end_matches('/')
    }
}

/// Where a miner's policy runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// A deployment at Basilica, for everyone to see.
    Deployment(DeploymentId),
    /// A policy server anywhere, as on local networks.
    Url(EndpointUrl),
    /// A deployment at Basilica that only the backend can see.
    Sealed {
        /// How it is sealed.
        version: SealVersion,
        /// The deployment id, sealed.
        endpoint: SealedEndpoint,
    },
}

impl Endpoint {
    /// Seals a deployment id.
    ///
    /// # Errors
    /// Those of [`Seal::seal`].
    pub fn seal(id: &DeploymentId, seal: &dyn Seal) -> Result<Self, CryptoError> {
        Ok(Self::Sealed { version: seal.version(), endpoint: seal.seal(id)? })
    }

    /// Where the policy answers, without a slash at the end; `None` if that is sealed.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Deployment(id) => Some(id.url()),
            Self::Url(url) => Some(url.base().to_owned()),
            Self::Sealed { .. } => None,
        }
    }

    /// Where the policy answers, for the backend, which can open what is sealed. `netuid` and
    /// `hotkey` are where and by whom it was published.
    ///
    /// # Errors
    /// Those of [`Open::open`] if it is sealed, and not by this miner for this backend.
    pub fn open(
        &self,
        backend: &PrivateKey,
        netuid: NetUid,
        hotkey: Hotkey,
    ) -> Result<String, CryptoError> {
        let id = match self {
            Self::Deployment(id) => *id,
            Self::Url(url) => return Ok(url.base().to_owned()),
            Self::Sealed { version: SealVersion::V1, endpoint } => {
                OpenV1 { backend }.open(endpoint)?
            }
            Self::Sealed { version: SealVersion::V2, endpoint } => {
                OpenV2 { backend, netuid, hotkey }.open(endpoint)?
            }
        };
        Ok(id.url())
    }
}
