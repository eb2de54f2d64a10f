//! What a hotkey has published on a subnet, and the backend's key in particular.
//!
//! A backend publishes the key that miners seal their endpoints for. Miners look it up by the
//! backend's hotkey.
//!
//! ```
//! use kinitro_chain::published::{KeyPublished, backend_key, publish_backend_key};
//! use kinitro_chain::wallet::Keypair;
//! use kinitro_chain::{MemoryChain, Signer as _};
//! use kinitro_core::crypto::PrivateKey;
//! use kinitro_core::{Coldkey, NetUid};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let (chain, netuid) = (MemoryChain::new(), NetUid(26));
//! chain.add_subnet(netuid);
//! let backend = Keypair::from_uri("//Alice")?;
//! chain.register(netuid, backend.hotkey(), Coldkey::from_account_id([1; 32]))?;
//!
//! let key = PrivateKey::generate()?.public_key();
//! publish_backend_key(&chain, netuid, &backend, key).await?;
//! assert_eq!(backend_key(&chain, netuid, backend.hotkey()).await?, key);
//!
//! // Publishing the same key again would only cost a transaction.
//! let again = publish_backend_key(&chain, netuid, &backend, key).await?;
//! assert!(matches!(again, KeyPublished::Already { .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use kinitro_core::crypto::PublicKey;
use kinitro_core::{BlockNumber, Hotkey, NetUid};

use crate::block::Inclusion;
use crate::chain::Chain;
use crate::commitment::{CommitmentData, Published, Reading, read_all};
use crate::error::ChainError;
use crate::signer::Signer;

/// Why the backend's key could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendKeyError {
    /// The hotkey has published nothing on the subnet.
    #[error("{backend} has published nothing on subnet {netuid}")]
    Nothing {
        /// The hotkey that was looked up.
        backend: Hotkey,
        /// The subnet.
        netuid: NetUid,
    },
    /// The hotkey has published something other than a key.
    #[error("what {backend} has published on subnet {netuid} is no key")]
    NotAKey {
        /// The hotkey that was looked up.
        backend: Hotkey,
        /// The subnet.
        netuid: NetUid,
    },
    /// The chain could not be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What became of a backend's key that was to be published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPublished {
    /// The same key was published before, so nothing was sent.
    Already {
        /// The block it was published in.
        block: BlockNumber,
    },
    /// The key was published now.
    Now(Inclusion),
}

/// What a hotkey has published on a subnet; `None` if it has published nothing.
///
/// # Errors
/// [`ChainError`] if the chain cannot be read.
pub async fn published_by(
    chain: &dyn Chain,
    netuid: NetUid,
    hotkey: Hotkey,
) -> Result<Option<Reading>, ChainError> {
    let commitments = chain.commitments(netuid).await?.value;
    Ok(read_all(&commitments).into_iter().find(|reading| reading.hotkey == hotkey))
}

/// The key that a backend has published on a subnet.
///
/// # Errors
/// [`BackendKeyError`].
pub async fn backend_key(
    chain: &dyn Chain,
    netuid: NetUid,
    backend: Hotkey,
) -> Result<PublicKey, BackendKeyError> {
    let reading = published_by(chain, netuid, backend)
        .await?
        .ok_or(BackendKeyError::Nothing { backend, netuid })?;
    let key = reading.published.ok().and_then(|published| published.backend_key());
    key.ok_or(BackendKeyError::NotAKey { backend, netuid })
}

/// Publishes a backend's key in place of what `signer` published last, unless that is the same key.
///
/// # Errors
/// Those of [`Chain::commit`].
pub async fn publish_backend_key(
    chain: &dyn Chain,
    netuid: NetUid,
    signer: &dyn Signer,
    key: PublicKey,
) -> Result<KeyPublished, ChainError> {
    if let Some(current) = published_by(chain, netuid, signer.hotkey()).await?
        && current.published == Ok(Published::BackendKey(key))
    {
        return Ok(KeyPublished::Already { block: current.block });
    }
    let inclusion = chain.commit(netuid, signer, &CommitmentData::from(key)).await?;
    Ok(KeyPublished::Now(inclusion))
}

#[cfg(test)]
mod tests {
    use kinitro_core::Coldkey;
    use kinitro_core::crypto::PrivateKey;

    use super::*;
    use crate::memory::MemoryChain;
    use crate::wallet::Keypair;

    const NETUID: NetUid = NetUid(26);

    fn stage() -> (MemoryChain, Keypair) {
        let chain = MemoryChain::new();
        chain.add_subnet(NETUID);
        let backend = Keypair::from_uri("//Alice").unwrap();
        let owner = Coldkey::from_account_id([1; 32]);
        chain.register(NETUID, backend.hotkey(), owner).unwrap();
        (chain, backend)
    }

    fn key(byte: u8) -> PublicKey {
        PrivateKey::from_hex(&format!("{byte:02x}").repeat(32)).unwrap().public_key()
    }

    #[tokio::test]
    async fn a_key_is_published_once_until_it_changes() {
        let (chain, backend) = stage();
        let first = publish_backend_key(&chain, NETUID, &backend, key(1)).await.unwrap();
        let KeyPublished::Now(inclusion) = first else { panic!("{first:?}") };
        let block = inclusion.block.number;
        let again = publish_backend_key(&chain, NETUID, &backend, key(1)).await.unwrap();
        assert_eq!(again, KeyPublished::Already { block });
        let found = published_by(&chain, NETUID, backend.hotkey()).await.unwrap().unwrap();
        assert_eq!(found.block, block, "nothing was sent");
        let other = publish_backend_key(&chain, NETUID, &backend, key(2)).await.unwrap();
        assert!(matches!(other, KeyPublished::Now(_)), "{other:?}");
        let found = backend_key(&chain, NETUID, backend.hotkey()).await.unwrap();
        assert_eq!(found, key(2));
    }

    #[tokio::test]
    async fn who_has_published_no_key_is_told_from_who_has_published_nothing() {
        let (chain, backend) = stage();
        let hotkey = backend.hotkey();
        let error = backend_key(&chain, NETUID, hotkey).await.unwrap_err();
        assert!(matches!(error, BackendKeyError::Nothing { .. }), "{error:?}");
        let data = CommitmentData::new("alice/reach:0123abcd:http://192.0.2.7:8000").unwrap();
        chain.commit(NETUID, &backend, &data).await.unwrap();
        let error = backend_key(&chain, NETUID, hotkey).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("what {hotkey} has published on subnet 26 is no key")
        );
        let error = backend_key(&chain, NetUid(27), hotkey).await.unwrap_err();
        assert!(matches!(error, BackendKeyError::Chain(_)), "{error:?}");
    }
}
