use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use kinitro_chain::Network;
use kinitro_core::NetUid;

use super::{NetworkArguments, WalletArguments};
use crate::variables;

/// Submit a backend's weights to the chain.
///
/// Each round checks the latest weights and submits them if they are new or an epoch has passed,
/// respecting the chain's rate limit. Outdated or invalid weights are not submitted. Submissions
/// are remembered across restarts.
#[derive(Debug, Args)]
pub(crate) struct ValidateArguments {
    /// The URL of the backend's API
    #[arg(long, value_name = "URL", env = variables::KINITRO_VALIDATOR_BACKEND_URL.name)]
    pub(crate) backend_url: String,
    /// The subnet's netuid
    #[arg(long, env = variables::KINITRO_VALIDATOR_NETUID.name, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// The network: finney, test, local, or the ws:// or wss:// URL of a node
    #[arg(long, env = variables::KINITRO_VALIDATOR_NETWORK.name, default_value = "finney")]
    network: Network,
    /// Seconds to wait for each answer of the chain
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_VALIDATOR_CHAIN_TIMEOUT_SECONDS.name,
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    timeout: u64,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// The time between rounds, such as `5m`
    #[arg(long, value_name = "TIME", env = variables::KINITRO_VALIDATOR_POLL_INTERVAL.name, default_value = "5m", value_parser = humantime::parse_duration)]
    pub(crate) poll_interval: Duration,
    /// The maximum age of weights, by the chain's clock
    #[arg(long, value_name = "TIME", env = variables::KINITRO_VALIDATOR_MAX_AGE.name, default_value = "12h", value_parser = humantime::parse_duration)]
    pub(crate) max_age: Duration,
    /// The number of blocks after which unchanged weights are submitted again [default: an epoch]
    #[arg(long, value_name = "BLOCKS", env = variables::KINITRO_VALIDATOR_REFRESH_BLOCKS.name)]
    pub(crate) refresh_blocks: Option<u64>,
    /// The file that records what was submitted [default: kinitro/validator/NETUID-HOTKEY.json in
    /// $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "FILE", env = variables::KINITRO_VALIDATOR_LEDGER.name)]
    pub(crate) ledger: Option<PathBuf>,
    /// Do everything except submit
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Run one round and exit, with code 0 if the weights are or already were submitted
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
