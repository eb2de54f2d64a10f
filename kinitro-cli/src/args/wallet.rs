use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum WalletCommand {
    /// List wallets and their keys.
    ///
    /// No password is needed. A key that is of no use is named with the reason.
    List(ListWalletsArguments),
    /// Show a hotkey, and check its file.
    Show(ShowWalletArguments),
    /// Make a hotkey, and print its address.
    ///
    /// It has the format of bittensor-wallet 4.1, is not encrypted, and is readable by its owner
    /// alone. The mnemonic, of which the key can be made again, is shown once, and on a terminal
    /// only: what is no terminal is often a log. It is in the file as well.
    NewHotkey(NewHotkeyArguments),
}

/// Where wallets are.
#[derive(Debug, Args)]
pub(crate) struct WalletFolderArguments {
    /// The folder of the wallets
    #[arg(
        long,
        value_name = "DIR",
        env = "BT_WALLET_PATH",
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
        env = "BT_WALLET_NAME",
        hide_env_values = true,
        default_value = "default"
    )]
    pub(crate) wallet_name: String,
    /// The name of the hotkey
    #[arg(
        long,
        value_name = "NAME",
        env = "BT_WALLET_HOTKEY",
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
    /// Open the key if it is encrypted, to check it and its password
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
    /// Overwrite a hotkey of that name. Without its mnemonic it is lost
    #[arg(long)]
    pub(crate) force: bool,
    /// Show the mnemonic on standard error even if that is no terminal
    #[arg(long)]
    pub(crate) show_mnemonic: bool,
}
