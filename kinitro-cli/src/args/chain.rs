use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinitro_chain::Network;
use kinitro_core::{Hotkey, MinerUid, NetUid};

use super::WalletArguments;
use super::chain_local::{
    AdvanceArguments, ChainStatusArguments, LocalChainArguments, RegisterArguments,
    SetHyperparameterArguments, SetPermitArguments, SetStakeArguments,
};

#[derive(Debug, Subcommand)]
pub(crate) enum ChainCommand {
    /// Show the state of a chain and the parameters of a subnet.
    Info(ChainInfoArguments),
    /// List the neurons of a subnet.
    Neurons(SubnetArguments),
    /// List the commitments on a subnet.
    Commitments(SubnetArguments),
    /// List the weights in force on a subnet.
    Weights(WeightsArguments),
    SetWeights(SetWeightsArguments),
    Local(LocalChainArguments),
    /// Show the state of a local chain.
    Status(ChainStatusArguments),
    Register(RegisterArguments),
    /// Grant or revoke a validator permit on a local chain.
    SetPermit(SetPermitArguments),
    /// Set the stake of a neuron on a local chain.
    SetStake(SetStakeArguments),
    SetHyperparameter(SetHyperparameterArguments),
    /// Produce blocks on a local chain at once.
    Advance(AdvanceArguments),
}

/// Which chain.
#[derive(Debug, Args)]
pub(crate) struct NetworkArguments {
    /// The network: finney, test, local, or the ws:// or wss:// URL of a node
    #[arg(long, default_value = "finney")]
    pub(crate) network: Network,
    /// Seconds to wait for each answer of the node
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ChainInfoArguments {
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// Show the parameters of this subnet too
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: Option<NetUid>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SubnetArguments {
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// The subnet's netuid
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WeightsArguments {
    #[command(flatten)]
    pub(crate) subnet: SubnetArguments,
    /// Only weights set by this neuron
    #[arg(long)]
    pub(crate) uid: Option<MinerUid>,
}

/// Set the weights of a validator.
///
/// Waits until they are in a finalized block. Weights are sealed if the subnet uses commit-reveal.
/// Anything the chain would reject is reported before a transaction is sent.
#[derive(Debug, Args)]
pub(crate) struct SetWeightsArguments {
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// The subnet's netuid
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// The weights: a JSON object {"UID": SHARE, ...} on any scale, or the output of `kinitro score
    /// --json`; `-` reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) weights: PathBuf,
    /// Wait until sealed weights are revealed and in force
    #[arg(long)]
    pub(crate) wait: bool,
    /// Only check whether the chain would accept them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublishKeyArguments {
    #[command(flatten)]
    pub(crate) key: super::PrivateKeyArguments,
    /// The subnet's netuid
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
}

#[derive(Debug, Args)]
pub(crate) struct FetchKeyArguments {
    /// The backend's hotkey, an SS58 address
    #[arg(long, value_name = "SS58")]
    pub(crate) backend_hotkey: Hotkey,
    /// The subnet's netuid
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}
