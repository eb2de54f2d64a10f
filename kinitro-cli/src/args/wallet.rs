use std::path::PathBuf;

use crate::variables;
use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// List wallets and their keys.
    ///
    /// No password is needed. If a key cannot be used, the reason is shown.
    List(ListWalletsArguments),
    /// Show a hotkey and check its file.
    Show(ShowWalletArguments),
    /// Create a hotkey and print its address.
    ///
    /// Its file has the format of bittensor-wallet 4.1, is not encrypted, and is readable by its
    /// owner only. The mnemonic, from which the key can be restored, is shown once and only on a
    /// terminal, since other outputs often end up in a log. It is in the file too.
    NewHotkey(NewHotkeyArguments),
}

/// Where wallets are kept.
#[derive(Debug, Args)]
pub(crate) struct WalletFolderArguments {
    /// The folder of the wallets
    #[arg(
        long,
        value_name = "DIR",
        env = variables::BT_WALLET_PATH.name,
        hide_env_values = true,
        default_value = "~/.bittensor/wallets"
    )]
    pub(crate) wallet_path: PathBuf,
}

/// Which hotkey of which wallet.
#[derive(Debug, Args)]
pub(crate) struct WalletArguments {
    /// The name of the wallet
    #[arg(
        long,
        value_name = "NAME",
        env = variables::BT_WALLET_NAME.name,
        hide_env_values = true,
        default_value = "default"
    )]
    pub(crate) wallet_name: String,
    /// The name of the hotkey
    #[arg(
        long,
        value_name = "NAME",
        env = variables::BT_WALLET_HOTKEY.name,
        hide_env_values = true,
        default_value = "default"
    )]
    pub(crate) hotkey_name: String,
    #[command(flatten)]
    pub(crate) folder: WalletFolderArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ListWalletsArguments {
    #[command(flatten)]
    pub(crate) folder: WalletFolderArguments,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowWalletArguments {
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// Decrypt the key if it is encrypted, to check it and its password
    #[arg(long)]
    pub(crate) unlock: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewHotkeyArguments {
    #[command(flatten)]
    pub(crate) wallet: WalletArguments,
    /// Overwrite an existing hotkey, which is lost without its mnemonic
    #[arg(long)]
    pub(crate) force: bool,
    /// Show the mnemonic on standard error even if it is not a terminal
    #[arg(long)]
    pub(crate) show_mnemonic: bool,
}
