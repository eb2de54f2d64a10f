//! Where a miner's policy runs.

use kinitro_core::crypto::{
    CryptoError, Open, OpenV1, OpenV2, PrivateKey, Seal, SealVersion, SealedEndpoint,
};
use kinitro_core::{DeploymentId, Hotkey, NetUid};
use serde::{Deserialize, Serialize};

use super::parts::EndpointUrl;

/// Where a miner's policy runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
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
