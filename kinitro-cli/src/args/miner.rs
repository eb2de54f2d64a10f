use clap::{ArgGroup, Args, Subcommand};
use kinitro_chain::commitment::{Repository, Revision};
use kinitro_core::crypto::PublicKey;
use kinitro_core::{Hotkey, NetUid};

use super::{NetworkArguments, WalletArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum MinerCommand {
    Commit(CommitArguments),
    /// Show a miner's commitment.
    ShowCommitment(ShowCommitmentArguments),
}

/// Publish a miner's policy and its endpoint.
///
/// This replaces the miner's earlier commitment. Of two equally good policies, the one committed
/// first wins, so an unchanged commitment is not published again.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("backend").args(["backend_public_key", "backend_hotkey"])))]
pub(crate) struct CommitArguments {
    /// The policy's Hugging Face repository: user/name
    #[arg(long)]
    pub(crate) repo: Repository,
    /// The commit hash in the repository; its first 8 characters are published
    #[arg(long)]
    pub(crate) revision: Revision,
    /// Where the policy runs: the id of a Basilica deployment, or a URL, which cannot be sealed
    #[arg(long, value_name = "UUID|URL")]
    pub(crate) deployment_id: String,
    /// The subnet's netuid
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// Seal the deployment id so that only the backend can read it
    #[arg(long, requires = "backend")]
    pub(crate) encrypt: bool,
    /// The backend's public key, 64 hex characters
    #[arg(long, value_name = "HEX", requires = "encrypt")]
    pub(crate) backend_public_key: Option<PublicKey>,
    /// The backend's hotkey; its public key is fetched from the chain
    #[arg(long, value_name = "SS58", requires = "encrypt")]
    pub(crate) backend_hotkey: Option<Hotkey>,
    /// The sealing format: 2 binds the endpoint to hotkey and subnet, 1 is for older backends
    #[arg(long, default_value_t = 2, requires = "encrypt", value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) seal_version: u8,
    /// Allow more than 128 bytes, which newer chains accept
    #[arg(long)]
    pub(crate) allow_long: bool,
    /// Only print what would be published
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowCommitmentArguments {
    /// The miner's hotkey, an SS58 address [default: that of --wallet-name and --hotkey-name]
    #[arg(long, value_name = "SS58")]
    pub(crate) hotkey: Option<Hotkey>,
    /// The subnet's netuid
    #[arg(long, value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
