use std::future::Future;

use kinitro_chain::local::{LocalChain, LocalStatus, RemoteError, RemoteLocalChain};
use kinitro_core::Coldkey;

use crate::args::{
    AdvanceArguments, ChainStatusArguments, LocalChainArguments, LocalNetworkArguments,
    RegisterArguments, SetHyperparameterArguments, SetPermitArguments, SetStakeArguments,
};
use crate::failure::{Code, Failure};
use crate::output::{json, to_stderr, to_stdout};
use crate::session::{interrupted, runtime};

pub(crate) fn local(arguments: &LocalChainArguments) -> Result<(), Failure> {
    let mut builder = LocalChain::builder().netuid(arguments.netuid).port(arguments.port);
    if let Some(path) = &arguments.metadata {
        builder = builder.metadata(std::fs::read(path).map_err(|error| {
            Failure::new(Code::Environment, format_args!("{}: {error}", path.display()))
        })?);
    }
    builder = match arguments.instant {
        true => builder.instant(),
        false => builder.block_time(*arguments.block_time),
    };
    runtime()?.block_on(async {
        let chain = builder.start().await?;
        let LocalStatus { netuid, spec_version, .. } = chain.status();
        to_stderr(format_args!(
            "a chain for development, subnet {netuid}, runtime version {spec_version}: interrupt \
             it to end it"
        ));
        to_stdout(chain.url())?;
        interrupted().await;
        Ok(())
    })
}

/// Connects to a local chain and does something with it.
fn with<T, F: Future<Output = Result<T, RemoteError>>>(
    network: &LocalNetworkArguments,
    job: impl FnOnce(RemoteLocalChain) -> F,
) -> Result<T, Failure> {
    runtime()?.block_on(async {
        let chain = RemoteLocalChain::connect(network.network.endpoint()).await?;
        Ok(job(chain).await?)
    })
}

pub(crate) fn register(arguments: &RegisterArguments) -> Result<(), Failure> {
    let hotkey = arguments.hotkey;
    let own = || Coldkey::from_account_id(*hotkey.account_id());
    let coldkey = arguments.coldkey.unwrap_or_else(own);
    let uid = with(&arguments.network, async |chain| chain.register(&hotkey, &coldkey).await)?;
    to_stdout(uid)
}

pub(crate) fn set_permit(arguments: &SetPermitArguments) -> Result<(), Failure> {
    let SetPermitArguments { hotkey, permit, network } = arguments;
    with(network, async |chain| chain.set_permit(hotkey, *permit).await)
}

pub(crate) fn set_stake(arguments: &SetStakeArguments) -> Result<(), Failure> {
    let SetStakeArguments { hotkey, stake, network } = arguments;
    with(network, async |chain| chain.set_stake(hotkey, *stake).await)
}

pub(crate) fn set_hyperparameter(arguments: &SetHyperparameterArguments) -> Result<(), Failure> {
    let SetHyperparameterArguments { name, value, network } = arguments;
    with(network, async |chain| chain.set_hyperparameter(name, value).await)
}

pub(crate) fn advance(arguments: &AdvanceArguments) -> Result<(), Failure> {
    let newest = with(&arguments.network, async |chain| chain.advance(arguments.blocks).await)?;
    to_stdout(newest)
}

pub(crate) fn status(arguments: &ChainStatusArguments) -> Result<(), Failure> {
    let status = with(&arguments.network, async |chain| chain.status().await)?;
    if arguments.json {
        return json(&status);
    }
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let rows = [
        ("best block", status.block.to_string()),
        ("final block", status.finalized.to_string()),
        ("genesis", status.genesis),
        ("runtime version", status.spec_version.to_string()),
        ("subnet", status.netuid.to_string()),
        ("neurons", status.neurons.to_string()),
        ("next epoch", or_none(status.next_epoch.map(|block| format!("block {block}")))),
        ("waiting transactions", status.waiting.to_string()),
        ("block time", or_none(status.block_time_ms.map(|millis| format!("{millis} ms")))),
    ];
    rows.iter().try_for_each(|(name, value)| to_stdout(format_args!("{name:<20}  {value}")))
}
