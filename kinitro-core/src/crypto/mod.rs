//! Endpoints that only a backend can read, and the keys for them.
//!
//! A miner seals the id of its deployment for the backend's public key and publishes the result on
//! the chain; the backend opens it with its private key.
//!
//! ```
//! use kinitro_core::crypto::{Open, OpenV2, PrivateKey, Seal, SealV2};
//! use kinitro_core::{DeploymentId, Hotkey, NetUid};
//!
//! let backend = PrivateKey::generate()?;
//! let miner: Hotkey = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY".parse()?;
//! let endpoint: DeploymentId = "380208a9-ad45-f23d-3b1a-11df587fd280".parse()?;
//!
//! let seal = SealV2 { backend: backend.public_key(), netuid: NetUid(26), hotkey: miner };
//! let published = seal.seal(&endpoint)?.to_string();
//! assert_eq!(published.len(), 80);
//!
//! let open = OpenV2 { backend: &backend, netuid: NetUid(26), hotkey: miner };
//! assert_eq!(open.open(&published.parse()?)?, endpoint);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Versions
//! [Version 1](SealV1) is the older one. A miner who copies such a text into their own commitment
//! can pass it off as theirs. [Version 2](SealV2) opens only for the hotkey and the subnet it was
//! sealed for. Both take 64 bytes, or 80 characters of base85; in a commitment, [its
//! tag](SealVersion::tag) tells them apart.
//!
//! # Secrets
//! Private keys and whatever is derived from them are zeroized when they are dropped, and never
//! appear in an error, a log or `Debug` output.

mod base85;
mod key_files;
mod keys;
mod seal;

pub use base85::Base85Error;
pub use key_files::{KeyDirectory, KeyFileError, KeyFiles, load_private_key};
pub use keys::{KeyError, PrivateKey, PublicKey};
pub use seal::{
    CryptoError, Open, OpenV1, OpenV2, Seal, SealV1, SealV2, SealVersion, SealedEndpoint,
    SealedEndpointError,
};
