//! The `Commitments` pallet: data that accounts publish on a subnet.

use super::{Account, Call, DispatchError, Execution, argument, unsupported};
use crate::local::runtime::Key;
use crate::local::subnet::Subnet;
use crate::local::value::Value;

const PALLET: &str = "Commitments";

/// The minimum number of bytes counted for a commitment, however short it is.
const LEAST_SPACE: u64 = 100;

pub(super) fn dispatch(
    block: &mut Execution,
    signer: &Account,
    call: &Call,
) -> Result<(), DispatchError> {
    match call.name.as_str() {
        "set_commitment" => set_commitment(block, signer, call),
        "set_max_space" => Err(DispatchError::BadOrigin),
        _ => Err(unsupported()),
    }
}

fn set_commitment(
    block: &mut Execution,
    signer: &Account,
    call: &Call,
) -> Result<(), DispatchError> {
    let netuid = argument(call, "netuid", Value::as_netuid)?;
    let info = argument(call, "info", Some)?;
    let ledger = &mut block.ledger;
    let subnet = Subnet { ledger, netuid };
    if subnet.uid(signer).is_none() {
        return Err(DispatchError::Module(PALLET, "AccountNotAllowedCommit"));
    }
    let fields = info.as_list().unwrap_or_default();
    let most = ledger.runtime.constant(PALLET, "MaxFields").and_then(|value| value.as_u64());
    if fields.len() as u64 > most.unwrap_or(u64::MAX) {
        return Err(DispatchError::Module(PALLET, "TooManyFieldsInCommitmentInfo"));
    }

    let keys = [Key::subnet(netuid), Key::Account(signer)];
    let epoch = subnet.epoch_state(block.number - 1).epoch_of_next();
    let usage = ledger.get(PALLET, "UsedSpaceOf", &keys);
    let used = usage
        .as_ref()
        .filter(|usage| usage.field("last_epoch").and_then(Value::as_u64) == Some(epoch));
    let used = used.and_then(|usage| usage.field("used_space")?.as_u64()).unwrap_or(0);
    let used = used + fields.iter().map(length).sum::<u64>().max(LEAST_SPACE);
    if used > ledger.number(PALLET, "MaxSpace", &[]) {
        return Err(DispatchError::Module(PALLET, "SpaceLimitExceeded"));
    }
    let usage = Value::record([("last_epoch", epoch.into()), ("used_space", used.into())]);
    ledger.put(PALLET, "UsedSpaceOf", &keys, usage)?;

    let registration = Value::record([("block", block.number.into()), ("info", info.clone())]);
    ledger.put(PALLET, "CommitmentOf", &keys, registration)?;
    ledger.put(PALLET, "LastCommitment", &keys, block.number)?;
    let event = Value::record([("netuid", netuid.into()), ("who", (*signer).into())]);
    block.emit(PALLET, "Commitment", event)?;
    Ok(())
}

/// The number of bytes counted for a field.
fn length(field: &Value) -> u64 {
    let Value::Variant(kind, content) = field else { return 0 };
    let content = match kind.as_str() {
        "TimelockEncrypted" => content.field("encrypted").and_then(Value::as_bytes),
        _ => content.as_bytes(),
    };
    content.map_or(0, |bytes| bytes.len() as u64)
}
