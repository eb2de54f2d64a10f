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
    /// Say where a chain stands, and which parameters a subnet has.
    Info(ChainInfoArguments),
    /// List the neurons of a subnet.
    Neurons(SubnetArguments),
    /// List what was published on a subnet.
    Commitments(SubnetArguments),
    /// List the weights that count on a subnet.
    Weights(WeightsArguments),
    /// Set the weights of a hotkey.
    SetWeights(SetWeightsArguments),
    /// Run a chain on this machine.
    Local(LocalChainArguments),
    /// Say how a local chain is doing.
    Status(ChainStatusArguments),
    /// Register a neuron on a local chain.
    Register(RegisterArguments),
    /// Give a neuron of a local chain the validator permit, or take it away.
    SetPermit(SetPermitArguments),
    /// Set what is staked to a neuron of a local chain.
    SetStake(SetStakeArguments),
    /// Set a hyperparameter of a local chain.
    SetHyperparameter(SetHyperparameterArguments),
    /// Make a local chain go ahead of the clock.
    Advance(AdvanceArguments),
}

/// Which chain.
#[derive(Debug, Args)]
pub(crate) struct NetworkArguments {
    /// The chain: finney, test, local, or the ws:// or wss:// address of a node
    #[arg(long, default_value = "finney")]
    pub(crate) network: Network,
    /// How long to wait for each answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: u64,
}

#[derive(Debug, Args)]
pub(crate) struct ChainInfoArguments {
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// Say the parameters of this subnet too
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: Option<NetUid>,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SubnetArguments {
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// The subnet
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WeightsArguments {
    #[command(flatten)]
    pub(crate) subnet: SubnetArguments,
    /// Only those that this neuron has set
    #[arg(long)]
    pub(crate) uid: Option<MinerUid>,
}

/// Sets the weights of a hotkey, sealed where the subnet demands it, and waits until they are in a
/// final block. What the chain would object to is told before anything is sent.
#[derive(Debug, Args)]
pub(crate) struct SetWeightsArguments {
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// The subnet
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// The weights: a JSON object {"UID": SHARE, ...} in shares of any scale, or what
    /// `kinitro score --json` prints; `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) weights: PathBuf,
    /// Wait until sealed weights have come into force
    #[arg(long)]
    pub(crate) wait: bool,
    /// Only say whether the chain would take them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print what became of them as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublishKeyArguments {
    #[command(flatten)]
    pub(crate) key: super::PrivateKeyArguments,
    /// The subnet
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
}

#[derive(Debug, Args)]
pub(crate) struct FetchKeyArguments {
    /// The hotkey of the backend, SS58
    #[arg(long, value_name = "SS58")]
    pub(crate) backend_hotkey: Hotkey,
    /// The subnet
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
}
