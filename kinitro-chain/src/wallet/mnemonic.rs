//! The words that a key is derived from.

use std::fmt;
use std::str::FromStr;

use bip39::Language;
use pbkdf2::pbkdf2_hmac;
use sha2::Sha512;
use zeroize::{Zeroize, Zeroizing};

use super::error::KeypairError;

/// The words that a key is derived from, from the English list of BIP-39. They are zeroized when they
/// are dropped.
#[derive(Clone)]
pub struct Mnemonic(bip39::Mnemonic);

impl Mnemonic {
    /// Generates twelve words with the operating system's random numbers.
    ///
    /// # Errors
    /// [`KeypairError::Randomness`].
    pub fn generate() -> Result<Self, KeypairError> {
        let mut entropy = Zeroizing::new([0; 16]);
        getrandom::fill(entropy.as_mut())?;
        let mnemonic = bip39::Mnemonic::from_entropy_in(Language::English, entropy.as_ref());
        Ok(Self(mnemonic.expect("16 bytes are 12 words")))
    }

    /// The words, separated by single spaces.
    pub fn phrase(&self) -> Zeroizing<String> {
        // No word has more than eight letters. The text never grows: that would leave copies behind.
        let mut phrase = Zeroizing::new(String::with_capacity(9 * self.0.word_count()));
        for word in self.0.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The seed that these words and a password encode.
    ///
    /// As in Substrate, it is derived from the entropy that the words encode and not, as in BIP-39,
    /// from the words themselves: the first 32 bytes of PBKDF2 with HMAC-SHA-512, 2048 rounds, salted
    /// with `mnemonic` and the password.
    pub fn seed(&self, password: &str) -> Zeroizing<[u8; 32]> {
        const PREFIX: &str = "mnemonic";
        let (mut entropy, length) = self.0.to_entropy_array();
        let mut salt = Zeroizing::new(String::with_capacity(PREFIX.len() + password.len()));
        salt.push_str(PREFIX);
        salt.push_str(password);
        let mut output = Zeroizing::new([0; 64]);
        pbkdf2_hmac::<Sha512>(&entropy[..length], salt.as_bytes(), 2048, output.as_mut());
        entropy.zeroize();
        let mut seed = Zeroizing::new([0; 32]);
        seed.copy_from_slice(&output[..32]);
        seed
    }
}

impl FromStr for Mnemonic {
    type Err = KeypairError;

    /// Reads lower-case words, separated by any white space.
    fn from_str(phrase: &str) -> Result<Self, KeypairError> {
        let mnemonic = bip39::Mnemonic::parse_in_normalized(Language::English, phrase);
        mnemonic.map(Self).map_err(|error| match error {
            bip39::Error::BadWordCount(count) => KeypairError::WordCount(count),
            bip39::Error::UnknownWord(index) => KeypairError::UnknownWord(index + 1),
            _ => KeypairError::Checksum,
        })
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic(..)")
    }
}
