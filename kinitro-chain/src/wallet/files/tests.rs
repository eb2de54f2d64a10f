use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::Remedy;
use crate::Signer;

const ADDRESS: &str = "5GjesiCpg7RZQxRhosMTauKz2ZowqSY2JeHk3Jcw1Fma1mkF";

struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    fn wallets(&self) -> Wallets {
        Wallets::new(self.root.path().join("wallets")).unwrap()
    }

    fn wallet(&self) -> Wallet {
        self.wallets().wallet("miner").unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn nobody() -> NoPassword {
    NoPassword::because("nobody is here")
}

#[test]
fn a_new_hotkey_is_loaded_again() {
    let folder = Folder::new();
    let wallet = folder.wallet();
    let mnemonic = Mnemonic::generate().unwrap();
    let hotkey = wallet.new_hotkey("first", &mnemonic, false).unwrap();
    let keypair = hotkey.load(&nobody()).unwrap();
    assert_eq!(keypair.hotkey(), Keypair::from_mnemonic(&mnemonic, "").hotkey());
    let summary = hotkey.summary().unwrap();
    let account = Some(keypair.hotkey());
    assert_eq!(summary, KeySummary { account, protection: Protection::Plain });
    assert_eq!((mode(hotkey.path()), mode(hotkey.public_path())), (0o600, 0o600));
    assert_eq!((mode(wallet.path()), mode(&wallet.path().join("hotkeys"))), (0o700, 0o700));
    assert_eq!(wallet.path().join("hotkeys").read_dir().unwrap().count(), 2);

    let listed = folder.wallets().list().unwrap();
    assert!(listed.iter().eq([&wallet]));
    assert!(wallet.hotkeys().unwrap().iter().eq([&hotkey]));

    fs::remove_file(hotkey.path()).unwrap();
    assert!(matches!(hotkey.load(&nobody()), Err(WalletError::Missing { .. })));
    let watched = KeySummary { account, protection: Protection::WatchOnly };
    assert_eq!(hotkey.summary().unwrap(), watched);
    assert_eq!(wallet.hotkeys().unwrap(), [hotkey]);
}

#[test]
fn a_hotkey_is_overwritten_only_when_that_is_said() {
    let folder = Folder::new();
    let wallet = folder.wallet();
    let mnemonics = [Mnemonic::generate().unwrap(), Mnemonic::generate().unwrap()];
    let hotkey = wallet.new_hotkey("first", &mnemonics[0], false).unwrap();
    let error = wallet.new_hotkey("first", &mnemonics[1], false).unwrap_err();
    assert!(matches!(&error, WalletError::Exists(path) if path == hotkey.path()), "{error}");
    fs::remove_file(hotkey.path()).unwrap();
    let error = wallet.new_hotkey("first", &mnemonics[1], false).unwrap_err();
    assert!(matches!(&error, WalletError::Exists(path) if path == hotkey.public_path()), "{error}");
    wallet.new_hotkey("first", &mnemonics[1], true).unwrap();
    let keypair = hotkey.load(&nobody()).unwrap();
    assert_eq!(keypair.hotkey(), Keypair::from_mnemonic(&mnemonics[1], "").hotkey());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = Folder::new();
    let mnemonic = Mnemonic::generate().unwrap();
    let hotkey = folder.wallet().new_hotkey("first", &mnemonic, false).unwrap();
    for exposed in [0o640, 0o604, 0o620] {
        set_mode(hotkey.path(), exposed);
        let error = hotkey.load(&nobody()).unwrap_err();
        assert!(error.to_string().contains(&format!("mode {exposed:04o}")), "{error}");
        assert_eq!(error.remedy(), Some(Remedy::RestrictKeyFile));
        assert!(hotkey.summary().is_err());
    }
    // Nothing is lost when others read an address, or what only a password opens.
    set_mode(hotkey.public_path(), 0o644);
    fs::copy(hotkey.public_path(), hotkey.path()).unwrap();
    set_mode(hotkey.path(), 0o644);
    assert_eq!(hotkey.summary().unwrap().protection, Protection::WatchOnly);
    fs::write(hotkey.path(), include_bytes!("../../../testdata/hotkey.nacl")).unwrap();
    assert_eq!(hotkey.summary().unwrap().protection, Protection::Encrypted);
}

#[test]
fn a_password_is_asked_for_only_if_one_is_needed() {
    let folder = Folder::new();
    let wallet = folder.wallet();
    let plain = wallet.new_hotkey("plain", &Mnemonic::generate().unwrap(), false).unwrap();
    let nobody_asks = |_: &Path| -> Result<Zeroizing<String>, NoPassword> { panic!("asked") };
    plain.load(&nobody_asks).unwrap();

    let secret = wallet.hotkey("secret").unwrap();
    fs::write(secret.path(), include_bytes!("../../../testdata/hotkey.nacl")).unwrap();
    let unknown = KeySummary { account: None, protection: Protection::Encrypted };
    assert_eq!(secret.summary().unwrap(), unknown);
    let error = secret.load(&nobody()).unwrap_err().to_string();
    assert!(error.ends_with("there is no password: nobody is here"), "{error}");
    let password = |path: &Path| {
        assert_eq!(path, secret.path());
        Ok(Zeroizing::new("correct horse battery staple".to_owned()))
    };
    assert_eq!(secret.load(&password).unwrap().hotkey().to_string(), ADDRESS);
}

#[test]
fn what_is_no_file_of_a_key_is_refused() {
    let folder = Folder::new();
    let wallet = folder.wallet();
    let hotkey = wallet.hotkey("first").unwrap();
    assert!(wallet.hotkeys().unwrap().is_empty());
    let missing = hotkey.load(&nobody()).unwrap_err();
    assert!(matches!(&missing, WalletError::Missing { what: "key", .. }), "{missing}");
    let nowhere = folder.wallets().list().unwrap_err();
    assert!(matches!(&nowhere, WalletError::Missing { what: "folder of wallets", .. }));

    fs::create_dir_all(hotkey.path()).unwrap();
    let error = hotkey.load(&nobody()).unwrap_err().to_string();
    assert!(error.ends_with("it is a folder, not a file"), "{error}");
    fs::remove_dir(hotkey.path()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(hotkey.path()).status().unwrap();
    assert!(made.success());
    let error = hotkey.load(&nobody()).unwrap_err().to_string();
    assert!(error.ends_with("a device or a pipe, not a file"), "{error}");
    fs::remove_file(hotkey.path()).unwrap();
    fs::write(hotkey.path(), [b' '; LARGEST + 1]).unwrap();
    let error = hotkey.load(&nobody()).unwrap_err().to_string();
    assert!(error.ends_with("larger than any key file"), "{error}");
}

#[test]
fn a_name_cannot_leave_its_folder() {
    let wallets = Folder::new().wallets();
    let long = "a".repeat(129);
    for bad in ["", ".", "..", "../x", "a/b", "a\\b", "a\0", "a\n", ".x", "-x", " x", "x ", &long] {
        assert!(matches!(wallets.wallet(bad), Err(WalletError::InvalidName { .. })), "{bad:?}");
        assert!(wallets.wallet("miner").unwrap().hotkey(bad).is_err(), "{bad:?}");
    }
    assert!(wallets.wallet("miner").unwrap().hotkey("firstpub.txt").is_err());
    let error = wallets.wallet("a\u{1b}[2J\u{202e}").unwrap_err().to_string();
    assert!(!error.chars().any(|c| c.is_control() || c == '\u{202e}'), "{error}");
    for good in ["default", "my wallet", "wallet-2.old", "größe", "me@host"] {
        assert_eq!(wallets.wallet(good).unwrap().path().parent(), Some(wallets.path()));
    }
}
