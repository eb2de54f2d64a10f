//! Sealing and opening endpoints, in the version that was asked for.

use kinitro_core::crypto::{Open, OpenV1, OpenV2, PrivateKey, PublicKey, Seal, SealV1, SealV2};
use kinitro_core::{Hotkey, NetUid};

pub(crate) fn sealer(
    version: u8,
    backend: PublicKey,
    netuid: NetUid,
    hotkey: Hotkey,
) -> Box<dyn Seal> {
    if version == 1 {
        Box::new(SealV1 { backend })
    } else {
        Box::new(SealV2 { backend, netuid, hotkey })
    }
}

pub(crate) fn opener(
    version: u8,
    backend: &PrivateKey,
    netuid: NetUid,
    hotkey: Hotkey,
) -> Box<dyn Open + '_> {
    if version == 1 {
        Box::new(OpenV1 { backend })
    } else {
        Box::new(OpenV2 { backend, netuid, hotkey })
    }
}
