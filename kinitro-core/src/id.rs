//! Identifiers. Each is parsed once, where it enters the program, and trusted from there on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not of the form `family/task`.
    #[error("`{0}` is not an environment id: it must be `family/task`, as in `metaworld/reach-v3`")]
    EnvId(String),
}

/// The name of an environment: `family/task`, for instance `metaworld/pick-place-v3`.
///
/// Both parts are made of ASCII letters, digits, `-`, `_` and `.`, are at most 64 characters long
/// and begin with a letter or a digit, so that an id is safe in a path, a URL or a log line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvId {
    text: String,
    slash: usize,
}

impl EnvId {
    /// An id from its two parts.
    ///
    /// # Errors
    /// [`IdError::EnvId`] when a part is empty, too long or has a character that is not allowed.
    pub fn new(family: &str, task: &str) -> Result<Self, IdError> {
        format!("{family}/{task}").parse()
    }

    /// The part before the slash.
    pub fn family(&self) -> &str {
        &self.text[..self.slash]
    }

    /// The part after the slash.
    pub fn task(&self) -> &str {
        &self.text[self.slash + 1..]
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn is_id_part(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    part.len() <= 64
        && part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.chars().all(allowed)
}

impl FromStr for EnvId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.split_once('/') {
            Some((family, task)) if is_id_part(family) && is_id_part(task) => {
                Ok(Self { text: text.to_owned(), slash: family.len() })
            }
            _ => Err(IdError::EnvId(text.chars().take(160).collect())),
        }
    }
}

impl TryFrom<String> for EnvId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<EnvId> for String {
    fn from(id: EnvId) -> Self {
        id.text
    }
}

impl fmt::Display for EnvId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

number_id! {
    /// What an episode's random choices grow from. The same seed of the same environment is the
    /// same task on every machine.
    Seed(u64)
}
number_id! {
    /// The number that a policy is told an episode by.
    TaskId(u64)
}
number_id! {
    /// A miner's slot on the subnet.
    MinerUid(u16)
}
number_id! {
    /// A block of the chain.
    BlockNumber(u64)
}
number_id! {
    /// One round of evaluation of all miners.
    CycleId(i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_env_id_has_two_clean_parts() {
        let id: EnvId = "metaworld/pick-place-v3".parse().unwrap();
        assert_eq!((id.family(), id.task()), ("metaworld", "pick-place-v3"));
        assert_eq!(id.to_string(), "metaworld/pick-place-v3");
        for bad in
            ["", "metaworld", "/", "a/", "/b", "a/b/c", "a/../b", "a b/c", "a/-b", "a/é", "a/.."]
        {
            assert!(bad.parse::<EnvId>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn an_env_id_is_checked_when_it_comes_from_json() {
        assert!(serde_json::from_str::<EnvId>("\"metaworld/reach-v3\"").is_ok());
        let error = serde_json::from_str::<EnvId>("\"reach\"").unwrap_err();
        assert!(error.to_string().contains("family/task"), "{error}");
    }
}
