//! Calls with a fee (remarks and transfers), and the accounts' balances and nonces.

use sp_crypto_hashing::blake2_256;

use super::{Account, Call, DispatchError, Execution, argument, unsupported};
use crate::local::ledger::Ledger;
use crate::local::runtime::Key;
use crate::local::value::{Mismatch, Value};

/// The flat fee of every call that has one, in rao. On a real chain it depends on the call's
/// weight.
const FEE: u64 = 125_000;

fn account(ledger: &Ledger, who: &Account) -> Option<Value> {
    ledger.get("System", "Account", &[Key::Account(who)])
}

fn free(account: &Value) -> u64 {
    account.field("data").and_then(|data| data.field("free")?.as_u64()).unwrap_or(0)
}

/// Sets an account's free balance. The account exists as long as this is above 0.
pub(in crate::local) fn set_free(
    ledger: &mut Ledger,
    who: &Account,
    rao: u64,
) -> Result<(), Mismatch> {
    let old = account(ledger, who);
    let number = |name: &str| old.as_ref().and_then(|old| old.field(name)?.as_u64()).unwrap_or(0);
    // The highest bit marks the newer balance format.
    let data = Value::record([("free", rao.into()), ("flags", (1_u128 << 127).into())]);
    let new = Value::record([
        ("nonce", number("nonce").into()),
        ("providers", u8::from(rao > 0).into()),
        ("data", data),
    ]);
    ledger.put("System", "Account", &[Key::Account(who)], new)
}

/// The number of transactions an account has sent.
pub(in crate::local) fn nonce(ledger: &Ledger, who: &Account) -> u64 {
    account(ledger, who).and_then(|account| account.field("nonce")?.as_u64()).unwrap_or(0)
}

/// Adds 1 to an account's nonce.
pub(in crate::local) fn increment_nonce(
    ledger: &mut Ledger,
    who: &Account,
) -> Result<(), Mismatch> {
    let Some(Value::Record(mut fields)) = account(ledger, who) else { return Ok(()) };
    let next = nonce(ledger, who) + 1;
    let own = fields.iter_mut().filter(|(name, _)| name == "nonce");
    own.for_each(|(_, value)| *value = next.into());
    ledger.put("System", "Account", &[Key::Account(who)], Value::Record(fields))
}

/// Whether an account can pay a fee and a tip.
pub(in crate::local) fn can_pay(ledger: &Ledger, who: &Account, tip: u128) -> bool {
    account(ledger, who).is_some_and(|own| u128::from(free(&own)) >= u128::from(FEE) + tip)
}

/// Deducts the fee and the tip.
pub(in crate::local) fn pay_fee(
    block: &mut Execution,
    who: &Account,
    tip: u128,
) -> Result<(), Mismatch> {
    let tip = u64::try_from(tip).unwrap_or(u64::MAX);
    let fee = FEE.saturating_add(tip);
    let left = account(&block.ledger, who).map_or(0, |own| free(&own)).saturating_sub(fee);
    set_free(&mut block.ledger, who, left)?;
    let paid = [("who", (*who).into()), ("actual_fee", fee.into()), ("tip", tip.into())];
    block.emit("TransactionPayment", "TransactionFeePaid", Value::record(paid))
}

pub(super) fn dispatch(
    block: &mut Execution,
    signer: &Account,
    call: &Call,
) -> Result<(), DispatchError> {
    match call.path() {
        ("System", "remark") => Ok(()),
        ("System", "remark_with_event") => {
            let remark = argument(call, "remark", Value::as_bytes)?;
            let hash = blake2_256(remark);
            let fields = [("sender", (*signer).into()), ("hash", hash.into())];
            Ok(block.emit("System", "Remarked", Value::record(fields))?)
        }
        ("Balances", "transfer_keep_alive" | "transfer_allow_death") => {
            let to = argument(call, "dest", |to| match to {
                Value::Variant(kind, account) if kind == "Id" => account.as_account(),
                _ => None,
            })?;
            transfer(block, signer, &to, argument(call, "value", Value::as_u64)?)
        }
        _ => Err(unsupported()),
    }
}

fn transfer(
    block: &mut Execution,
    from: &Account,
    to: &Account,
    amount: u64,
) -> Result<(), DispatchError> {
    let balance = |block: &Execution, who| account(&block.ledger, who).map_or(0, |own| free(&own));
    let left = balance(block, from)
        .checked_sub(amount)
        .ok_or(DispatchError::Module("Balances", "InsufficientBalance"))?;
    set_free(&mut block.ledger, from, left)?;
    let more = balance(block, to).saturating_add(amount);
    set_free(&mut block.ledger, to, more)?;
    let fields = [("from", (*from).into()), ("to", (*to).into()), ("amount", amount.into())];
    Ok(block.emit("Balances", "Transfer", Value::record(fields))?)
}
