//! Identifiers. Each is parsed once, where it enters the program, and trusted from there on.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::ss58::{self, Ss58Error};

/// Why a text is not a valid identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// Not of the form `family/task`.
    #[error("`{0}` is not an environment id: it must be `family/task`, as in `metaworld/reach-v3`")]
    EnvId(String),
    /// Not an SS58 address of the generic Substrate format.
    #[error("`{text}` is not a {what}: {source}")]
    Account {
        /// The text, truncated if it is long.
        text: String,
        /// The kind of identifier that was expected.
        what: &'static str,
        /// What is wrong with it.
        source: Ss58Error,
    },
    /// Not a UUID in its usual form.
    #[error("`{0}` is not a deployment id: it must be a UUID of 36 characters, 8-4-4-4-12")]
    DeploymentId(String),
}

/// What is shown of a text that may be anything.
fn excerpt(text: &str) -> String {
    text.chars().take(160).collect()
}

/// The name of an environment: `family/task`, for instance `metaworld/pick-place-v3`.
///
/// Both halves consist of ASCII letters, digits, `-`, `_` and `.`, have at most 64 characters and
/// begin with a letter or a digit, so that an id is safe in a path, a URL or a log line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EnvId {
    text: String,
    slash: usize,
}

impl EnvId {
    /// The id with these two halves.
    ///
    /// # Errors
    /// [`IdError::EnvId`] when a half is empty, too long or has a character that is not allowed.
    pub fn new(family: &str, task: &str) -> Result<Self, IdError> {
        format!("{family}/{task}").parse()
    }

    /// The family: the half before the slash.
    pub fn family(&self) -> &str {
        &self.text[..self.slash]
    }

    /// The task name: the half after the slash.
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
            _ => Err(IdError::EnvId(excerpt(text))),
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
    /// What a scenario grows from. The same seed gives the same scenario of an environment on every
    /// machine.
    Seed(u64)
}
number_id! {
    /// The number that identifies an episode to a policy.
    TaskId(u64)
}
number_id! {
    /// A miner's slot on the subnet.
    MinerUid(u16)
}
number_id! {
    /// A subnet's number on its chain.
    NetUid(u16)
}
number_id! {
    /// A block of the chain.
    BlockNumber(u64)
}
number_id! {
    /// The number of an evaluation cycle, in which all miners are evaluated once.
    CycleId(i64)
}

impl NetUid {
    /// The root, subnet 0: it has validators, and no miners.
    pub const ROOT: Self = Self(0);
}

impl Seed {
    /// The seed that the older scheme gives a job: the first four bytes of the SHA-256 of the text
    /// of its UUID as a big-endian number, without the highest bit (docs/spec/commitments.md).
    pub fn of_task(task_uuid: &str) -> Self {
        let [a, b, c, d, ..] = Sha256::digest(task_uuid).0;
        Self::of_bytes([a, b, c, d])
    }

    /// The seed that an episode has for every miner of a cycle: the first four bytes of
    /// HMAC-SHA256, keyed with the secret of the cycle, of the text `ENV_ID:EPISODE`, as a big-endian
    /// number without the highest bit. Episodes count from 0.
    ///
    /// ```
    /// use kinitro_core::{EnvId, Seed};
    ///
    /// // hmac.new(bytes([7] * 32), b"metaworld/reach-v3:12", "sha256").digest()[:4], as above.
    /// let reach: EnvId = "metaworld/reach-v3".parse()?;
    /// assert_eq!(Seed::of_episode(&[7; 32], &reach, 12), Seed(1_774_182_970));
    /// # Ok::<(), kinitro_core::IdError>(())
    /// ```
    pub fn of_episode(secret: &[u8; 32], env_id: &EnvId, episode: u32) -> Self {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret).expect("a key of HMAC may have any length");
        mac.update(format!("{env_id}:{episode}").as_bytes());
        let [a, b, c, d, ..] = mac.finalize().into_bytes().0;
        Self::of_bytes([a, b, c, d])
    }

    /// A seed for simulators with signed 32-bit seeds.
    fn of_bytes(bytes: [u8; 4]) -> Self {
        Self(u64::from(u32::from_be_bytes(bytes) & 0x7FFF_FFFF))
    }
}

macro_rules! account_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 32]);

        impl $name {
            /// The account with that id.
            pub fn from_account_id(account_id: [u8; 32]) -> Self {
                Self(account_id)
            }

            /// The account id: 32 bytes, a public key of the chain.
            pub fn account_id(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                match ss58::decode(text) {
                    Ok(account_id) => Ok(Self(account_id)),
                    Err(source) => {
                        Err(IdError::Account { text: excerpt(text), what: $what, source })
                    }
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&ss58::encode(&self.0))
            }
        }
    };
}

account_id! {
    /// Who a miner or a validator is on the chain: an account of 32 bytes, written as an SS58
    /// address with prefix 42, as in `5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY`.
    Hotkey, "hotkey"
}
account_id! {
    /// Who owns a hotkey and its stake: an account like any other, in the same form.
    Coldkey, "coldkey"
}

/// The id of a miner's deployment at Basilica: a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeploymentId([u8; 16]);

impl DeploymentId {
    /// The id with those bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes of the UUID, in the order in which it is written.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Where the deployment answers.
    pub fn url(&self) -> String {
        format!("https://{self}.deployments.basilica.ai")
    }
}

impl FromStr for DeploymentId {
    type Err = IdError;

    /// Reads the form with hyphens and no other: a commitment is compared as text elsewhere.
    fn from_str(text: &str) -> Result<Self, IdError> {
        match Uuid::try_parse(text) {
            Ok(uuid) if text.len() == 36 => Ok(Self(uuid.into_bytes())),
            _ => Err(IdError::DeploymentId(excerpt(text))),
        }
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Uuid::from_bytes(self.0).hyphenated(), f)
    }
}

macro_rules! through_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

through_text!(Hotkey);
through_text!(Coldkey);
through_text!(DeploymentId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    #[test]
    fn a_hotkey_is_checked_and_comes_back_as_it_was() {
        let hotkey: Hotkey = ALICE.parse().unwrap();
        assert_eq!(hotkey.account_id()[..4], [0xd4, 0x35, 0x93, 0xc7]);
        assert_eq!(hotkey.to_string(), ALICE);
        assert_eq!(serde_json::to_value(hotkey).unwrap(), ALICE);
        let typo = ALICE.replace("KutQY", "KutQZ");
        let error = serde_json::from_value::<Hotkey>(typo.into()).unwrap_err().to_string();
        assert!(error.contains("is not a hotkey: its checksum"), "{error}");
    }

    #[test]
    fn a_deployment_id_has_one_form() {
        let text = "380208a9-ad45-f23d-3b1a-11df587fd280";
        let id: DeploymentId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(id.url(), format!("https://{text}.deployments.basilica.ai"));
        for bad in [
            "",
            "380208a9ad45f23d3b1a11df587fd280",
            "{380208a9-ad45-f23d-3b1a-11df587fd280}",
            "380208a9-ad45-f23d-3b1a-11df587fd28g",
        ] {
            let error = bad.parse::<DeploymentId>().unwrap_err().to_string();
            assert!(error.contains("36 characters"), "{error}");
        }
    }

    #[test]
    fn seeds_of_the_older_scheme() {
        // hashlib.sha256(b"cd613e30-...").digest()[:4], big endian, & 0x7FFFFFFF.
        assert_eq!(Seed::of_task("cd613e30-d8f1-4adf-91b7-584a2265b1f5"), Seed(1_483_234_549));
        assert_eq!(Seed::of_task("1e2feb89-414c-443c-9027-c4d1c386bbc4"), Seed(2_015_167_423));
    }

    proptest! {
        #[test]
        fn seeds_of_a_cycle_depend_on_secret_environment_and_episode(
            secret in any::<[u8; 32]>(),
            other in any::<[u8; 32]>(),
            episodes in prop::collection::btree_set(any::<u32>(), 2..50),
        ) {
            let envs: [EnvId; 2] = ["a/b1".parse().unwrap(), "a/b".parse().unwrap()];
            let seeds = |secret, env| -> Vec<Seed> {
                episodes.iter().map(|&episode| Seed::of_episode(secret, env, episode)).collect()
            };
            let [one, two] = [seeds(&secret, &envs[0]), seeds(&secret, &envs[1])];
            prop_assert_eq!(&one, &seeds(&secret, &envs[0]));
            prop_assert!(one.iter().all(|seed| seed.0 < 1 << 31));
            // Two of a hundred random numbers of 31 bits are equal in one case of 400,000.
            let distinct: std::collections::BTreeSet<Seed> =
                one.iter().chain(&two).copied().collect();
            prop_assert!(distinct.len() + 1 >= 2 * episodes.len());
            prop_assert!(secret == other || one != seeds(&other, &envs[0]));
        }
    }
}
