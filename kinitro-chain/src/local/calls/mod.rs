//! The calls that transactions can make, with the same outcome as on a real chain.

mod balances;
mod commitments;
mod weights;

pub(super) use balances::{can_pay, increment_nonce, nonce, pay_fee, set_free};
pub(super) use weights::{open_commits, pending_rounds};

use super::Account;
use super::execution::{DispatchError, Execution, Pays};
use super::extrinsic::{Call, Invalid};
use super::ledger::Ledger;
use super::value::{Mismatch, Value};

/// Whether the sender of a call pays for it.
pub(super) fn pays(call: &Call) -> Pays {
    match call.path() {
        ("Commitments" | "SubtensorModule", _) => Pays::No,
        _ => Pays::Yes,
    }
}

/// The runtime's checks before a transaction enters the pool.
pub(super) fn validate(ledger: &Ledger, signer: &Account, call: &Call) -> Result<(), Invalid> {
    match call.path() {
        ("SubtensorModule", _) => weights::validate(ledger, signer, call),
        _ => Ok(()),
    }
}

/// Executes a call.
pub(super) fn dispatch(
    block: &mut Execution,
    signer: &Account,
    call: &Call,
) -> Result<(), DispatchError> {
    match call.path() {
        ("Commitments", _) => commitments::dispatch(block, signer, call),
        ("SubtensorModule", _) => weights::dispatch(block, signer, call),
        ("System" | "Balances", _) => balances::dispatch(block, signer, call),
        _ => Err(unsupported()),
    }
}

/// The error for filtered calls. This chain supports only the calls that Kinitro and its tests
/// need.
fn unsupported() -> DispatchError {
    DispatchError::Module("System", "CallFiltered")
}

fn argument<'a, T>(
    call: &'a Call,
    name: &str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, Mismatch> {
    call.argument(name).and_then(read).ok_or_else(|| {
        Mismatch::new(format_args!("{}.{} has no argument {name}", call.pallet, call.name))
    })
}
