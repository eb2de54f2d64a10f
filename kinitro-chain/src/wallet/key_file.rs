//! The content of Bittensor's key files.

use std::fmt;

use kinitro_core::Hotkey;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::encryption;
use super::error::{KeyFileError, KeypairError};
use super::hex::from_hex;
use super::keypair::Keypair;
use super::mnemonic::Mnemonic;
use crate::signer::Signer;

/// The content of a key file, as far as it is known without a password.
///
/// The first secret that is present counts: `secretPhrase`, `secretSeed`, `privateKey`. Every field
/// is optional, and unknown fields are ignored.
#[derive(Debug)]
#[non_exhaustive]
pub enum KeyFile {
    /// A key that is not encrypted, or an address without a key.
    Plain(PlainKey),
    /// A key that is encrypted with a password.
    Encrypted(EncryptedKey),
}

/// A key that is not encrypted, or an address without a key.
#[derive(Debug)]
pub struct PlainKey {
    account: Hotkey,
    keypair: Option<Keypair>,
}

/// A key that is encrypted in Bittensor's current format, `$NACL`.
#[derive(Debug)]
pub struct EncryptedKey {
    sealed: Vec<u8>,
}

impl KeyFile {
    /// Reads the bytes of a key file. It is an error if the address does not belong to the secret.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyFileError> {
        if let Some(sealed) = bytes.strip_prefix(b"$NACL") {
            let sealed = sealed.to_vec();
            if sealed.len() < encryption::OVERHEAD {
                return Err(KeyFileError::Torn);
            }
            return Ok(Self::Encrypted(EncryptedKey { sealed }));
        }
        if bytes.starts_with(b"$ANSIBLE_VAULT") {
            return Err(KeyFileError::OldEncryption("Ansible Vault"));
        }
        if bytes.starts_with(b"gAAAAA") {
            return Err(KeyFileError::OldEncryption("Fernet"));
        }
        PlainKey::from_json(bytes).map(Self::Plain)
    }
}

impl EncryptedKey {
    /// Decrypts the key. This takes half a gigabyte of memory and blocks the thread for a few seconds,
    /// by design: it makes guessing passwords expensive.
    ///
    /// # Errors
    /// [`KeyFileError::WrongPassword`], [`KeyFileError::Memory`], and those of
    /// [`KeyFile::from_bytes`] for the decrypted content.
    pub fn open(&self, password: &str) -> Result<PlainKey, KeyFileError> {
        PlainKey::from_json(&encryption::open(&self.sealed, password)?)
    }
}

impl PlainKey {
    /// The address.
    pub fn account(&self) -> Hotkey {
        self.account
    }

    /// Whether there is only an address, which cannot sign.
    pub fn is_watch_only(&self) -> bool {
        self.keypair.is_none()
    }

    /// The key.
    ///
    /// # Errors
    /// [`KeyFileError::WatchOnly`] if there is only an address.
    pub fn into_keypair(self) -> Result<Keypair, KeyFileError> {
        self.keypair.ok_or(KeyFileError::WatchOnly)
    }

    fn from_json(bytes: &[u8]) -> Result<Self, KeyFileError> {
        // To serde a list would do as well, with the fields in their order.
        match bytes.trim_ascii().first() {
            None => return Err(KeyFileError::Empty),
            Some(b'{') => {}
            Some(_) => return Err(KeyFileError::NotJson { line: 1, column: 1 }),
        }
        // What serde says may have a secret in it; where it says it has none.
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| {
            KeyFileError::NotJson { line: error.line(), column: error.column() }
        })?;
        fields.check_type()?;
        let keypair = fields.keypair()?;
        let mut account = keypair.as_ref().map(Keypair::hotkey);
        for (field, address) in fields.addresses()? {
            let secret = *account.get_or_insert(address);
            if secret != address {
                return Err(KeyFileError::OtherKey { field, secret });
            }
        }
        let account = account.ok_or(KeyFileError::NoKey)?;
        Ok(Self { account, keypair })
    }
}

/// The fields of the JSON.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    account_id: Option<Entry>,
    public_key: Option<Entry>,
    private_key: Option<Entry>,
    secret_phrase: Option<Entry>,
    secret_seed: Option<Entry>,
    #[serde(rename = "ss58Address")]
    ss58_address: Option<Entry>,
    crypto_type: Option<Entry>,
}

impl Fields {
    fn check_type(&self) -> Result<(), KeyFileError> {
        let name = match &self.crypto_type {
            None => return Ok(()),
            Some(Entry::Number(number)) => number.to_string(),
            Some(Entry::Text(text)) => {
                text.chars().filter(char::is_ascii_alphanumeric).take(16).collect()
            }
            Some(Entry::Other) => return Err(KeyFileError::NotString("cryptoType")),
        };
        match name.to_ascii_lowercase().as_str() {
            "1" | "sr25519" => Ok(()),
            "0" | "ed25519" => Err(KeyFileError::KeyType("ed25519".to_owned())),
            _ => Err(KeyFileError::KeyType(name)),
        }
    }

    fn keypair(&self) -> Result<Option<Keypair>, KeyFileError> {
        let secret = |field| move |source| KeyFileError::Secret { field, source };
        if let Some(phrase) = text("secretPhrase", self.secret_phrase.as_ref())? {
            let mnemonic: Mnemonic = phrase.parse().map_err(secret("secretPhrase"))?;
            return Ok(Some(Keypair::from_mnemonic(&mnemonic, "")));
        }
        if let Some(seed) = text("secretSeed", self.secret_seed.as_ref())? {
            let seed = from_hex(seed).ok_or(KeypairError::Seed).map_err(secret("secretSeed"))?;
            return Ok(Some(Keypair::from_seed(&seed)));
        }
        if let Some(key) = text("privateKey", self.private_key.as_ref())? {
            let key = from_hex(key).ok_or(KeypairError::PrivateKeyLength);
            let keypair = key.and_then(|key| Keypair::from_private_key(&key));
            return keypair.map(Some).map_err(secret("privateKey"));
        }
        Ok(None)
    }

    /// Every field that identifies the key, with the address in it.
    fn addresses(&self) -> Result<Vec<(&'static str, Hotkey)>, KeyFileError> {
        let mut addresses = Vec::new();
        if let Some(address) = text("ss58Address", self.ss58_address.as_ref())? {
            let expected = "an SS58 address of a Substrate key, which begins with a 5";
            let wrong = |_| KeyFileError::Address { field: "ss58Address", expected };
            addresses.push(("ss58Address", address.parse().map_err(wrong)?));
        }
        for (field, entry) in [("publicKey", &self.public_key), ("accountId", &self.account_id)] {
            if let Some(key) = text(field, entry.as_ref())? {
                let expected = "64 hex characters, with or without `0x`";
                let key = from_hex(key).ok_or(KeyFileError::Address { field, expected })?;
                addresses.push((field, Hotkey::from_account_id(*key)));
            }
        }
        Ok(addresses)
    }
}

fn text<'a>(
    field: &'static str,
    entry: Option<&'a Entry>,
) -> Result<Option<&'a str>, KeyFileError> {
    match entry {
        None => Ok(None),
        Some(Entry::Text(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(KeyFileError::NotString(field)),
    }
}

/// The value of a field; a text is zeroized when it is dropped. Some versions write the key type as a
/// number.
enum Entry {
    Text(Zeroizing<String>),
    Number(u64),
    Other,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }

            fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry::Text(Zeroizing::new(text.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Entry, E> {
                Ok(Entry::Number(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Entry, E> {
                Ok(Entry::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Entry, E> {
                Ok(Entry::Other)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Entry, E> {
                Ok(Entry::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Entry::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Entry::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// The JSON of a key file as bittensor-wallet 4.1 writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    account_id: &'a str,
    public_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_phrase: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_seed: Option<&'a str>,
    #[serde(rename = "ss58Address")]
    ss58_address: &'a str,
    crypto_type: u8,
}

/// The bytes of the two files of a new key: the one with its secrets, and the public one.
pub(super) fn write(mnemonic: &Mnemonic) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
    let seed = mnemonic.seed("");
    let keypair = Keypair::from_seed(&seed);
    let account = keypair.hotkey();
    let public_key = to_hex(account.account_id());
    let address = account.to_string();
    let mut json = Written {
        account_id: &public_key,
        public_key: &public_key,
        private_key: None,
        secret_phrase: None,
        secret_seed: None,
        ss58_address: &address,
        crypto_type: 1,
    };
    let public = to_json(&json);
    let (private_key, phrase, seed) =
        (to_hex(keypair.private_key().as_ref()), mnemonic.phrase(), to_hex(seed.as_ref()));
    json.private_key = Some(&private_key);
    json.secret_phrase = Some(&phrase);
    json.secret_seed = Some(&seed);
    (to_json(&json), public)
}

fn to_json(json: &Written<'_>) -> Zeroizing<Vec<u8>> {
    // Large enough for all fields: to grow would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2048));
    serde_json::to_writer(&mut *bytes, json).expect("strings and a number are JSON");
    bytes
}

fn to_hex(bytes: &[u8]) -> Zeroizing<String> {
    let digits = Zeroizing::new(base16ct::lower::encode_string(bytes));
    let mut text = Zeroizing::new(String::with_capacity(digits.len() + 2));
    text.push_str("0x");
    text.push_str(&digits);
    text
}

#[cfg(test)]
mod tests;
