use std::path::PathBuf;

use clap::Args;
use kinitro_chain::{Network, Rao};
use kinitro_core::{Coldkey, Hotkey, NetUid};

/// Runs a chain on this machine, for development, until it is interrupted: subxt, the Bittensor SDK
/// and Kinitro itself can talk to it. The accounts //Alice to //Ferdie have funds, and //Alice owns
/// the subnet and is its first neuron. Nothing of it is kept.
#[derive(Debug, Args)]
pub(crate) struct LocalChainArguments {
    /// The port to listen at, on this machine only; 0 for any that is free
    #[arg(long, default_value_t = 9944)]
    pub(crate) port: u16,
    /// Serve the metadata of a real chain, of version 15 or 16, in place of its own
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// The subnet
    #[arg(long, default_value_t = NetUid(1), value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// The time between two blocks, as in 250ms or 12s
    #[arg(long, value_name = "TIME", default_value = "250ms", conflicts_with = "instant")]
    pub(crate) block_time: humantime::Duration,
    /// Make a block for each transaction as it comes, and no others
    #[arg(long)]
    pub(crate) instant: bool,
}

/// Which local chain.
#[derive(Debug, Args)]
pub(crate) struct LocalNetworkArguments {
    /// The local chain: local, or the ws:// address of one
    #[arg(long, default_value = "local")]
    pub(crate) network: Network,
}

/// Registers a neuron on the subnet of a local chain, and prints its uid. As on a real chain it has
/// to wait for the rate limit of the subnet before it may set weights.
#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    /// The hotkey, SS58
    #[arg(value_name = "HOTKEY")]
    pub(crate) hotkey: Hotkey,
    /// Who owns it, SS58; itself unless told otherwise
    #[arg(long, value_name = "SS58")]
    pub(crate) coldkey: Option<Coldkey>,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SetPermitArguments {
    /// The hotkey of the neuron, SS58
    #[arg(value_name = "HOTKEY")]
    pub(crate) hotkey: Hotkey,
    /// Whether it may set weights for others
    #[arg(value_name = "PERMIT", action = clap::ArgAction::Set, default_value_t = true)]
    pub(crate) permit: bool,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SetStakeArguments {
    /// The hotkey of the neuron, SS58
    #[arg(value_name = "HOTKEY")]
    pub(crate) hotkey: Hotkey,
    /// What is staked to it, in alpha, with up to nine decimals
    #[arg(value_name = "ALPHA", value_parser = alpha)]
    pub(crate) stake: Rao,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

/// Sets a hyperparameter by the name that the storage of the chain has for it: one of the subnet, as
/// Tempo, WeightsSetRateLimit or CommitRevealWeightsEnabled; one of the chain, as StakeThreshold; or
/// one of another pallet, as Commitments.MaxSpace.
#[derive(Debug, Args)]
pub(crate) struct SetHyperparameterArguments {
    /// Its name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A number, or true or false
    #[arg(value_name = "VALUE")]
    pub(crate) value: String,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct AdvanceArguments {
    /// How many blocks to make
    #[arg(value_name = "BLOCKS", default_value_t = 1)]
    pub(crate) blocks: u64,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ChainStatusArguments {
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A decimal number of alpha, exactly.
fn alpha(text: &str) -> Result<Rao, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return Err("it is no number with up to nine decimals".to_owned());
    }
    format!("{whole}{fraction:0<9}").parse().map(Rao).map_err(|_| "it is too much".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alpha_is_read_exactly() {
        for (text, rao) in [
            ("0", Some(0)),
            ("1", Some(1_000_000_000)),
            ("0.000000001", Some(1)),
            ("12.5", Some(12_500_000_000)),
            ("18446744073.709551615", Some(u64::MAX)),
            ("18446744073.709551616", None),
            ("0.0000000001", None),
            ("-1", None),
            ("1e3", None),
            (".5", None),
            ("", None),
        ] {
            assert_eq!(alpha(text).ok(), rao.map(Rao), "{text}");
        }
    }
}
