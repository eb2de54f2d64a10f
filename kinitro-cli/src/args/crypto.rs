use std::path::PathBuf;

use clap::{Args, Subcommand};
use kinitro_core::crypto::{PublicKey, SealedEndpoint};
use kinitro_core::{DeploymentId, Hotkey, NetUid};

use super::{FetchKeyArguments, PublishKeyArguments};

#[derive(Debug, Subcommand)]
pub(crate) enum CryptoCommand {
    /// Make a key pair for a backend.
    GenerateKeypair(GenerateArguments),
    /// Print the public key of a private key.
    ShowPublicKey(PrivateKeyArguments),
    /// Seal an endpoint with a key pair and open it again.
    TestEncryption(PrivateKeyArguments),
    /// Seal the deployment id of a miner for a backend.
    Seal(SealArguments),
    /// Open what was sealed for a backend.
    Open(OpenArguments),
    /// Publish the public key of a backend on the chain, for miners to seal their endpoints for.
    PublishPublicKey(PublishKeyArguments),
    /// Read the public key of a backend from the chain.
    FetchPublicKey(FetchKeyArguments),
}

/// Makes a key pair for a backend: `NAME`, which is secret, and `NAME.pub`, which miners need.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// The name of the pair
    #[arg(long, default_value = "backend")]
    pub(crate) name: String,
    /// Where to put it [default: $XDG_CONFIG_HOME/kinitro/keys, ~/.config/kinitro/keys]
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// Overwrite a pair of that name. What was sealed for it can never be opened again
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PrivateKeyArguments {
    /// The file of the private key, which nobody but its owner may be able to read
    #[arg(long, value_name = "FILE")]
    pub(crate) private_key_file: PathBuf,
}

/// Who publishes a sealed endpoint, and where. Version 2 opens for nobody else.
#[derive(Debug, Args)]
pub(crate) struct SealingArguments {
    /// How it is sealed: 2 binds it to hotkey and subnet, 1 is what older backends read
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub(crate) seal_version: u8,
    /// The subnet [version 2]
    #[arg(long, required_if_eq("seal_version", "2"), value_parser = super::netuid())]
    pub(crate) netuid: Option<NetUid>,
    /// The hotkey of the miner, SS58 [version 2]
    #[arg(long, value_name = "SS58", required_if_eq("seal_version", "2"))]
    pub(crate) hotkey: Option<Hotkey>,
}

/// Seals the deployment id of a miner for a backend and prints the 80 characters for a commitment.
#[derive(Debug, Args)]
pub(crate) struct SealArguments {
    /// The deployment id, a UUID
    pub(crate) deployment_id: DeploymentId,
    /// The public key of the backend, 64 hex characters
    #[arg(long, value_name = "HEX")]
    pub(crate) backend_public_key: PublicKey,
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
}

/// Opens what was sealed for a backend and prints the deployment id.
#[derive(Debug, Args)]
pub(crate) struct OpenArguments {
    /// The 80 characters of the commitment
    #[arg(allow_hyphen_values = true)]
    pub(crate) sealed: SealedEndpoint,
    #[command(flatten)]
    pub(crate) key: PrivateKeyArguments,
    #[command(flatten)]
    pub(crate) sealing: SealingArguments,
}
