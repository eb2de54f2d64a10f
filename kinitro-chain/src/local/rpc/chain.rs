//! `chain_*`: blocks.

use std::sync::Arc;

use jsonrpsee::PendingSubscriptionSink;
use jsonrpsee::server::RegisterMethodError;
use serde_json::{Value as Json, json, value::to_raw_value};
use tokio::sync::broadcast::error::RecvError;

use super::{Answer, Module, Shared, block_at, header, hex, parameters, parsed};
use crate::local::block::Block;
use crate::local::node::{Node, Notice};

pub(super) fn register(module: &mut Module) -> Result<(), RegisterMethodError> {
    module.register_method("chain_getBlockHash", |params, shared, _| {
        let [numbers] = parameters::<1>(&params)?;
        let node = shared.node();
        Answer::Ok(match &numbers {
            Json::Array(numbers) => {
                Json::Array(numbers.iter().map(|n| hash_at(&node, n)).collect::<Answer<_>>()?)
            }
            number => hash_at(&node, number)?,
        })
    })?;
    module.register_alias("chain_getHead", "chain_getBlockHash")?;
    module.register_method("chain_getFinalizedHead", |_, shared, _| {
        hex(shared.node().blocks.finalized().hash)
    })?;
    module.register_alias("chain_getFinalisedHead", "chain_getFinalizedHead")?;
    module.register_method("chain_getHeader", |params, shared, _| {
        let [at] = parameters::<1>(&params)?;
        Answer::Ok(block_at(&shared.node(), &at).ok().map(|block| header(block)))
    })?;
    module.register_method("chain_getBlock", |params, shared, _| {
        let [at] = parameters::<1>(&params)?;
        let node = shared.node();
        Answer::Ok(block_at(&node, &at).ok().map(|block| {
            let extrinsics: Vec<String> = block.extrinsics.iter().map(hex).collect();
            let body = json!({ "header": header(block), "extrinsics": extrinsics });
            json!({ "block": body, "justifications": null })
        }))
    })?;

    let subscriptions = [
        ("chain_subscribeNewHeads", "chain_newHead", "chain_unsubscribeNewHeads", false),
        ("chain_subscribeNewHead", "chain_newHead", "chain_unsubscribeNewHead", false),
        ("chain_subscribeAllHeads", "chain_allHead", "chain_unsubscribeAllHeads", false),
        (
            "chain_subscribeFinalizedHeads",
            "chain_finalizedHead",
            "chain_unsubscribeFinalizedHeads",
            true,
        ),
    ];
    for (subscribe, notification, unsubscribe, finalized) in subscriptions {
        module.register_subscription(
            subscribe,
            notification,
            unsubscribe,
            move |_, pending, shared, _| heads(pending, shared, finalized),
        )?;
    }
    Ok(())
}

/// The hash of the block with a given number, which may be in hexadecimal, or of the best block if
/// there is no number.
fn hash_at(node: &Node, number: &Json) -> Answer<Json> {
    let number = match number {
        Json::Null => Some(node.blocks.best().number),
        Json::String(text) => {
            let digits = text.strip_prefix("0x").unwrap_or(text);
            u64::from_str_radix(digits, 16).ok()
        }
        number => Some(parsed(number)?),
    };
    let hash = match number {
        // The reported genesis hash, which the operator can change.
        Some(0) => Some(node.genesis),
        Some(number) => node.blocks.hash_at(number),
        None => None,
    };
    Ok(hash.map_or(Json::Null, |hash| hex(hash).into()))
}

/// Sends a subscriber the newest head and every later one.
async fn heads(pending: PendingSubscriptionSink, shared: Arc<Shared>, finalized: bool) {
    let (mut notices, newest) = {
        let node = shared.node();
        let newest = if finalized { node.blocks.finalized() } else { node.blocks.best() };
        (node.subscribe(), Arc::clone(newest))
    };
    let Ok(sink) = pending.accept().await else { return };
    let mut next: Option<Arc<Block>> = Some(newest);
    loop {
        if let Some(block) = next.take() {
            let Ok(message) = to_raw_value(&header(&block)) else { return };
            if sink.send(message).await.is_err() {
                return;
            }
        }
        tokio::select! {
            () = sink.closed() => return,
            notice = notices.recv() => match notice {
                Ok(Notice::Best(block)) if !finalized => next = Some(block),
                Ok(Notice::Finalized(block)) if finalized => next = Some(block),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}
