//! The hotkeys that arguments name, and their passwords.

use std::io::{self, IsTerminal as _};
use std::path::Path;

use kinitro_chain::Signer as _;
use kinitro_chain::wallet::{Keypair, NoPassword, StoredKey, Wallet, Wallets};
use kinitro_core::Hotkey;
use zeroize::Zeroizing;

use crate::args::{WalletArguments, WalletFolderArguments};
use crate::failure::Failure;
use crate::variables;

/// The hotkey that the arguments name. Its password, if it has one, is that of the environment, or
/// is asked for.
pub(crate) fn load_hotkey(arguments: &WalletArguments) -> Result<Keypair, Failure> {
    let (_, hotkey) = chosen(arguments)?;
    Ok(hotkey.load(&password)?)
}

/// The address of the hotkey that the arguments name, for which a password is asked only if nothing
/// else tells it.
pub(crate) fn hotkey_address(arguments: &WalletArguments) -> Result<Hotkey, Failure> {
    let (_, hotkey) = chosen(arguments)?;
    match hotkey.summary()?.account {
        Some(account) => Ok(account),
        None => Ok(load_hotkey(arguments)?.hotkey()),
    }
}

/// The wallets of the folder that the arguments name.
pub(crate) fn wallets(arguments: &WalletFolderArguments) -> Result<Wallets, Failure> {
    Ok(Wallets::new(&arguments.wallet_path)?)
}

/// The wallet and the hotkey that the arguments name, unopened.
pub(crate) fn chosen(arguments: &WalletArguments) -> Result<(Wallet, StoredKey), Failure> {
    let wallet = wallets(&arguments.folder)?.wallet(&arguments.wallet_name)?;
    let hotkey = wallet.hotkey(&arguments.hotkey_name)?;
    Ok((wallet, hotkey))
}

fn password(path: &Path) -> Result<Zeroizing<String>, NoPassword> {
    let name = variables::BT_WALLET_PASSWORD.name;
    if let Some(password) = variables::BT_WALLET_PASSWORD.value() {
        let not_text = |_| NoPassword::because(format!("{name} is not UTF-8"));
        return password.into_string().map(Zeroizing::new).map_err(not_text);
    }
    if !io::stdin().is_terminal() {
        let reason = format!("{name} is not set, and there is no terminal to ask on");
        return Err(NoPassword::because(reason));
    }
    rpassword::prompt_password(format!("password of {}: ", path.display()))
        .map(Zeroizing::new)
        .map_err(|error| NoPassword::because(format!("it could not be asked for: {error}")))
}
