//! Sealing and opening endpoints.

use std::fmt;
use std::str::FromStr;

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use x25519_dalek::SharedSecret;
use zeroize::Zeroizing;

use super::base85::{self, Base85Error};
use super::keys::{KeyError, PrivateKey, PublicKey};
use crate::{DeploymentId, Hotkey, NetUid};

const PUBLIC_KEY: usize = 32;
const DEPLOYMENT_ID: usize = 16;
const TAG: usize = 16;
const SEALED: usize = PUBLIC_KEY + DEPLOYMENT_ID + TAG;

/// Why an endpoint could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CryptoError {
    /// With this key, the shared secret would be known to everyone.
    #[error("the public key {0} is a point of low order: nothing sealed with it would be secret")]
    LowOrderPoint(PublicKey),
    /// It was sealed for another key or another miner, or tampered with.
    #[error(
        "the endpoint does not open as version {}: it was sealed for another key{}, or changed",
        .0.number(),
        if matches!(.0, SealVersion::V2) { ", hotkey or subnet" } else { "" }
    )]
    DoesNotOpen(SealVersion),
    /// No ephemeral key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// The two ways of sealing an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SealVersion {
    /// Sealed for the backend only: it opens no matter who publishes it.
    V1,
    /// Sealed for the backend, and bound to one miner's hotkey on one subnet.
    V2,
}

impl SealVersion {
    /// The tag of a commitment that holds such an endpoint.
    pub fn tag(self) -> &'static str {
        match self {
            Self::V1 => "e",
            Self::V2 => "e2",
        }
    }

    /// The number of the version.
    pub fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }
}

/// A sealed endpoint: 64 bytes, the ephemeral public key (32) and the encrypted deployment id (16)
/// with its authentication tag (16). As text it is 80 characters of base85 (RFC 1924).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SealedEndpoint([u8; SEALED]);

/// Why a text is not a sealed endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedEndpointError {
    /// The length is wrong.
    #[error("a sealed endpoint has 80 characters, not {0}")]
    Length(usize),
    /// Not base85.
    #[error("the sealed endpoint is not base85: {0}")]
    Base85(#[from] Base85Error),
}

impl SealedEndpoint {
    /// The sealed endpoint with these bytes, which may turn out not to open.
    pub fn from_bytes(bytes: [u8; SEALED]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub fn as_bytes(&self) -> &[u8; SEALED] {
        &self.0
    }

    fn ephemeral(&self) -> PublicKey {
        let mut key = [0; PUBLIC_KEY];
        key.copy_from_slice(&self.0[..PUBLIC_KEY]);
        PublicKey::from_bytes(key)
    }
}

impl FromStr for SealedEndpoint {
    type Err = SealedEndpointError;

    fn from_str(text: &str) -> Result<Self, SealedEndpointError> {
        let length = SealedEndpointError::Length(text.chars().count());
        if text.len() != SEALED / 4 * 5 {
            return Err(length);
        }
        let bytes = base85::decode(text.as_bytes())?;
        bytes.try_into().map(Self).map_err(|_| length)
    }
}

impl fmt::Display for SealedEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&base85::encode(&self.0))
    }
}

impl TryFrom<String> for SealedEndpoint {
    type Error = SealedEndpointError;

    fn try_from(text: String) -> Result<Self, SealedEndpointError> {
        text.parse()
    }
}

impl From<SealedEndpoint> for String {
    fn from(sealed: SealedEndpoint) -> Self {
        sealed.to_string()
    }
}

/// A way to seal endpoints for a backend.
pub trait Seal {
    /// Which version it writes.
    fn version(&self) -> SealVersion;

    /// Seals the endpoint with a fresh ephemeral key. Sealing the same endpoint twice gives two
    /// different texts.
    ///
    /// # Errors
    /// [`CryptoError::LowOrderPoint`] when the backend's public key cannot keep a secret,
    /// [`CryptoError::Key`] when the operating system provides no randomness.
    fn seal(&self, endpoint: &DeploymentId) -> Result<SealedEndpoint, CryptoError>;
}

/// A way to open endpoints that were sealed for a backend.
pub trait Open {
    /// Which version it reads.
    fn version(&self) -> SealVersion;

    /// Opens the endpoint.
    ///
    /// # Errors
    /// [`CryptoError::DoesNotOpen`] when it was sealed for someone else or changed,
    /// [`CryptoError::LowOrderPoint`] when its ephemeral key cannot keep a secret.
    fn open(&self, sealed: &SealedEndpoint) -> Result<DeploymentId, CryptoError>;
}

/// Seals as version 1: the key is the X25519 shared secret, the nonce is the first 12 bytes of the
/// SHA-256 of the ephemeral public key, nothing else is authenticated (docs/spec/commitments.md).
///
/// For miners whose backend does not read version 2 yet: the text opens for the backend in anyone's
/// commitment.
#[derive(Debug, Clone, Copy)]
pub struct SealV1 {
    /// The key of the backend.
    pub backend: PublicKey,
}

/// Opens version 1.
#[derive(Debug, Clone, Copy)]
pub struct OpenV1<'key> {
    /// The key of the backend.
    pub backend: &'key PrivateKey,
}

/// Seals as version 2: key and nonce are HKDF-SHA256 of the shared secret, with both public keys as
/// the salt, and the subnet and the miner are authenticated with the endpoint
/// (docs/spec/commitments.md).
#[derive(Debug, Clone, Copy)]
pub struct SealV2 {
    /// The key of the backend.
    pub backend: PublicKey,
    /// The subnet on which the endpoint is published.
    pub netuid: NetUid,
    /// The miner that publishes it.
    pub hotkey: Hotkey,
}

/// Opens version 2.
#[derive(Debug, Clone, Copy)]
pub struct OpenV2<'key> {
    /// The key of the backend.
    pub backend: &'key PrivateKey,
    /// The subnet on which the endpoint was published.
    pub netuid: NetUid,
    /// The miner that published it.
    pub hotkey: Hotkey,
}

impl Seal for SealV1 {
    fn version(&self) -> SealVersion {
        SealVersion::V1
    }

    fn seal(&self, endpoint: &DeploymentId) -> Result<SealedEndpoint, CryptoError> {
        seal(endpoint, &PrivateKey::generate()?, &self.backend, Envelope::v1)
    }
}

impl Open for OpenV1<'_> {
    fn version(&self) -> SealVersion {
        SealVersion::V1
    }

    fn open(&self, sealed: &SealedEndpoint) -> Result<DeploymentId, CryptoError> {
        open(sealed, self.backend, self.version(), Envelope::v1)
    }
}

impl Seal for SealV2 {
    fn version(&self) -> SealVersion {
        SealVersion::V2
    }

    fn seal(&self, endpoint: &DeploymentId) -> Result<SealedEndpoint, CryptoError> {
        seal(endpoint, &PrivateKey::generate()?, &self.backend, |secret, ephemeral| {
            Envelope::v2(secret, ephemeral, &self.backend, self.netuid, &self.hotkey)
        })
    }
}

impl Open for OpenV2<'_> {
    fn version(&self) -> SealVersion {
        SealVersion::V2
    }

    fn open(&self, sealed: &SealedEndpoint) -> Result<DeploymentId, CryptoError> {
        let backend = self.backend.public_key();
        open(sealed, self.backend, self.version(), |secret, ephemeral| {
            Envelope::v2(secret, ephemeral, &backend, self.netuid, &self.hotkey)
        })
    }
}

/// The inputs of ChaCha20-Poly1305.
struct Envelope {
    key: Zeroizing<[u8; 32]>,
    nonce: [u8; 12],
    associated_data: Vec<u8>,
}

impl Envelope {
    fn v1(secret: &SharedSecret, ephemeral: &PublicKey) -> Self {
        let hash = Sha256::digest(ephemeral.as_bytes());
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&hash[..12]);
        Self { key: Zeroizing::new(secret.to_bytes()), nonce, associated_data: Vec::new() }
    }

    fn v2(
        secret: &SharedSecret,
        ephemeral: &PublicKey,
        backend: &PublicKey,
        netuid: NetUid,
        hotkey: &Hotkey,
    ) -> Self {
        let salt = [*ephemeral.as_bytes(), *backend.as_bytes()].concat();
        let mut output = Zeroizing::new([0; 32 + 12]);
        Hkdf::<Sha256>::new(Some(&salt), secret.as_bytes())
            .expand(b"kinitro endpoint v2", output.as_mut())
            .expect("HKDF-SHA256 gives up to 8160 bytes");
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&output[..32]);
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&output[32..]);
        let mut associated_data = netuid.0.to_le_bytes().to_vec();
        associated_data.extend_from_slice(hotkey.account_id());
        Self { key, nonce, associated_data }
    }

    fn cipher(&self) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new(&Key::from(*self.key))
    }
}

fn seal(
    endpoint: &DeploymentId,
    ephemeral: &PrivateKey,
    backend: &PublicKey,
    envelope: impl Fn(&SharedSecret, &PublicKey) -> Envelope,
) -> Result<SealedEndpoint, CryptoError> {
    let secret = ephemeral.shared_secret(backend).ok_or(CryptoError::LowOrderPoint(*backend))?;
    let ephemeral = ephemeral.public_key();
    let envelope = envelope(&secret, &ephemeral);
    let mut id = *endpoint.as_bytes();
    let tag = envelope
        .cipher()
        .encrypt_inout_detached(
            &Nonce::from(envelope.nonce),
            &envelope.associated_data,
            id.as_mut_slice().into(),
        )
        .expect("16 bytes are not too long for the cipher");
    let mut sealed = [0; SEALED];
    sealed[..PUBLIC_KEY].copy_from_slice(ephemeral.as_bytes());
    sealed[PUBLIC_KEY..PUBLIC_KEY + DEPLOYMENT_ID].copy_from_slice(&id);
    sealed[PUBLIC_KEY + DEPLOYMENT_ID..].copy_from_slice(&tag);
    Ok(SealedEndpoint(sealed))
}

fn open(
    sealed: &SealedEndpoint,
    backend: &PrivateKey,
    version: SealVersion,
    envelope: impl Fn(&SharedSecret, &PublicKey) -> Envelope,
) -> Result<DeploymentId, CryptoError> {
    let ephemeral = sealed.ephemeral();
    let secret = backend.shared_secret(&ephemeral).ok_or(CryptoError::LowOrderPoint(ephemeral))?;
    let envelope = envelope(&secret, &ephemeral);
    let mut id = [0; DEPLOYMENT_ID];
    id.copy_from_slice(&sealed.0[PUBLIC_KEY..PUBLIC_KEY + DEPLOYMENT_ID]);
    let mut tag = Tag::default();
    tag.copy_from_slice(&sealed.0[PUBLIC_KEY + DEPLOYMENT_ID..]);
    envelope
        .cipher()
        .decrypt_inout_detached(
            &Nonce::from(envelope.nonce),
            &envelope.associated_data,
            id.as_mut_slice().into(),
            &tag,
        )
        .map_err(|_| CryptoError::DoesNotOpen(version))?;
    Ok(DeploymentId::from_bytes(id))
}
