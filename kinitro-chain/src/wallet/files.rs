//! Wallet folders.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use kinitro_core::Hotkey;
use kinitro_core::atomic_file::{Draft, Readers};
use kinitro_core::private_file;
use serde::Serialize;
use zeroize::Zeroizing;

use super::error::{KeyFileError, WalletError};
use super::key_file::{self, KeyFile, PlainKey};
use super::keypair::Keypair;
use super::mnemonic::Mnemonic;

/// The suffix of the file with a hotkey's public half.
const PUBLIC: &str = "pub.txt";

/// The largest file that is read as a key. Bittensor writes about 600 bytes.
const LARGEST: usize = 64 * 1024;

/// Why no password is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoPassword(String);

impl NoPassword {
    /// A reason for the missing password. It completes the sentence "there is no password: ...".
    pub fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A source of passwords for encrypted keys: a function that asks, or [`NoPassword`], which has none.
pub trait Passwords {
    /// The password of the key in that file. Called once for each key, and only if it is encrypted.
    ///
    /// # Errors
    /// [`NoPassword`] with the reason.
    fn password(&self, path: &Path) -> Result<Zeroizing<String>, NoPassword>;
}

impl Passwords for NoPassword {
    fn password(&self, _: &Path) -> Result<Zeroizing<String>, NoPassword> {
        Err(self.clone())
    }
}

impl<F: Fn(&Path) -> Result<Zeroizing<String>, NoPassword>> Passwords for F {
    fn password(&self, path: &Path) -> Result<Zeroizing<String>, NoPassword> {
        self(path)
    }
}

/// A folder that contains wallets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallets {
    path: PathBuf,
}

impl Wallets {
    /// The wallets in that folder. A leading `~` stands for the home folder, as in Bittensor's
    /// variables and settings, where no shell expands it.
    ///
    /// # Errors
    /// [`WalletError::NoHome`] if the path begins with `~` and `HOME` is not set.
    pub fn new(path: impl Into<PathBuf>) -> Result<Self, WalletError> {
        let path = path.into();
        let path = match path.strip_prefix("~") {
            Ok(rest) => {
                let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
                Path::new(&home.ok_or(WalletError::NoHome)?).join(rest)
            }
            Err(_) => path,
        };
        Ok(Self { path })
    }

    /// The wallets in Bittensor's default folder, `~/.bittensor/wallets`.
    ///
    /// # Errors
    /// [`WalletError::NoHome`].
    pub fn standard() -> Result<Self, WalletError> {
        Self::new("~/.bittensor/wallets")
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All wallets, sorted by name. Folders whose names are not allowed for wallets are skipped.
    ///
    /// # Errors
    /// [`WalletError::Missing`] if there is no such folder, [`WalletError::Io`].
    pub fn list(&self) -> Result<Vec<Wallet>, WalletError> {
        let names = names_in("folder of wallets", &self.path)?;
        let wallets = names.into_iter().filter_map(|name| self.wallet(&name).ok());
        Ok(wallets.filter(|wallet| wallet.path.is_dir()).collect())
    }

    /// The wallet of that name, whether or not it exists.
    ///
    /// # Errors
    /// [`WalletError::InvalidName`].
    pub fn wallet(&self, name: &str) -> Result<Wallet, WalletError> {
        check_name("wallet", name)?;
        Ok(Wallet { path: self.path.join(name), name: name.to_owned() })
    }
}

/// A wallet: a coldkey that owns the stake, and hotkeys that sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wallet {
    path: PathBuf,
    name: String,
}

impl Wallet {
    /// The name of the wallet.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The coldkey, which is normally encrypted. Kinitro never signs with it.
    pub fn coldkey(&self) -> StoredKey {
        let public = self.path.join("coldkeypub.txt");
        StoredKey { name: "coldkey".to_owned(), path: self.path.join("coldkey"), public }
    }

    /// All hotkeys, sorted by name, including those of which there is only an address.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn hotkeys(&self) -> Result<Vec<StoredKey>, WalletError> {
        let folder = self.path.join("hotkeys");
        let names = match names_in("folder of hotkeys", &folder) {
            Err(WalletError::Missing { .. }) => return Ok(Vec::new()),
            names => names?,
        };
        let names: BTreeSet<_> =
            names.iter().map(|name| name.strip_suffix(PUBLIC).unwrap_or(name)).collect();
        Ok(names.into_iter().filter_map(|name| self.hotkey(name).ok()).collect())
    }

    /// The hotkey of that name, whether or not it exists.
    ///
    /// # Errors
    /// [`WalletError::InvalidName`].
    pub fn hotkey(&self, name: &str) -> Result<StoredKey, WalletError> {
        check_name("hotkey", name)?;
        let folder = self.path.join("hotkeys");
        let public = folder.join(format!("{name}{PUBLIC}"));
        Ok(StoredKey { name: name.to_owned(), path: folder.join(name), public })
    }

    /// Writes the key of a mnemonic as a hotkey of that name, with its public half, as
    /// bittensor-wallet does: unencrypted, readable by its owner only. Missing folders are created.
    /// Each file is written whole or not at all, and an existing one is kept unless `overwrite` is
    /// set.
    ///
    /// # Errors
    /// [`WalletError::InvalidName`], [`WalletError::Exists`], [`WalletError::Io`].
    pub fn new_hotkey(
        &self,
        name: &str,
        mnemonic: &Mnemonic,
        overwrite: bool,
    ) -> Result<StoredKey, WalletError> {
        let hotkey = self.hotkey(name)?;
        let folder = self.path.join("hotkeys");
        private_file::make_directory(&folder).map_err(WalletError::io("make", &folder))?;
        for path in [&hotkey.path, &hotkey.public] {
            if !overwrite && path.symlink_metadata().is_ok() {
                return Err(WalletError::Exists(path.clone()));
            }
        }
        let (secret, public) = key_file::write(mnemonic);
        let secret = draft(&hotkey.path, &secret)?;
        let public = draft(&hotkey.public, &public)?;
        publish(secret, &hotkey.path, overwrite)?;
        publish(public, &hotkey.public, overwrite)?;
        Ok(hotkey)
    }
}

/// How a stored key is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Protection {
    /// It is not: everyone who can read the file has the key.
    Plain,
    /// By a password.
    Encrypted,
    /// Only its address is stored, so there is nothing to protect.
    WatchOnly,
}

/// What is known about a stored key without its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeySummary {
    /// The address of the key; `None` if the password is needed to find out.
    pub account: Option<Hotkey>,
    /// How it is protected.
    pub protection: Protection,
}

/// A key in a wallet, whether or not it exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    name: String,
    path: PathBuf,
    public: PathBuf,
}

impl StoredKey {
    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of the key file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of the file with its address only, which may be missing.
    pub fn public_path(&self) -> &Path {
        &self.public
    }

    /// Loads the key, and asks for its password if it is encrypted.
    ///
    /// # Errors
    /// [`WalletError::KeyFile`] if the file cannot be used,
    /// [`WalletError::Missing`], [`WalletError::Io`].
    pub fn load(&self, passwords: &dyn Passwords) -> Result<Keypair, WalletError> {
        let failed = |source| WalletError::KeyFile { path: self.path.clone(), source };
        let key = match read_secret(&self.path)? {
            KeyFile::Plain(key) => key,
            KeyFile::Encrypted(key) => {
                let password = passwords
                    .password(&self.path)
                    .map_err(|reason| failed(KeyFileError::NoPassword(reason.0)))?;
                key.open(&password).map_err(failed)?
            }
        };
        key.into_keypair().map_err(failed)
    }

    /// The address of the key and how it is protected. An unencrypted key is checked as thoroughly as
    /// when it is loaded.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn summary(&self) -> Result<KeySummary, WalletError> {
        let public = || read_public(&self.public).map(|key| key.account());
        match read_secret(&self.path) {
            Ok(KeyFile::Plain(key)) => {
                let watch_only = key.is_watch_only();
                let protection = if watch_only { Protection::WatchOnly } else { Protection::Plain };
                Ok(KeySummary { account: Some(key.account()), protection })
            }
            Ok(KeyFile::Encrypted(_)) => {
                let account = match public() {
                    Err(WalletError::Missing { .. }) => None,
                    account => Some(account?),
                };
                Ok(KeySummary { account, protection: Protection::Encrypted })
            }
            // For some keys only the address is stored, which is not an error.
            Err(error @ WalletError::Missing { .. }) => match public() {
                Err(WalletError::Missing { .. }) => Err(error),
                account => {
                    Ok(KeySummary { account: Some(account?), protection: Protection::WatchOnly })
                }
            },
            Err(error) => Err(error),
        }
    }
}

/// Accepts names that are safe in a path and in a line of text.
fn check_name(what: &'static str, name: &str) -> Result<(), WalletError> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.' | '@' | '+');
    let valid = (1..=128).contains(&name.len())
        && name.chars().all(allowed)
        && !name.starts_with(['.', '-', ' '])
        && !name.ends_with(' ')
        && !name.ends_with(PUBLIC);
    if valid {
        Ok(())
    } else {
        Err(WalletError::InvalidName { what, name: name.chars().take(80).collect() })
    }
}

/// The names in a folder, sorted, without those that are not UTF-8.
fn names_in(what: &'static str, folder: &Path) -> Result<BTreeSet<String>, WalletError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => WalletError::Missing { what, path: folder.to_owned() },
        _ => WalletError::io("read", folder)(source),
    };
    let entries = fs::read_dir(folder).map_err(failed)?;
    let names = entries.map(|entry| Ok(entry.map_err(failed)?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

/// Reads a key file. If it has a secret, nobody but its owner may have access to it.
fn read_secret(path: &Path) -> Result<KeyFile, WalletError> {
    let (key, exposed) = read(path)?;
    match (&key, exposed) {
        (KeyFile::Plain(key), Some(mode)) if !key.is_watch_only() => {
            let source = KeyFileError::Exposed(mode);
            Err(WalletError::KeyFile { path: path.to_owned(), source })
        }
        _ => Ok(key),
    }
}

fn read_public(path: &Path) -> Result<PlainKey, WalletError> {
    match read(path)?.0 {
        KeyFile::Plain(key) => Ok(key),
        KeyFile::Encrypted(_) => {
            let source = KeyFileError::NotJson { line: 1, column: 1 };
            Err(WalletError::KeyFile { path: path.to_owned(), source })
        }
    }
}

/// Reads a key file, and its mode if others have access to it.
fn read(path: &Path) -> Result<(KeyFile, Option<u32>), WalletError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => WalletError::Missing { what: "key", path: path.to_owned() },
        _ => WalletError::io("read", path)(source),
    };
    let refused = |source| WalletError::KeyFile { path: path.to_owned(), source };
    // Before it is opened: to open a pipe would wait for someone to write to it.
    let kind = fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_dir() {
        return Err(refused(KeyFileError::NotAFile("a folder")));
    }
    if !kind.is_file() {
        return Err(refused(KeyFileError::NotAFile("a device or a pipe")));
    }
    let file = File::open(path).map_err(failed)?;
    // Of the open file, not of the path, which may have become another one meanwhile.
    let exposed = private_file::exposed(&file.metadata().map_err(failed)?);
    let content = private_file::read(&file, LARGEST).map_err(failed)?;
    let content = content.ok_or(KeyFileError::TooLarge).map_err(refused)?;
    let key = KeyFile::from_bytes(&content).map_err(refused)?;
    Ok((key, exposed))
}

fn draft(path: &Path, content: &[u8]) -> Result<Draft, WalletError> {
    Draft::new(path, content, Readers::Owner).map_err(WalletError::io("write", path))
}

fn publish(draft: Draft, path: &Path, overwrite: bool) -> Result<(), WalletError> {
    draft.publish(overwrite).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => WalletError::Exists(path.to_owned()),
        _ => WalletError::io("write", path)(source),
    })
}

#[cfg(test)]
mod tests;
