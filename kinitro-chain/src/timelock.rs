//! Sealing weights until a round of a public random beacon (docs/spec/chain.md, section 5).
//!
//! [`seal`] encrypts a message so that the beacon's signature of a later round opens it. Each chain
//! stores which beacon it uses; the main network uses drand's quicknet. [`BeaconKey`] is the key of a
//! private beacon, such as the local chain's.

use std::fmt;
use std::time::Duration;

use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize as _};
use parity_scale_codec::{Decode, Encode};
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use timelock::curves::drand::TinyBLS381;
use timelock::ibe::fullident::Identity;
use timelock::stream_ciphers::AESGCMStreamCipherProvider;
use timelock::tlock::{TLECiphertext, tld, tle};
use w3f_bls::{EngineBLS, SecretKeyVT};
use zeroize::Zeroizing;

type PublicKeyGroup = <TinyBLS381 as EngineBLS>::PublicKeyGroup;
type SignatureGroup = <TinyBLS381 as EngineBLS>::SignatureGroup;

/// A beacon's public key: a compressed point of G2.
pub type PublicKey = [u8; 96];
/// A beacon's signature of a round: a compressed point of G1.
pub type Signature = [u8; 48];

/// A public random beacon, which publishes a signature of the round's number every `period`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Beacon {
    /// Its public key.
    pub public_key: PublicKey,
    /// The time of its first round, since 1970.
    pub genesis: Duration,
    /// The time between two rounds.
    pub period: Duration,
}

/// What is sealed when a validator sets its weights: the chain decodes exactly these fields.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct WeightsPayload {
    /// The 32 bytes of the hotkey's account. The chain checks that it is the sender.
    pub hotkey: Vec<u8>,
    /// The uids that get a weight.
    pub uids: Vec<u16>,
    /// The weights, in the order of `uids`.
    pub values: Vec<u16>,
    /// The version of the weights.
    pub version_key: u64,
}

/// Why a message could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimelockError {
    /// The beacon's public key is not a point of its group.
    #[error("the beacon's public key is no point of its curve")]
    PublicKey,
    /// The signature is not a point of its group.
    #[error("the signature is no point of its curve")]
    Signature,
    /// The bytes are not a timelocked ciphertext.
    #[error("this is no timelocked ciphertext")]
    Malformed,
    /// The signature is of another round, or the ciphertext was tampered with.
    #[error("this signature does not open that ciphertext")]
    WrongRound,
    /// Encryption failed.
    #[error("the message could not be encrypted")]
    Encryption,
}

impl Beacon {
    /// A beacon with that key whose first round was `genesis` after 1970, with a round every
    /// `period`.
    pub fn new(public_key: PublicKey, genesis: Duration, period: Duration) -> Self {
        Self { public_key, genesis, period }
    }

    /// The beacon's current round at `time` after 1970; 0 before the first.
    pub fn round_at(&self, time: Duration) -> u64 {
        let Some(age) = time.checked_sub(self.genesis) else { return 0 };
        let rounds = age.as_millis() / self.period.as_millis().max(1);
        u64::try_from(rounds).unwrap_or(u64::MAX).saturating_add(1)
    }
}

impl fmt::Debug for Beacon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beacon")
            .field("public_key", &base16ct::HexDisplay(&self.public_key))
            .field("genesis", &self.genesis)
            .field("period", &self.period)
            .finish()
    }
}

/// Seals a message until the beacon publishes `round`. The result is about 300 bytes longer.
///
/// # Errors
/// [`TimelockError::PublicKey`] or [`TimelockError::Encryption`].
pub fn seal(message: &[u8], public_key: &PublicKey, round: u64) -> Result<Vec<u8>, TimelockError> {
    let public_key = PublicKeyGroup::deserialize_compressed(&public_key[..])
        .ok()
        // To the point at infinity anybody has the key.
        .filter(|point| *point != PublicKeyGroup::default())
        .ok_or(TimelockError::PublicKey)?;
    let mut key = Zeroizing::new([0; 32]);
    OsRng.fill_bytes(&mut *key);
    let ciphertext = tle::<TinyBLS381, AESGCMStreamCipherProvider, _>(
        public_key,
        *key,
        message,
        identity(round),
        OsRng,
    )
    .map_err(|_| TimelockError::Encryption)?;
    let mut bytes = Vec::new();
    ciphertext.serialize_compressed(&mut bytes).map_err(|_| TimelockError::Encryption)?;
    Ok(bytes)
}

/// Opens a sealed message with the beacon's signature of the round that it was sealed for.
///
/// # Errors
/// [`TimelockError::Signature`], [`TimelockError::Malformed`] or [`TimelockError::WrongRound`].
pub fn open(ciphertext: &[u8], signature: &[u8]) -> Result<Vec<u8>, TimelockError> {
    let signature =
        SignatureGroup::deserialize_compressed(signature).map_err(|_| TimelockError::Signature)?;
    let ciphertext = TLECiphertext::<TinyBLS381>::deserialize_compressed(ciphertext)
        .map_err(|_| TimelockError::Malformed)?;
    // The library indexes into these as if they had the right length.
    if ciphertext.header.v.len() != 32 || ciphertext.header.w.len() != 32 {
        return Err(TimelockError::Malformed);
    }
    tld::<TinyBLS381, AESGCMStreamCipherProvider>(ciphertext, signature)
        .map_err(|_| TimelockError::WrongRound)
}

/// The message that the beacon signs in a round.
fn identity(round: u64) -> Identity {
    Identity::new(b"", vec![Sha256::digest(round.to_be_bytes()).to_vec()])
}

/// The secret key of a private beacon.
#[derive(Clone)]
pub struct BeaconKey(SecretKeyVT<TinyBLS381>);

impl BeaconKey {
    /// Generates a key.
    pub fn generate() -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        OsRng.fill_bytes(&mut *seed);
        Self::from_seed(&seed)
    }

    /// Derives the key from a seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SecretKeyVT::from_seed(seed))
    }

    /// The public key, to seal messages for.
    pub fn public_key(&self) -> PublicKey {
        compressed(&self.0.into_public().0)
    }

    /// The signature of a round, which opens everything that was sealed for it.
    pub fn sign(&self, round: u64) -> Signature {
        compressed(&identity(round).extract::<TinyBLS381>(self.0.0).0)
    }
}

impl fmt::Debug for BeaconKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeaconKey(..)")
    }
}

fn compressed<const N: usize>(point: &impl ark_serialize::CanonicalSerialize) -> [u8; N] {
    let mut bytes = [0; N];
    // Writing to memory fails only where it is too short, and the sizes are those of the curve.
    let written = point.serialize_compressed(&mut bytes[..]);
    debug_assert!(written.is_ok(), "a point of the curve has {N} bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload() -> WeightsPayload {
        WeightsPayload {
            hotkey: vec![7; 32],
            uids: vec![0, 3, 9],
            values: vec![65_535, 12, 800],
            version_key: 10_001_000,
        }
    }

    #[test]
    fn only_the_signature_of_its_round_opens_a_message() {
        let key = BeaconKey::from_seed(&[1; 32]);
        let message = payload().encode();
        let sealed = seal(&message, &key.public_key(), 4242).unwrap();
        assert_eq!(open(&sealed, &key.sign(4242)).unwrap(), message);
        assert_eq!(open(&sealed, &key.sign(4243)), Err(TimelockError::WrongRound));
        let other = BeaconKey::from_seed(&[2; 32]);
        assert_eq!(open(&sealed, &other.sign(4242)), Err(TimelockError::WrongRound));
        assert_eq!(WeightsPayload::decode(&mut &message[..]).unwrap(), payload());
    }

    /// Quicknet's key and its signature of round 1000 are public. They belong together only if
    /// messages, groups and encodings here are those of drand.
    #[test]
    fn quicknet_opens_what_is_sealed_for_it() {
        let public_key = bytes::<96>(QUICKNET);
        let sealed = seal(b"weights", &public_key, 1000).unwrap();
        assert_eq!(open(&sealed, &bytes::<48>(ROUND_1000)).unwrap(), b"weights");
    }

    #[test]
    fn nothing_that_is_sent_in_brings_it_down() {
        let key = BeaconKey::from_seed(&[3; 32]);
        let signature = key.sign(1);
        let sealed = seal(b"message", &key.public_key(), 1).unwrap();
        for length in 0..sealed.len() {
            assert!(open(&sealed[..length], &signature).is_err());
        }
        for at in 0..sealed.len() {
            for flip in [1, 0x80] {
                let mut damaged = sealed.clone();
                damaged[at] ^= flip;
                // The name of the cipher is not authenticated; everything else is.
                let is_name = at >= sealed.len() - 8;
                assert!(open(&damaged, &signature).is_err() || is_name, "byte {at}");
            }
        }
        // Parts of other lengths than the library expects, which it would index out of.
        for length in [0_u64, 31, 33, 1000] {
            let mut forged = sealed[..96].to_vec();
            for _ in 0..2 {
                forged.extend_from_slice(&length.to_le_bytes());
                forged.resize(forged.len() + length as usize, 7);
            }
            forged.extend_from_slice(&sealed[96 + 80..]);
            assert_eq!(open(&forged, &signature), Err(TimelockError::Malformed));
        }
        assert_eq!(open(&sealed, &[]), Err(TimelockError::Signature));
        assert_eq!(open(&sealed, &[0; 48]), Err(TimelockError::Signature));
        assert_eq!(seal(b"", &[0; 96], 1), Err(TimelockError::PublicKey));
        let mut infinity = [0; 96];
        infinity[0] = 0xc0;
        assert_eq!(seal(b"", &infinity, 1), Err(TimelockError::PublicKey));
    }

    #[test]
    fn rounds_begin_at_the_genesis_of_the_beacon() {
        let beacon = Beacon {
            public_key: [0; 96],
            genesis: Duration::from_secs(100),
            period: Duration::from_secs(3),
        };
        let at = |millis| beacon.round_at(Duration::from_millis(millis));
        assert_eq!([at(0), at(99_999), at(100_000), at(102_999), at(103_000)], [0, 0, 1, 1, 2]);
    }

    fn bytes<const N: usize>(hex: &str) -> [u8; N] {
        let mut bytes = [0; N];
        base16ct::lower::decode(hex, &mut bytes).unwrap();
        bytes
    }

    const QUICKNET: &str = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b\
        6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9\
        c76a4bc09e76eae8991ef5ece45a";
    const ROUND_1000: &str = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b7\
        3a8dd2bacbe47e4b6b63ed5e39";
}
