//! sr25519 keys.

use std::fmt;

use kinitro_core::Hotkey;
use schnorrkel::{MiniSecretKey, PublicKey, SecretKey, Signature};
use zeroize::Zeroizing;

use super::error::KeypairError;
use super::mnemonic::Mnemonic;
use super::uri;
use crate::signer::Signer;

/// Substrate's signing context. A signature made in it is valid in no other.
const CONTEXT: &[u8] = b"substrate";

/// An sr25519 key pair, like Bittensor's hotkeys and coldkeys. It is zeroized when it is dropped, and
/// `Debug` does not show it.
///
/// ```
/// use kinitro_chain::{Signer, wallet::{Keypair, verify}};
///
/// let alice = Keypair::from_uri("//Alice")?;
/// assert_eq!(alice.hotkey().to_string(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
/// let signature = alice.sign(b"hello");
/// assert!(verify(&alice.hotkey(), b"hello", &signature));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
// In a box, because moving a key would leave copies behind.
#[derive(Clone)]
pub struct Keypair(Box<schnorrkel::Keypair>);

impl Keypair {
    /// Derives the key from a mnemonic and a password. An empty password stands for none.
    pub fn from_mnemonic(mnemonic: &Mnemonic, password: &str) -> Self {
        Self::from_seed(&mnemonic.seed(password))
    }

    /// Derives the key from a seed, expanded in the Ed25519 way.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let seed = MiniSecretKey::from_bytes(seed).expect("32 bytes are a seed");
        Self(Box::new(seed.expand_to_keypair(MiniSecretKey::ED25519_MODE)))
    }

    /// Reads a key from 64 bytes in schnorrkel's canonical form, which key files use: a scalar, and the
    /// seed of nonces.
    ///
    /// # Errors
    /// [`KeypairError::PrivateKeyScalar`] if the first half is not a scalar of the curve.
    pub fn from_private_key(bytes: &[u8; 64]) -> Result<Self, KeypairError> {
        let secret = SecretKey::from_bytes(bytes).map_err(|_| KeypairError::PrivateKeyScalar)?;
        Ok(Self(Box::new(secret.to_keypair())))
    }

    /// Derives the key of a secret URI, `PHRASE//hard/soft///PASSWORD`: a mnemonic or a seed `0x...`,
    /// followed by a derivation path. Without a phrase it is a development key, such as `//Alice`,
    /// which is the same for everyone.
    ///
    /// # Errors
    /// [`KeypairError`] if the text is not a secret URI. The empty text is not one.
    pub fn from_uri(uri: &str) -> Result<Self, KeypairError> {
        uri::derive(uri).map(|secret| Self(Box::new(secret.to_keypair())))
    }

    /// The development key that wallets call `//NAME`.
    #[cfg(feature = "local-chain")]
    pub(crate) fn development(name: &str) -> Self {
        Self(Box::new(uri::development(name).to_keypair()))
    }

    /// The key in the form that [`from_private_key`](Self::from_private_key) reads.
    pub fn private_key(&self) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.0.secret.to_bytes())
    }
}

impl Signer for Keypair {
    fn hotkey(&self) -> Hotkey {
        Hotkey::from_account_id(self.0.public.to_bytes())
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign_simple(CONTEXT, message).to_bytes()
    }
}

impl fmt::Debug for Keypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keypair({})", self.hotkey())
    }
}

/// Whether `signature` is the account's signature of the message, in the signing context `substrate`.
pub fn verify(account: &Hotkey, message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(public) = PublicKey::from_bytes(account.account_id()) else { return false };
    let Ok(signature) = Signature::from_bytes(signature) else { return false };
    public.verify_simple(CONTEXT, message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wallet::hex::from_hex;

    const PHRASE: &str =
        "toy surface whip universe worry direct gospel globe tribe current ship cream";
    const ADDRESS: &str = "5GjesiCpg7RZQxRhosMTauKz2ZowqSY2JeHk3Jcw1Fma1mkF";
    const SEED: &str = "0x92178bba46c1745f698e4ebb077f252a9db048ff5e752083c78baef0b9011d60";
    const PRIVATE_KEY: &str = "0x76e1dbaaaa924a9999154266ddb6c40c248c8ff9d27e37d4fbefdba59734ef0a\
                               81a878feb33a8f89ba5179834f40869f3f1f48e4d6a8c75921de672c3f7fa2a7";

    #[test]
    fn one_key_in_four_forms() {
        // As PyPI bittensor-wallet 4.1.1 wrote it.
        let mnemonic: Mnemonic = PHRASE.parse().unwrap();
        let seed = from_hex(SEED).unwrap();
        assert_eq!(mnemonic.seed(""), seed);
        let private_key = from_hex(PRIVATE_KEY).unwrap();
        for keypair in [
            Keypair::from_mnemonic(&mnemonic, ""),
            Keypair::from_seed(&seed),
            Keypair::from_private_key(&private_key).unwrap(),
            Keypair::from_uri(PHRASE).unwrap(),
            Keypair::from_uri(SEED).unwrap(),
        ] {
            assert_eq!(keypair.hotkey().to_string(), ADDRESS);
            assert_eq!(keypair.private_key(), private_key);
        }
        let with_password = Keypair::from_mnemonic(&mnemonic, "pw").hotkey().to_string();
        assert_eq!(with_password, "5GH9mMAGRbtP5BrDLZbbi6VxLVEx7jYMgDYH9fGTL8bSynDT");
    }

    #[test]
    fn a_signature_is_of_one_message_by_one_key() {
        let alice = Keypair::from_uri("//Alice").unwrap();
        let bob = Keypair::from_uri("//Bob").unwrap();
        let mut signature = alice.sign(b"kinitro");
        assert!(verify(&alice.hotkey(), b"kinitro", &signature));
        assert!(!verify(&bob.hotkey(), b"kinitro", &signature));
        assert!(!verify(&alice.hotkey(), b"kinitrO", &signature));
        signature[5] ^= 1;
        assert!(!verify(&alice.hotkey(), b"kinitro", &signature));
        // The mark by which sr25519 tells its signatures from those of Ed25519.
        signature[5] ^= 1;
        signature[63] &= 0x7f;
        assert!(!verify(&alice.hotkey(), b"kinitro", &signature));
        let no_point = Hotkey::from_account_id([0xff; 32]);
        assert!(!verify(&no_point, b"kinitro", &alice.sign(b"kinitro")));
    }

    #[test]
    fn a_signature_of_python_verifies() {
        // Keypair.create_from_mnemonic(PHRASE).sign(b"kinitro") of bittensor-wallet 4.1.1.
        let signature = from_hex(
            "7a21b774b7d08dbf00f0e5f63886376521e05bdc853c9cd7196c8e241df79a4d\
             b852be75cbafcb2e3b9fd58f7bd322bf8d30670549c663bc7e667bdba71e5e80",
        );
        assert!(verify(&ADDRESS.parse().unwrap(), b"kinitro", &signature.unwrap()));
    }

    #[test]
    fn new_words_are_twelve_and_new() {
        let (first, second) = (Mnemonic::generate().unwrap(), Mnemonic::generate().unwrap());
        let phrase = first.phrase();
        assert_eq!(phrase.split(' ').count(), 12);
        assert_ne!(phrase, second.phrase());
        let read: Mnemonic = format!(" {}\n", phrase.replace(' ', "  ")).parse().unwrap();
        assert_eq!(read.phrase(), phrase);
    }

    #[test]
    fn what_is_wrong_is_said_without_a_secret() {
        let mixed_up = PHRASE.replace("toy surface", "surface toy");
        for (phrase, error) in [
            ("", KeypairError::WordCount(0)),
            ("toy surface", KeypairError::WordCount(2)),
            (&PHRASE.replace("whip", "whipp"), KeypairError::UnknownWord(3)),
            (&PHRASE.replace("toy", "Toy"), KeypairError::UnknownWord(1)),
            (&mixed_up, KeypairError::Checksum),
        ] {
            assert_eq!(phrase.parse::<Mnemonic>().unwrap_err(), error);
        }
        let scalar = Keypair::from_private_key(&[0xff; 64]).unwrap_err();
        assert_eq!(scalar, KeypairError::PrivateKeyScalar);
        for bad in ["", "0x", "0x12", &SEED[..65], &format!("{SEED}00"), &SEED.replace('9', "g")] {
            assert_eq!(from_hex::<32>(bad), None, "{bad}");
        }
        let mnemonic: Mnemonic = PHRASE.parse().unwrap();
        let shown = format!("{mnemonic:?} {:?}", Keypair::from_mnemonic(&mnemonic, ""));
        assert_eq!(shown, format!("Mnemonic(..) Keypair({ADDRESS})"));
    }
}
