//! What hotkeys have published.

use kinitro_chain::commitment::{CommitmentData, Published, Reading, read_all};
use kinitro_chain::{Chain as _, Signer, Subtensor};
use kinitro_core::crypto::PublicKey;
use kinitro_core::{Hotkey, NetUid};

use crate::failure::{Code, Failure};
use crate::output::to_stderr;

/// What a hotkey has published.
pub(crate) async fn published_by(
    chain: &Subtensor,
    netuid: NetUid,
    hotkey: Hotkey,
) -> Result<Option<Reading>, Failure> {
    let commitments = chain.commitments(netuid).await?.value;
    Ok(read_all(&commitments).into_iter().find(|reading| reading.hotkey == hotkey))
}

/// The key that a backend has published.
pub(crate) async fn backend_key(
    chain: &Subtensor,
    netuid: NetUid,
    backend: Hotkey,
) -> Result<PublicKey, Failure> {
    let hint = "the backend publishes it with `kinitro crypto publish-public-key`";
    let published = published_by(chain, netuid, backend).await?.map(|reading| reading.published);
    match published {
        Some(Ok(Published::BackendKey(key))) => Ok(key),
        Some(_) => {
            let message = format_args!("what {backend} has published on subnet {netuid} is no key");
            Err(Failure::new(Code::Failed, message).hint(hint))
        }
        None => {
            let message = format_args!("{backend} has published nothing on subnet {netuid}");
            Err(Failure::new(Code::Failed, message).hint(hint))
        }
    }
}

/// Publishes the key of a backend.
pub(crate) async fn publish_key(
    chain: &Subtensor,
    netuid: NetUid,
    signer: &dyn Signer,
    key: PublicKey,
) -> Result<(), Failure> {
    let current = published_by(chain, netuid, signer.hotkey()).await?;
    if let Some(Ok(Published::BackendKey(published))) = current.map(|reading| reading.published)
        && published == key
    {
        to_stderr("the key is published already");
        return Ok(());
    }
    let inclusion = chain.commit(netuid, signer, &CommitmentData::new(key.to_string())?).await?;
    to_stderr(format_args!("published in block {}", inclusion.block.number));
    Ok(())
}
