//! `kinitro_*`: requests that only a development chain accepts.

use std::sync::Arc;
use std::time::Duration;

use jsonrpsee::server::RegisterMethodError;
use jsonrpsee::types::ErrorObjectOwned;
use kinitro_core::{Coldkey, Hotkey};

use super::{Answer, Module, hash_from_hex, invalid, parameters, parsed};
use crate::local::admin::{AdminError, Shared};
use crate::local::faults::CutOnSubmit;
use crate::local::node::Forked;
use crate::subnet::Rao;

/// The error code for a refused request; its message is meant for people.
const REFUSED: i32 = -32000;

impl From<AdminError> for ErrorObjectOwned {
    fn from(error: AdminError) -> Self {
        Self::owned(REFUSED, error.to_string(), None::<()>)
    }
}

pub(super) fn register(module: &mut Module) -> Result<(), RegisterMethodError> {
    module.register_method("kinitro_status", |_, shared, _| {
        serde_json::to_value(shared.status()).map_err(invalid)
    })?;
    module.register_method("kinitro_register", |params, shared, _| {
        let [hotkey, coldkey] = parameters::<2>(&params)?;
        let hotkey: Hotkey = parsed(&hotkey)?;
        let coldkey = parsed::<Option<Coldkey>>(&coldkey)?
            .unwrap_or_else(|| Coldkey::from_account_id(*hotkey.account_id()));
        Answer::Ok(shared.register(&hotkey, &coldkey)?.0)
    })?;
    module.register_method("kinitro_setPermit", |params, shared, _| {
        let [hotkey, permit] = parameters::<2>(&params)?;
        shared.set_permit(&parsed(&hotkey)?, parsed(&permit)?)?;
        Answer::Ok(())
    })?;
    module.register_method("kinitro_setStake", |params, shared, _| {
        let [hotkey, rao] = parameters::<2>(&params)?;
        shared.set_stake(&parsed(&hotkey)?, Rao(parsed(&rao)?))?;
        Answer::Ok(())
    })?;
    module.register_method("kinitro_setHyperparameter", |params, shared, _| {
        let [name, value] = parameters::<2>(&params)?;
        let value = match &value {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        shared.set_hyperparameter(&parsed::<String>(&name)?, &value)?;
        Answer::Ok(())
    })?;
    module.register_blocking_method("kinitro_advance", |params, shared, _| {
        let [blocks] = parameters::<1>(&params)?;
        Answer::Ok(shared.advance(parsed(&blocks)?)?.0)
    })?;
    faults(module)
}

fn faults(module: &mut Module) -> Result<(), RegisterMethodError> {
    module.register_async_method("kinitro_cutConnections", |params, shared, _| async move {
        let [when] = parameters::<1>(&params)?;
        match parsed::<Option<String>>(&when)?.as_deref() {
            None => cut_soon(shared),
            Some("before_pool") => shared.faults.cut_on_submit(CutOnSubmit::BeforePool),
            Some("after_pool") => shared.faults.cut_on_submit(CutOnSubmit::AfterPool),
            Some(other) => return Err(invalid(format_args!("`{other}` is no time to cut"))),
        }
        Answer::Ok(())
    })?;
    module.register_method("kinitro_setDelay", |params, shared, _| {
        let [millis] = parameters::<1>(&params)?;
        shared.faults.set_delay(parsed::<Option<u64>>(&millis)?.map(Duration::from_millis));
        Answer::Ok(())
    })?;
    module.register_method("kinitro_setIncluding", |params, shared, _| {
        let [includes] = parameters::<1>(&params)?;
        shared.node().includes = parsed(&includes)?;
        Answer::Ok(())
    })?;
    module.register_method("kinitro_fork", |params, shared, _| {
        let [depth, lost] = parameters::<2>(&params)?;
        let lost = parsed::<Option<bool>>(&lost)?.unwrap_or(false);
        let forked = if lost { Forked::Lost } else { Forked::Returned };
        let depth = shared.node().fork(parsed(&depth)?, forked);
        Answer::Ok(depth.map_err(AdminError::from)?)
    })?;
    module.register_method("kinitro_upgrade", |params, shared, _| {
        let [version] = parameters::<1>(&params)?;
        shared.upgrade(parsed(&version)?, None)?;
        Answer::Ok(())
    })?;
    module.register_method("kinitro_setGenesis", |params, shared, _| {
        let [hash] = parameters::<1>(&params)?;
        shared.node().genesis = hash_from_hex(&parsed::<String>(&hash)?)?;
        Answer::Ok(())
    })?;
    Ok(())
}

/// Cuts all connections shortly afterwards, so that the caller still gets its answer.
fn cut_soon(shared: Arc<Shared>) {
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(20)).await;
        shared.faults.cut();
    });
}
