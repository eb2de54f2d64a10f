//! What transactions can ask for, and what a real chain would answer.

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

/// What the runtime checks before a transaction gets into the pool.
pub(super) fn validate(ledger: &Ledger, signer: &Account, call: &Call) -> Result<(), Invalid> {
    match call.path() {
        ("SubtensorModule", _) => weights::validate(ledger, signer, call),
        _ => Ok(()),
    }
}

/// Carries a call out.
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

/// What a chain says that does not let a call through. This one knows the calls that Kinitro and
/// the tests of it need.
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
