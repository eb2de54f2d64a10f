//! The JSON-RPC methods: those of a Substrate node, plus a few specific to this chain.

mod admin;
mod author;
mod chain;
mod state;
mod system;

use std::fmt;
use std::sync::Arc;

use jsonrpsee::server::{Methods, RegisterMethodError, RpcModule};
use jsonrpsee::types::{ErrorObjectOwned, Params};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::Hash;
use super::admin::Shared;
use super::block::Block;
use super::node::Node;

type Module = RpcModule<Shared>;
type Answer<T> = Result<T, ErrorObjectOwned>;

/// All methods.
pub(super) fn methods(shared: Arc<Shared>) -> Result<Methods, RegisterMethodError> {
    let mut module = RpcModule::from_arc(shared);
    chain::register(&mut module)?;
    state::register(&mut module)?;
    author::register(&mut module)?;
    system::register(&mut module)?;
    admin::register(&mut module)?;
    let mut names: Vec<&str> = module.method_names().collect();
    names.push("rpc_methods");
    names.sort_unstable();
    let names = json!({ "methods": names });
    module.register_method("rpc_methods", move |_, _, _| names.clone())?;
    Ok(module.into())
}

/// Bytes in hexadecimal, with a `0x` prefix.
fn hex(bytes: impl AsRef<[u8]>) -> String {
    format!("0x{}", base16ct::lower::encode_string(bytes.as_ref()))
}

/// Reads bytes in hexadecimal, with or without a `0x` prefix.
fn from_hex(text: &str) -> Answer<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    base16ct::mixed::decode_vec(digits)
        .map_err(|_| invalid(format_args!("`{text}` is not hexadecimal")))
}

fn hash_from_hex(text: &str) -> Answer<Hash> {
    let bytes = from_hex(text)?;
    bytes.try_into().map_err(|_| invalid(format_args!("`{text}` is no hash")))
}

/// The error for parameters that the method does not accept.
fn invalid(message: impl fmt::Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(-32602, format!("Invalid params: {message}"), None::<()>)
}

/// The error for a request that the runtime or storage cannot answer.
fn client_error(message: impl fmt::Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(4003, format!("Client error: {message}"), None::<()>)
}

/// The first `N` parameters; missing ones are `null`.
fn parameters<const N: usize>(params: &Params<'_>) -> Answer<[Json; N]> {
    let mut values: Vec<Json> = match params.parse::<Option<Vec<Json>>>() {
        Ok(values) => values.unwrap_or_default(),
        Err(error) => return Err(invalid(error.message())),
    };
    values.resize(N, Json::Null);
    values.try_into().map_err(|_| invalid("too many"))
}

/// One parameter, converted to the expected type.
fn parsed<T: DeserializeOwned>(value: &Json) -> Answer<T> {
    T::deserialize(value).map_err(invalid)
}

/// The block with a given hash, or the best block if there is no hash.
fn block_at<'a>(node: &'a Node, at: &Json) -> Answer<&'a Arc<Block>> {
    match parsed::<Option<String>>(at)? {
        None => Ok(node.blocks.best()),
        Some(hash) => {
            let unknown =
                || client_error(format_args!("UnknownBlock: State already discarded for {hash}"));
            node.blocks.get(&hash_from_hex(&hash)?).ok_or_else(unknown)
        }
    }
}

/// A block's header as it is sent to clients.
fn header(block: &Block) -> Json {
    json!({
        "parentHash": hex(block.parent),
        "number": format!("{:#x}", block.number),
        "stateRoot": hex(block.state_root),
        "extrinsicsRoot": hex(block.extrinsics_root),
        "digest": { "logs": block.logs.iter().map(hex).collect::<Vec<_>>() },
    })
}
