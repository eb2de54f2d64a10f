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
    /// A Basilica deployment that everyone can see.
    Deployment(DeploymentId),
    /// A policy server at any URL, for instance on a local network.
    Url(EndpointUrl),
    /// A Basilica deployment that only the backend can see.
    Sealed {
        /// The version of the sealing scheme.
        version: SealVersion,
        /// The sealed deployment id.
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

    /// The base URL of the policy server, without a trailing slash; `None` if the endpoint is sealed.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Deployment(id) => Some(id.url()),
            Self::Url(url) => Some(url.base().to_owned()),
            Self::Sealed { .. } => None,
        }
    }

    /// The base URL of the policy server, opened with the backend's key if the endpoint is sealed.
    /// `netuid` and `hotkey` say on which subnet and by which miner it was published.
    ///
    /// # Errors
    /// Those of [`Open::open`] if it was not sealed for this backend, or by another miner.
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
