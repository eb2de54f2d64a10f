//! `system_*`: information about the node.

use jsonrpsee::server::RegisterMethodError;
use jsonrpsee::types::Params;
use kinitro_core::Hotkey;
use serde_json::json;

use super::{Answer, Module, Shared, hash_from_hex, invalid, parameters, parsed};

pub(super) fn register(module: &mut Module) -> Result<(), RegisterMethodError> {
    module.register_method("system_name", |_, _, _| "Kinitro local chain")?;
    module.register_method("system_version", |_, _, _| env!("CARGO_PKG_VERSION"))?;
    module.register_method("system_chain", |_, _, _| "Kinitro")?;
    module.register_method("system_chainType", |_, _, _| "Development")?;
    module.register_method(
        "system_properties",
        |_, _, _| json!({ "ss58Format": 42, "tokenDecimals": 9, "tokenSymbol": "TAO" }),
    )?;
    module.register_method(
        "system_health",
        |_, _, _| json!({ "peers": 0, "isSyncing": false, "shouldHavePeers": false }),
    )?;
    module.register_method("system_accountNextIndex", |params, shared, _| {
        next_index(&params, shared)
    })?;
    module.register_alias("account_nextIndex", "system_accountNextIndex")?;
    Ok(())
}

/// The nonce of an account's next transaction. The account is given as an address or a public key.
fn next_index(params: &Params<'_>, shared: &Shared) -> Answer<u64> {
    let [account] = parameters::<1>(params)?;
    let account: String = parsed(&account)?;
    let account = match account.strip_prefix("0x") {
        Some(_) => hash_from_hex(&account)?,
        None => *account.parse::<Hotkey>().map_err(invalid)?.account_id(),
    };
    Ok(shared.node().next_nonce(&account))
}
