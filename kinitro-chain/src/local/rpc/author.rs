//! `author_*`: transactions.

use std::sync::Arc;

use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::server::RegisterMethodError;
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value as Json, json, value::to_raw_value};
use sp_crypto_hashing::blake2_256;
use tokio::sync::mpsc::UnboundedReceiver;

use super::{Answer, Module, Shared, from_hex, hex, parameters, parsed};
use crate::local::extrinsic::Invalid;
use crate::local::faults::CutOnSubmit;
use crate::local::pool::{Rejected, Status};

pub(super) fn register(module: &mut Module) -> Result<(), RegisterMethodError> {
    module.register_method("author_submitExtrinsic", |params, shared, _| {
        let [bytes] = parameters::<1>(&params)?;
        let (hash, _) = submit(shared, &from_hex(&parsed::<String>(&bytes)?)?)?;
        Answer::Ok(hash)
    })?;
    module.register_method("author_pendingExtrinsics", |_, shared, _| {
        let node = shared.node();
        let transactions = node.pool.transactions();
        transactions.into_iter().map(|transaction| hex(&transaction.bytes)).collect::<Vec<_>>()
    })?;
    module.register_subscription(
        "author_submitAndWatchExtrinsic",
        "author_extrinsicUpdate",
        "author_unwatchExtrinsic",
        |params, pending, shared, _| {
            let bytes =
                parameters::<1>(&params).and_then(|[bytes]| from_hex(&parsed::<String>(&bytes)?));
            submit_and_watch(bytes, pending, shared)
        },
    )?;
    Ok(())
}

/// Adds a transaction to the pool, unless the connections are cut first.
fn submit(shared: &Shared, bytes: &[u8]) -> Answer<(String, UnboundedReceiver<Status>)> {
    let cut = shared.faults.take_cut_on_submit();
    if cut == Some(CutOnSubmit::BeforePool) {
        shared.faults.cut();
        // The caller's connection is gone, so this answer reaches no one.
        return Err(ErrorObjectOwned::owned(-32603, "the connection was cut", None::<()>));
    }
    let hash = blake2_256(bytes);
    let result = {
        let mut node = shared.node();
        let statuses = node.pool.watch(hash);
        match node.submit(bytes) {
            Ok(hash) => Ok((hex(hash), statuses)),
            Err(error) => {
                drop(statuses);
                node.pool.unwatch(&hash);
                Err(rejection(&error))
            }
        }
    };
    if cut == Some(CutOnSubmit::AfterPool) {
        shared.faults.cut();
    }
    result
}

async fn submit_and_watch(
    bytes: Answer<Vec<u8>>,
    pending: PendingSubscriptionSink,
    shared: Arc<Shared>,
) {
    let submitted = match bytes {
        Ok(bytes) => submit(&shared, &bytes),
        Err(error) => Err(error),
    };
    let mut statuses = match submitted {
        Ok((_, statuses)) => statuses,
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else { return };
    loop {
        tokio::select! {
            () = sink.closed() => return,
            status = statuses.recv() => {
                let Some(status) = status else { return };
                let Ok(message) = to_raw_value(&told(&status)) else { return };
                if sink.send(message).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn told(status: &Status) -> Json {
    match status {
        Status::Future => json!("future"),
        Status::Ready => json!("ready"),
        Status::Invalid => json!("invalid"),
        Status::InBlock(hash) => json!({ "inBlock": hex(hash) }),
        Status::Retracted(hash) => json!({ "retracted": hex(hash) }),
        Status::Finalized(hash) => json!({ "finalized": hex(hash) }),
        Status::Usurped(hash) => json!({ "usurped": hex(hash) }),
    }
}

/// The pool's refusal, with the error codes and messages of a real node.
fn rejection(rejected: &Rejected) -> ErrorObjectOwned {
    let error =
        |code, message: &str, data: Json| ErrorObjectOwned::owned(code, message, Some(data));
    let transaction = |data: String| error(1010, "Invalid Transaction", data.into());
    match rejected {
        Rejected::Invalid(invalid) => match invalid {
            Invalid::Format(why) => {
                let message = format!("Extrinsic has invalid format: {why}");
                ErrorObjectOwned::owned(1001, message, None::<()>)
            }
            Invalid::Unknown(name) => {
                error(1011, "Unknown Transaction Validity", json!({ *name: null }))
            }
            Invalid::Custom(number) => transaction(format!("Custom error: {number}")),
            Invalid::Payment => {
                transaction("Inability to pay some fees (e.g. account balance too low)".to_owned())
            }
            Invalid::Stale => transaction("Transaction is outdated".to_owned()),
            Invalid::BadProof => transaction("Transaction has a bad signature".to_owned()),
            Invalid::AncientBirthBlock => {
                transaction("Transaction has an ancient birth block".to_owned())
            }
        },
        Rejected::AlreadyImported(hash) => {
            error(1013, "Transaction Already Imported", hex(hash).into())
        }
        Rejected::TooLowPriority { old, new } => error(
            1014,
            &format!("Priority is too low: ({old} vs {new})"),
            json!(
                "The transaction has too low priority to replace another transaction already in \
                 the pool."
            ),
        ),
    }
}
