use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kinitro_chain::Network;
use kinitro_core::NetUid;

use super::{NetworkArguments, WalletArguments};

/// Takes the weights of a backend to the chain, again and again: checks them, submits them when they
/// are new or an epoch has passed, and waits for the rate limit. Old or wrong weights are not
/// submitted. What was submitted is remembered across restarts.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// The API of the backend
    #[arg(long, value_name = "URL", env = "KINITRO_VALIDATOR_BACKEND_URL")]
    pub(crate) backend_url: String,
    /// The subnet
    #[arg(long, env = "KINITRO_VALIDATOR_NETUID", value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// The chain: finney, test, local, or the ws:// or wss:// address of a node
    #[arg(long, env = "KINITRO_VALIDATOR_NETWORK", default_value = "finney")]
    network: Network,
    /// How long to wait for each answer of the chain, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_VALIDATOR_CHAIN_TIMEOUT_SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    timeout: u64,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// How long to wait between two rounds, as in `5m`
    #[arg(long, value_name = "TIME", env = "KINITRO_VALIDATOR_POLL_INTERVAL", default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) poll_interval: Duration,
    /// How old weights may be, by the clock of the chain
    #[arg(long, value_name = "TIME", env = "KINITRO_VALIDATOR_MAX_AGE", default_value = "12h", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// After how many blocks the same weights are submitted again [default: an epoch]
    #[arg(long, value_name = "BLOCKS", env = "KINITRO_VALIDATOR_REFRESH_BLOCKS")]
    pub(crate) refresh_blocks: Option<u64>,
    /// Where it is written down what was submitted [default: validator/NETUID-HOTKEY.json in
    /// $XDG_DATA_HOME/kinitro, ~/.local/share/kinitro]
    #[arg(long, value_name = "FILE", env = "KINITRO_VALIDATOR_LEDGER")]
    pub(crate) ledger: Option<PathBuf>,
    /// Do everything but submit
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do one round and end: with 0 if the weights are or were submitted
    #[arg(long)]
    pub(crate) once: bool,
    /// Print each round as a line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl ValidateArguments {
    /// The chain, as other commands name it.
    pub(crate) fn network(&self) -> NetworkArguments {
        NetworkArguments { network: self.network.clone(), timeout: self.timeout }
    }
}
