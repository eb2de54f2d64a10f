use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinitro_core::crypto::{PublicKey, SealedEndpoint};
use kinitro_core::{DeploymentId, Hotkey, NetUid};

use super::{FetchKeyArguments, PublishKeyArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum CryptoCommand {
    GenerateKeypair(GenerateArguments),
    /// Print the public key that belongs to a private key.
    ShowPublicKey(PrivateKeyArguments),
    /// Check a key pair by sealing an endpoint and opening it again.
    TestEncryption(PrivateKeyArguments),
    Seal(SealArguments),
    Open(OpenArguments),
    /// Publish a backend's public key on the chain, for miners to seal their endpoints with.
    PublishPublicKey(PublishKeyArguments),
    /// Fetch a backend's public key from the chain.
    FetchPublicKey(FetchKeyArguments),
}

/// Generate a key pair for a backend.
///
/// `NAME` is the private key, `NAME.pub` the public key that miners need.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// The name of the key pair
    #[arg(long, default_value = "backend")]
    pub(crate) name: String,
    /// The folder to save it in [default: kinitro/keys in $XDG_CONFIG_HOME or ~/.config]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Overwrite an existing pair; what was sealed for it can never be opened again
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PrivateKeyArguments {
    /// The private key's file, readable by its owner only
    #[arg(long, value_name = "FILE")]
    pub(crate) private_key_file: PathBuf,
}

/// Who publishes a sealed endpoint, and where. Version 2 opens for nobody else.
#[derive(Debug, Args)]
pub(crate) struct SealingArguments {
    /// The sealing format: 2 binds the endpoint to hotkey and subnet, 1 is for older backends
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) seal_version: u8,
    /// The subnet's netuid, required for version 2
    #[arg(long, required_if_eq("seal_version", "2"), value_parser = super::netuid())]
    pub(crate) netuid: Option<NetUid>,
    /// The miner's hotkey, an SS58 address, required for version 2
    #[arg(long, value_name = "SS58", required_if_eq("seal_version", "2"))]
    pub(crate) hotkey: Option<Hotkey>,
}

/// Seal a miner's deployment id for a backend.
///
/// Prints the 80 characters that go into a commitment.
#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    /// The deployment id, a UUID
    pub(crate) deployment_id: DeploymentId,
    /// The backend's public key, 64 hex characters
    #[arg(long, value_name = "HEX")]
    pub(crate) backend_public_key: PublicKey,
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
}

/// Open an endpoint that was sealed for a backend.
///
/// Prints the deployment id.
#[derive(Debug, Args)]
pub(crate) struct OpenArguments {
    /// The 80 characters from the commitment
    #[arg(allow_hyphen_values = true)]
    pub(crate) sealed: SealedEndpoint,
    #[command(flatten)]
    pub(crate) key: PrivateKeyArguments,
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
}
