//! The operator's client of a local chain in another process.

use std::fmt;

use jsonrpsee::core::client::{ClientT, Error};
use jsonrpsee::core::traits::ToRpcParams;
use jsonrpsee::rpc_params;
use jsonrpsee::types::error::METHOD_NOT_FOUND_CODE;
use jsonrpsee::ws_client::{WsClient, WsClientBuilder};
use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid};
use serde::de::DeserializeOwned;

use super::admin::LocalStatus;
use crate::subnet::Rao;

/// A local chain that runs in another process.
#[derive(Debug)]
pub struct RemoteLocalChain {
    client: WsClient,
    address: String,
}

/// Why a local chain in another process did not carry out a request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// Nothing answers at that address.
    #[error("no chain answers at {address}")]
    Unreachable {
        /// The address of the node.
        address: String,
        /// The underlying error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A node answers, but it is not a local chain: its state cannot be changed this way.
    #[error("the node at {address} is no local chain of Kinitro")]
    NotLocal {
        /// The address of the node.
        address: String,
    },
    /// The chain refused the request, for this reason.
    #[error("{0}")]
    Refused(String),
    /// The answer has an unexpected format.
    #[error("the local chain at {address} answers something else than was asked for")]
    Protocol {
        /// The address of the node.
        address: String,
        /// The underlying error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl RemoteLocalChain {
    /// Connects to a `ws://` address and checks that a local chain answers there.
    ///
    /// # Errors
    /// [`RemoteError`]. This holds for all methods that follow.
    pub async fn connect(address: impl fmt::Display) -> Result<Self, RemoteError> {
        let address = address.to_string();
        match WsClientBuilder::default().build(&address).await {
            Ok(client) => {
                let chain = Self { client, address };
                chain.status().await?;
                Ok(chain)
            }
            Err(source) => Err(RemoteError::Unreachable { address, source: Box::new(source) }),
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        parameters: impl ToRpcParams + Send,
    ) -> Result<T, RemoteError> {
        let address = || self.address.clone();
        self.client.request(method, parameters).await.map_err(|error| match error {
            Error::Call(refusal) if refusal.code() == METHOD_NOT_FOUND_CODE => {
                RemoteError::NotLocal { address: address() }
            }
            Error::Call(refusal) => RemoteError::Refused(refusal.message().to_owned()),
            Error::ParseError(source) => {
                RemoteError::Protocol { address: address(), source: Box::new(source) }
            }
            source => RemoteError::Unreachable { address: address(), source: Box::new(source) },
        })
    }

    /// See [`LocalChain::status`](super::LocalChain::status).
    pub async fn status(&self) -> Result<LocalStatus, RemoteError> {
        self.call("kinitro_status", rpc_params![]).await
    }

    /// See [`LocalChain::register`](super::LocalChain::register).
    pub async fn register(
        &self,
        hotkey: &Hotkey,
        coldkey: &Coldkey,
    ) -> Result<MinerUid, RemoteError> {
        self.call("kinitro_register", rpc_params![hotkey, coldkey]).await.map(MinerUid)
    }

    /// See [`LocalChain::set_permit`](super::LocalChain::set_permit).
    pub async fn set_permit(&self, hotkey: &Hotkey, permit: bool) -> Result<(), RemoteError> {
        self.call("kinitro_setPermit", rpc_params![hotkey, permit]).await
    }

    /// See [`LocalChain::set_stake`](super::LocalChain::set_stake).
    pub async fn set_stake(&self, hotkey: &Hotkey, stake: Rao) -> Result<(), RemoteError> {
        self.call("kinitro_setStake", rpc_params![hotkey, stake]).await
    }

    /// See [`LocalChain::set_hyperparameter`](super::LocalChain::set_hyperparameter).
    pub async fn set_hyperparameter(&self, name: &str, value: &str) -> Result<(), RemoteError> {
        self.call("kinitro_setHyperparameter", rpc_params![name, value]).await
    }

    /// See [`LocalChain::advance`](super::LocalChain::advance).
    pub async fn advance(&self, blocks: u64) -> Result<BlockNumber, RemoteError> {
        self.call("kinitro_advance", rpc_params![blocks]).await.map(BlockNumber)
    }
}
