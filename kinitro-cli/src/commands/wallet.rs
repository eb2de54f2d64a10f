use std::io::{self, IsTerminal as _};
use std::path::Path;

use kinitro_chain::Signer as _;
use kinitro_chain::wallet::{KeySummary, Keypair, Mnemonic, Protection, StoredKey, WalletError};
use kinitro_core::Hotkey;
use serde::Serialize;

use crate::args::{ListWalletsArguments, NewHotkeyArguments, ShowWalletArguments};
use crate::chain::{chosen, load_hotkey, wallets};
use crate::failure::Failure;
use crate::output::{json, table, to_stderr, to_stdout};

/// A wallet as it is listed.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    path: &'a Path,
    coldkey: Option<ListedKey<'a>>,
    hotkeys: Vec<ListedKey<'a>>,
    problem: Option<String>,
}

/// A key as it is listed: what can be told without a password, or why it is of no use.
#[derive(Serialize)]
struct ListedKey<'a> {
    name: &'a str,
    address: Option<Hotkey>,
    protection: Option<Protection>,
    problem: Option<String>,
}

impl<'a> ListedKey<'a> {
    fn new(key: &'a StoredKey) -> Self {
        let name = key.name();
        match key.summary() {
            Ok(KeySummary { account, protection, .. }) => {
                Self { name, address: account, protection: Some(protection), problem: None }
            }
            Err(error) => {
                let problem = Some(error.to_string());
                Self { name, address: None, protection: None, problem }
            }
        }
    }
}

/// A hotkey as it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    wallet: &'a str,
    hotkey: &'a str,
    address: Option<Hotkey>,
    protection: Protection,
    path: &'a Path,
    coldkey: Option<Hotkey>,
}

pub(crate) fn list(arguments: &ListWalletsArguments) -> Result<(), Failure> {
    let wallets = wallets(&arguments.folder)?;
    let keys: Vec<_> = wallets
        .list()?
        .into_iter()
        .map(|wallet| (wallet.coldkey(), wallet.hotkeys(), wallet))
        .collect();
    let listed: Vec<_> = keys
        .iter()
        .map(|(coldkey, hotkeys, wallet)| Listed {
            name: wallet.name(),
            path: wallet.path(),
            coldkey: is_there(coldkey).then(|| ListedKey::new(coldkey)),
            hotkeys: hotkeys.iter().flatten().map(ListedKey::new).collect(),
            problem: hotkeys.as_ref().err().map(WalletError::to_string),
        })
        .collect();
    if arguments.json {
        return json(&listed);
    }
    let mut table = table::with_headings(4, ["wallet", "key", "address", "kept"]);
    let warn = |problem: Option<String>| {
        if let Some(problem) = problem {
            to_stderr(format_args!("warning: {problem}"));
        }
    };
    for Listed { name, coldkey, hotkeys, problem, .. } in listed {
        warn(problem);
        let mut row = |kind: &str, key: ListedKey<'_>| {
            let kept = key.protection.map_or("of no use", describe);
            table.add_row([name, kind, &address(key.address), kept]);
            warn(key.problem);
        };
        if let Some(coldkey) = coldkey {
            row("coldkey", coldkey);
        }
        for hotkey in hotkeys {
            row(&format!("hotkey {}", hotkey.name), hotkey);
        }
    }
    to_stdout(table)
}

pub(crate) fn show(arguments: &ShowWalletArguments) -> Result<(), Failure> {
    let (wallet, hotkey) = chosen(&arguments.wallet)?;
    let KeySummary { mut account, protection, .. } = hotkey.summary()?;
    if arguments.unlock {
        account = Some(load_hotkey(&arguments.wallet)?.hotkey());
    }
    // Whose coldkey it is matters to nobody who only signs.
    let coldkey = wallet.coldkey().summary().ok().and_then(|summary| summary.account);
    let shown = Shown {
        wallet: wallet.name(),
        hotkey: hotkey.name(),
        address: account,
        protection,
        path: hotkey.path(),
        coldkey,
    };
    if arguments.json {
        return json(&shown);
    }
    to_stdout(format_args!("wallet:  {}", shown.wallet))?;
    to_stdout(format_args!("hotkey:  {}", shown.hotkey))?;
    to_stdout(format_args!("address: {}", address(account)))?;
    to_stdout(format_args!("kept:    {}", describe(protection)))?;
    to_stdout(format_args!("file:    {}", shown.path.display()))?;
    to_stdout(format_args!("coldkey: {}", address(coldkey)))?;
    if account.is_none() {
        to_stderr("only the password tells the address: --unlock asks for it");
    }
    Ok(())
}

pub(crate) fn new_hotkey(arguments: &NewHotkeyArguments) -> Result<(), Failure> {
    let NewHotkeyArguments { wallet, force, show_mnemonic } = arguments;
    let mnemonic = Mnemonic::generate()?;
    let in_wallet = wallets(&wallet.folder)?.wallet(&wallet.wallet_name)?;
    let hotkey = in_wallet.new_hotkey(&wallet.hotkey_name, &mnemonic, *force)?;
    to_stderr(format_args!("hotkey {}: {}", hotkey.name(), hotkey.path().display()));
    if *show_mnemonic || io::stderr().is_terminal() {
        to_stderr(format_args!("mnemonic: {}", mnemonic.phrase().as_str()));
        to_stderr("write it down: it is shown once, and whoever has it has the key");
    } else {
        to_stderr(
            "the mnemonic is not shown, for this is no terminal: it is in the file, as \
             `secretPhrase`, and --show-mnemonic shows that of a new key",
        );
    }
    to_stdout(Keypair::from_mnemonic(&mnemonic, "").hotkey())
}

fn is_there(key: &StoredKey) -> bool {
    [key.path(), key.public_path()].iter().any(|path| path.symlink_metadata().is_ok())
}

fn address(account: Option<Hotkey>) -> String {
    account.map_or_else(|| "-".to_owned(), |account| account.to_string())
}

fn describe(protection: Protection) -> &'static str {
    match protection {
        Protection::Plain => "plain",
        Protection::Encrypted => "encrypted",
        Protection::WatchOnly => "address only",
        _ => "in a way that this program is too old for",
    }
}
