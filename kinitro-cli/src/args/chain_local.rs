use std::path::PathBuf;

use clap::Args;
use kinitro_chain::{Network, Rao};
use kinitro_core::{Coldkey, Hotkey, NetUid};

/// Run a local chain for development.
///
/// It runs until it is interrupted. subxt, the Bittensor SDK and Kinitro can connect to it. The
/// accounts //Alice to //Ferdie have funds; //Alice owns the subnet and is its first neuron. The
/// chain exists only in memory.
#[derive(Debug, Args)]
pub(crate) struct LocalChainArguments {
    /// The port to listen on, reachable from this machine only; 0 picks a free one
    #[arg(long, default_value_t = 9944)]
    pub(crate) port: u16,
    /// Serve the metadata of a real chain, version 15 or 16, instead of its own
    #[arg(long, value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// The subnet's netuid
    #[arg(long, default_value_t = NetUid(1), value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// The time between blocks, such as 250ms or 12s
    #[arg(long, value_name = "TIME", default_value = "250ms", conflicts_with = "instant")]
    pub(crate) block_time: humantime::Duration,
    /// Produce a block for each transaction, and no others
    #[arg(long)]
    pub(crate) instant: bool,
}

/// Which local chain.
#[derive(Debug, Args)]
pub(crate) struct LocalNetworkArguments {
    /// The local chain: local, or its ws:// URL
    #[arg(long, default_value = "local")]
    pub(crate) network: Network,
}

/// Register a neuron on a local chain.
///
/// Prints its UID. As on a real chain, the neuron has to wait out the subnet's rate limit before it
/// can set weights.
#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    /// The hotkey, an SS58 address
    #[arg(value_name = "HOTKEY")]
    pub(crate) hotkey: Hotkey,
    /// The coldkey that owns it, an SS58 address [default: the same account as the hotkey]
    #[arg(long, value_name = "SS58")]
    pub(crate) coldkey: Option<Coldkey>,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SetPermitArguments {
    /// The neuron's hotkey, an SS58 address
    #[arg(value_name = "HOTKEY")]
    pub(crate) hotkey: Hotkey,
    /// Whether it has the permit to set weights for others
    #[arg(value_name = "PERMIT", action = clap::ArgAction::Set, default_value_t = true)]
    pub(crate) permit: bool,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct SetStakeArguments {
    /// The neuron's hotkey, an SS58 address
    #[arg(value_name = "HOTKEY")]
    pub(crate) hotkey: Hotkey,
    /// The stake in alpha, with up to nine decimals
    #[arg(value_name = "ALPHA", value_parser = alpha)]
    pub(crate) stake: Rao,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

/// Set a hyperparameter of a local chain.
///
/// It is named as in the chain's storage: one of the subnet, such as Tempo, WeightsSetRateLimit or
/// CommitRevealWeightsEnabled; one of the chain, such as StakeThreshold; or one of another pallet,
/// such as Commitments.MaxSpace.
#[derive(Debug, Args)]
pub(crate) struct SetHyperparameterArguments {
    /// The hyperparameter's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The value: a number, true or false
    #[arg(value_name = "VALUE")]
    pub(crate) value: String,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct AdvanceArguments {
    /// How many blocks to produce
    #[arg(value_name = "BLOCKS", default_value_t = 1)]
    pub(crate) blocks: u64,
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ChainStatusArguments {
    #[command(flatten)]
    pub(crate) network: LocalNetworkArguments,
    /// Print JSON
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
