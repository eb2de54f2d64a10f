use clap::{ArgGroup, Args, Subcommand};
use kinitro_chain::commitment::{Repository, Revision};
use kinitro_core::crypto::PublicKey;
use kinitro_core::{Hotkey, NetUid};

use super::{NetworkArguments, WalletArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum MinerCommand {
    /// Publish which policy a miner runs, and where.
    Commit(CommitArguments),
    /// Show what a miner has published.
    ShowCommitment(ShowCommitmentArguments),
}

/// Publishes which policy a miner runs, and where, in place of what it has published before. Later
/// commitments rank behind earlier ones: an unchanged one is not published again.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("backend").args(["backend_public_key", "backend_hotkey"])))]
pub(crate) struct CommitArguments {
    /// The repository of the policy on Hugging Face: user/name
    #[arg(long)]
    pub(crate) repo: Repository,
    /// The commit of the repository; 8 characters of it are published
    #[arg(long)]
    pub(crate) revision: Revision,
    /// Where it runs: the id of a deployment at Basilica, or a URL (which cannot be sealed)
    #[arg(long, value_name = "UUID|URL")]
    pub(crate) deployment_id: String,
    /// The subnet
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// Seal the deployment id for the backend
    #[arg(long, requires = "backend")]
    pub(crate) encrypt: bool,
    /// The key of the backend, 64 hex characters
    #[arg(long, value_name = "HEX", requires = "encrypt")]
    pub(crate) backend_public_key: Option<PublicKey>,
    /// The hotkey of the backend, whose key is then read from the chain
    #[arg(long, value_name = "SS58", requires = "encrypt")]
    pub(crate) backend_hotkey: Option<Hotkey>,
    /// How it is sealed: 2 binds it to hotkey and subnet, 1 is what older backends read
    #[arg(long, default_value_t = 2, requires = "encrypt", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) seal_version: u8,
    /// Allow more than 128 bytes, which newer chains take
    #[arg(long)]
    pub(crate) allow_long: bool,
    /// Only print what would be published
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print what became of it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCommitmentArguments {
    /// Whose [default: that of --wallet-name and --hotkey-name]
    #[arg(long, value_name = "SS58")]
    pub(crate) hotkey: Option<Hotkey>,
    /// The subnet
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
