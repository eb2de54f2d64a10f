//! X25519 keys.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use x25519_dalek::{SharedSecret, StaticSecret};
use zeroize::Zeroizing;

/// Why a text is not a key. Nothing of a private key is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 64 hex characters.
    #[error("this is not a private key: it must be 64 hex characters")]
    PrivateKey,
    /// Not 64 hex characters.
    #[error("`{0}` is not a public key: it must be 64 hex characters")]
    PublicKey(String),
    /// The operating system could not provide random numbers.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// A public key, for sealing: 32 bytes, written as 64 hex characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with those bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let key = key_from_hex(text).ok_or_else(|| {
            let excerpt = text.chars().take(80).collect();
            KeyError::PublicKey(excerpt)
        })?;
        Ok(Self(*key))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&key_to_hex(&self.0))
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        key.to_string()
    }
}

/// A private key, for opening. It is zeroized when it is dropped.
#[derive(Clone)]
pub struct PrivateKey(StaticSecret);

impl PrivateKey {
    /// A new key from the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::Randomness`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut())?;
        Ok(Self(StaticSecret::from(*bytes)))
    }

    /// The key of 64 hex characters, with or without white space around them.
    ///
    /// # Errors
    /// [`KeyError::PrivateKey`], which does not say what the text was.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let bytes = key_from_hex(text).ok_or(KeyError::PrivateKey)?;
        Ok(Self(StaticSecret::from(*bytes)))
    }

    /// The 64 hex characters of the key.
    pub fn to_hex(&self) -> Zeroizing<String> {
        key_to_hex(self.0.as_bytes())
    }

    /// The public key that belongs to it, for others to seal with.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The shared secret of this key and the other one; `None` when it would be the same for
    /// everyone, because the other key is a point of low order.
    pub(super) fn shared_secret(&self, other: &PublicKey) -> Option<SharedSecret> {
        let secret = self.0.diffie_hellman(&x25519_dalek::PublicKey::from(other.0));
        secret.was_contributory().then_some(secret)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

fn key_from_hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    let read = base16ct::mixed::decode(text.trim(), bytes.as_mut()).ok()?;
    (read.len() == 32).then_some(bytes)
}

fn key_to_hex(bytes: &[u8; 32]) -> Zeroizing<String> {
    let mut buffer = Zeroizing::new([0; 64]);
    let text = base16ct::lower::encode_str(bytes, buffer.as_mut());
    Zeroizing::new(text.expect("64 characters hold 32 bytes").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRIVATE: &str = "4420823cfde6f1c26b30f90ec7dd01e4887534a20f0b0d04c36ed80e71e0fd77";
    const PUBLIC: &str = "d6acb37f256b2396285de1ebd4e23ec58d70f962508e54962f317efa87fc3747";

    #[test]
    fn keys_are_read_and_written_as_hex() {
        let key = PrivateKey::from_hex(&format!(" {}\n", PRIVATE.to_uppercase())).unwrap();
        assert_eq!(*key.to_hex(), PRIVATE);
        assert_eq!(key.public_key().to_string(), PUBLIC);
        assert_eq!(PUBLIC.parse(), Ok(key.public_key()));
        assert_eq!(serde_json::to_value(key.public_key()).unwrap(), PUBLIC);
        let fresh = PrivateKey::generate().unwrap();
        assert_ne!(fresh.public_key(), PrivateKey::generate().unwrap().public_key());
        assert_eq!(PrivateKey::from_hex(&fresh.to_hex()).unwrap().public_key(), fresh.public_key());
    }

    #[test]
    fn a_private_key_is_in_no_error_and_no_debug() {
        let key = PrivateKey::from_hex(PRIVATE).unwrap();
        assert_eq!(format!("{key:?} {key:#?}"), "PrivateKey(..) PrivateKey(..)");
        for bad in ["", &PRIVATE[..63], &PRIVATE[2..], &PRIVATE.replace('4', "g")] {
            let error = PrivateKey::from_hex(bad).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains("64 hex characters") && !text.contains("23cfde"), "{text}");
        }
        let error = PUBLIC[1..].parse::<PublicKey>().unwrap_err().to_string();
        assert!(error.contains("is not a public key"), "{error}");
    }
}
