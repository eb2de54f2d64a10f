//! `state_*`: storage, the runtime and its functions.

use std::sync::Arc;

use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::server::RegisterMethodError;
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value as Json, json, value::to_raw_value};
use tokio::sync::broadcast::error::RecvError;

use super::{Answer, Module, Shared, block_at, client_error, from_hex, hex, parameters, parsed};
use crate::local::api::{CallError, Valid, View};
use crate::local::block::Block;
use crate::local::calls::nonce;
use crate::local::ledger::Ledger;
use crate::local::node::{Node, Notice};
use crate::local::runtime::Runtime;
use crate::local::value::Value;

/// The maximum number of keys in one answer, as on a real node.
const MOST_KEYS: usize = 1000;

pub(super) fn register(module: &mut Module) -> Result<(), RegisterMethodError> {
    module.register_method("state_getStorage", |params, shared, _| {
        let [key, at] = parameters::<2>(&params)?;
        let node = shared.node();
        let (_, ledger) = state_at(&node, &at)?;
        Answer::Ok(ledger.raw(&key_of(&key)?).map(hex))
    })?;
    module.register_alias("state_getStorageAt", "state_getStorage")?;
    module.register_method("state_getStorageSize", |params, shared, _| {
        let [key, at] = parameters::<2>(&params)?;
        let node = shared.node();
        let (_, ledger) = state_at(&node, &at)?;
        Answer::Ok(ledger.raw(&key_of(&key)?).map(<[u8]>::len))
    })?;
    module.register_method("state_getKeysPaged", |params, shared, _| {
        let [prefix, count, start, at] = parameters::<4>(&params)?;
        let count: usize = parsed(&count)?;
        if count > MOST_KEYS {
            let message = format!("count exceeds maximum value. value: {count}, max: {MOST_KEYS}");
            return Err(ErrorObjectOwned::owned(4002, message, None::<()>));
        }
        let prefix = from_hex(&parsed::<Option<String>>(&prefix)?.unwrap_or_default())?;
        let start = parsed::<Option<String>>(&start)?;
        let start = start.map(|start| from_hex(&start)).transpose()?;
        let node = shared.node();
        let (_, ledger) = state_at(&node, &at)?;
        let keys = ledger.keys(&prefix, start.as_deref()).take(count).map(hex);
        Ok(keys.collect::<Vec<_>>())
    })?;
    module.register_method("state_queryStorageAt", |params, shared, _| {
        let [keys, at] = parameters::<2>(&params)?;
        let node = shared.node();
        let (block, ledger) = state_at(&node, &at)?;
        let changes = changes(ledger, &parsed::<Vec<String>>(&keys)?)?;
        Answer::Ok(json!([{ "block": hex(block.hash), "changes": changes }]))
    })?;
    module.register_method("state_getMetadata", |params, shared, _| {
        let [at] = parameters::<1>(&params)?;
        let node = shared.node();
        let (_, ledger) = state_at(&node, &at)?;
        Answer::Ok(hex(ledger.runtime.encoded(14).unwrap_or_default()))
    })?;
    module.register_method("state_getRuntimeVersion", |params, shared, _| {
        let [at] = parameters::<1>(&params)?;
        let node = shared.node();
        Answer::Ok(version(&state_at(&node, &at)?.1.runtime))
    })?;
    module.register_alias("chain_getRuntimeVersion", "state_getRuntimeVersion")?;
    module.register_method("state_call", |params, shared, _| {
        let [function, arguments, at] = parameters::<3>(&params)?;
        let arguments = from_hex(&parsed::<String>(&arguments)?)?;
        let answer = call(&shared.node(), &parsed::<String>(&function)?, &arguments, &at)?;
        Answer::Ok(hex(answer))
    })?;
    module.register_alias("state_callAt", "state_call")?;
    module.register_subscription(
        "state_subscribeRuntimeVersion",
        "state_runtimeVersion",
        "state_unsubscribeRuntimeVersion",
        |_, pending, shared, _| versions(pending, shared),
    )?;
    module.register_alias("chain_subscribeRuntimeVersion", "state_subscribeRuntimeVersion")?;
    module.register_alias("chain_unsubscribeRuntimeVersion", "state_unsubscribeRuntimeVersion")?;
    module.register_subscription(
        "state_subscribeStorage",
        "state_storage",
        "state_unsubscribeStorage",
        |params, pending, shared, _| {
            let keys = parameters::<1>(&params).and_then(|[keys]| parsed(&keys));
            watch_storage(keys, pending, shared)
        },
    )?;
    Ok(())
}

/// A block and the state after it.
fn state_at<'a>(node: &'a Node, at: &Json) -> Answer<(&'a Arc<Block>, &'a Ledger)> {
    let block = block_at(node, at)?;
    let ledger = node.blocks.state(&block.hash).ok_or_else(|| {
        client_error(format_args!("UnknownBlock: State already discarded for {}", hex(block.hash)))
    })?;
    Ok((block, ledger))
}

fn key_of(key: &Json) -> Answer<Vec<u8>> {
    from_hex(&parsed::<String>(key)?)
}

/// Keys with their values, in the form used by bulk storage queries.
fn changes(ledger: &Ledger, keys: &[String]) -> Answer<Vec<(String, Option<String>)>> {
    let change = |key: &String| Ok((key.clone(), ledger.raw(&from_hex(key)?).map(hex)));
    keys.iter().map(change).collect()
}

fn call(node: &Node, function: &str, arguments: &[u8], at: &Json) -> Answer<Vec<u8>> {
    let (block, ledger) = state_at(node, at)?;
    let next = node.blocks.best().number + 1;
    let validate = |bytes: &[u8]| {
        let transaction = node.validate(bytes)?;
        let death = transaction.death(next);
        Ok(Valid {
            signer: transaction.signer,
            nonce: transaction.nonce,
            on_chain: nonce(node.ledger(), &transaction.signer),
            tip: transaction.tip,
            longevity: if death == u64::MAX { death } else { death - next },
        })
    };
    let view = View { ledger, number: block.number, hash: block.hash, validate: &validate };
    view.call(function, arguments).map_err(|error| match error {
        CallError::Unknown(_) => client_error(format_args!(
            "Execution failed: Other error happened while constructing the runtime: {error}"
        )),
        error => client_error(format_args!("Execution failed: {error}")),
    })
}

/// A runtime's version as it is sent to clients.
fn version(runtime: &Runtime) -> Json {
    let (version, _) = runtime.version();
    let text = |name: &str| match version.field(name) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    let number = |name: &str| runtime.version_number(name);
    let apis = version.field("apis").and_then(Value::as_list).unwrap_or_default();
    let apis: Vec<Json> = apis
        .iter()
        .filter_map(|api| match api.as_list()? {
            [id, version] => Some(json!([hex(id.as_bytes()?), version.as_u64()?])),
            _ => None,
        })
        .collect();
    json!({
        "specName": text("spec_name"),
        "implName": text("impl_name"),
        "authoringVersion": number("authoring_version"),
        "specVersion": number("spec_version"),
        "implVersion": number("impl_version"),
        "apis": apis,
        "transactionVersion": number("transaction_version"),
        "systemVersion": number("system_version"),
        "stateVersion": number("system_version"),
    })
}

async fn versions(pending: PendingSubscriptionSink, shared: Arc<Shared>) {
    let (mut notices, mut next) = {
        let node = shared.node();
        (node.subscribe(), Some(version(node.runtime())))
    };
    let Ok(sink) = pending.accept().await else { return };
    loop {
        if let Some(version) = next.take() {
            let Ok(message) = to_raw_value(&version) else { return };
            if sink.send(message).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = sink.closed() => return,
            notice = notices.recv() => match notice {
                Ok(Notice::Runtime(runtime)) => next = Some(version(&runtime)),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

/// Sends a subscriber the values of some keys, and then every change to them.
async fn watch_storage(
    keys: Answer<Vec<String>>,
    pending: PendingSubscriptionSink,
    shared: Arc<Shared>,
) {
    let first = keys.and_then(|keys| {
        let node = shared.node();
        let values = changes(node.ledger(), &keys)?;
        Ok((node.subscribe(), keys, node.blocks.best().hash, values))
    });
    let (mut notices, keys, mut hash, mut values) = match first {
        Ok(first) => first,
        Err(error) => return pending.reject(error).await,
    };
    let Ok(sink) = pending.accept().await else { return };
    let mut changed = values.clone();
    loop {
        if !changed.is_empty() {
            let message = json!({ "block": hex(hash), "changes": changed });
            let Ok(message) = to_raw_value(&message) else { return };
            if sink.send(message).await.is_err() {
                return;
            }
            changed.clear();
        }
        tokio::select! {
            () = sink.closed() => return,
            notice = notices.recv() => match notice {
                Ok(Notice::Best(block)) => {
                    let node = shared.node();
                    let Some(ledger) = node.blocks.state(&block.hash) else { continue };
                    let Ok(new) = changes(ledger, &keys) else { return };
                    hash = block.hash;
                    let pairs = new.iter().zip(&values).filter(|(new, old)| new != old);
                    changed = pairs.map(|(new, _)| new.clone()).collect();
                    values = new;
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
