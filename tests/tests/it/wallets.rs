//! Wallets: what is made of bad ones, and that those of Bittensor's own library and ours are the
//! same.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kinitro_chain::Signer as _;
use kinitro_chain::wallet::{NoPassword, StoredKey, Wallets, verify};
use kinitro_tests::mounts::Disk;
use kinitro_tests::{
    Finished, Program, foreign_python, kinitro, kinitro_binary, not_tested, workspace,
};
use serde_json::{Value, json};
use zeroize::Zeroizing;

const PASSWORD: &str = "correct horse battery staple";
/// The key of [`plain`] and of [`encrypted`].
const ADDRESS: &str = "5GjesiCpg7RZQxRhosMTauKz2ZowqSY2JeHk3Jcw1Fma1mkF";
const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

/// A key file as bittensor-wallet 4.1 writes it.
fn plain() -> Value {
    json!({
        "accountId": "0xcea57758038c61db90971a9416fbfe18add39dfaa9118ad290065359492df769",
        "publicKey": "0xcea57758038c61db90971a9416fbfe18add39dfaa9118ad290065359492df769",
        "secretPhrase":
            "toy surface whip universe worry direct gospel globe tribe current ship cream",
        "secretSeed": "0x92178bba46c1745f698e4ebb077f252a9db048ff5e752083c78baef0b9011d60",
        "ss58Address": ADDRESS,
        "cryptoType": 1,
    })
}

/// The same, encrypted by bittensor-wallet with [`PASSWORD`].
fn encrypted() -> Vec<u8> {
    fs::read(workspace().join("kinitro-chain/testdata/hotkey.nacl")).unwrap()
}

/// A folder of wallets of a test's own.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("wallets")
    }

    fn kinitro(&self, arguments: &str) -> Program {
        kinitro(arguments).arg("--wallet-path").arg(self.path())
    }

    fn hotkey(&self, name: &str) -> PathBuf {
        self.path().join("default/hotkeys").join(name)
    }

    /// Puts a file where the hotkey `default` should be.
    fn put(&self, content: impl AsRef<[u8]>, mode: u32) {
        let path = self.hotkey("default");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn show(&self) -> Finished {
        self.kinitro("wallet show").run()
    }

    fn unlock(&self, password: &str) -> Finished {
        self.kinitro("wallet show --unlock --json").env("BT_WALLET_PASSWORD", password).run()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs a program on a terminal, types a line as soon as that is not shown, and gives what is seen
/// on the terminal.
fn on_a_terminal(types: &str, program: &[&str]) -> Finished {
    const TERMINAL: &str = r#"
import os, pty, sys, termios, time
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[2], sys.argv[2:])
if sys.argv[1]:
    while termios.tcgetattr(terminal)[3] & termios.ECHO:
        time.sleep(0.01)
    os.write(terminal, sys.argv[1].encode() + b"\n")
seen = b""
while True:
    try:
        seen += os.read(terminal, 4096)
    except OSError:
        break
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    Program::new("python3").args(["-c", TERMINAL, types]).args(program).run()
}

#[test]
fn a_new_hotkey_is_made_once_and_kept_to_oneself() {
    let folder = Folder::new();
    let made = folder.kinitro("wallet new-hotkey").run().with_code(0);
    let address = made.stdout.trim_end();
    let file = folder.hotkey("default");
    let key: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(key["ss58Address"], address);
    let phrase = key["secretPhrase"].as_str().unwrap();
    assert!(!made.stderr.contains(phrase) && made.stderr.contains("--show-mnemonic"));
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&folder.hotkey("defaultpub.txt")), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);

    folder.kinitro("wallet new-hotkey").run().failed(2, &["exists"], &["--force"]);
    assert_eq!(serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap(), key);
    let shown = folder.show().with_code(0);
    assert!(shown.stdout.contains(address) && shown.stdout.contains("plain"), "{}", shown.stdout);

    let again = folder.kinitro("wallet new-hotkey --force --show-mnemonic").run().with_code(0);
    let key: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_ne!(again.stdout.trim_end(), address);
    let phrase = key["secretPhrase"].as_str().unwrap();
    assert_eq!(again.stderr.matches(phrase).count(), 1, "{}", again.stderr);
    assert!(!again.stdout.contains(phrase));

    let other = "wallet new-hotkey --wallet-name ../x";
    folder.kinitro(other).run().failed(2, &["`../x` cannot name a wallet"], &[]);
    let other = "wallet new-hotkey --hotkey-name apub.txt";
    folder.kinitro(other).run().failed(2, &["cannot name a hotkey"], &[]);
}

#[test]
fn a_mnemonic_is_shown_on_a_terminal() {
    let folder = Folder::new();
    let path = folder.path();
    let program = kinitro_binary().to_str().unwrap();
    let arguments = ["wallet", "new-hotkey", "--wallet-path", path.to_str().unwrap()];
    let seen = on_a_terminal("", &[&[program], &arguments[..]].concat()).with_code(0).stdout;
    let key: Value = serde_json::from_slice(&fs::read(folder.hotkey("default")).unwrap()).unwrap();
    let phrase = key["secretPhrase"].as_str().unwrap();
    assert_eq!(seen.matches(&format!("mnemonic: {phrase}")).count(), 1, "{seen}");
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let folder = Folder::new();
    folder.put(encrypted(), 0o600);
    let path = folder.path();
    let program = kinitro_binary().to_str().unwrap();
    let arguments = ["wallet", "show", "--unlock", "--wallet-path", path.to_str().unwrap()];
    let seen = on_a_terminal(PASSWORD, &[&[program], &arguments[..]].concat()).with_code(0).stdout;
    assert!(seen.contains("password of") && seen.contains(ADDRESS), "{seen}");
    assert!(!seen.contains(PASSWORD), "{seen}");
}

#[test]
fn a_full_disk_leaves_no_torn_hotkey() {
    let Some(disk) = Disk::new(256) else {
        return not_tested("a full disk: nothing can be mounted");
    };
    let wallets = disk.path("wallets");
    let hotkeys = wallets.join("default/hotkeys");
    fs::create_dir_all(&hotkeys).unwrap();
    let mut fill = fs::File::create(disk.path("fill")).unwrap();
    std::io::copy(&mut std::io::repeat(0), &mut fill).unwrap_err();
    // A page more each time, until both files fit: neither is there before.
    let mut failed = 0;
    loop {
        let made = kinitro("wallet new-hotkey").arg("--wallet-path").arg(&wallets).run();
        let files = fs::read_dir(&hotkeys).unwrap().count();
        if files > 0 {
            assert_eq!((files, made.with_code(0).stdout.len()), (2, 49));
            break;
        }
        made.failed(3, &["cannot write", "No space left"], &[]);
        failed += 1;
        let length = fill.metadata().unwrap().len();
        fill.set_len(length - 4096).unwrap();
    }
    assert!(failed > 0);
}

#[test]
fn every_bad_key_file_is_refused_in_its_own_words() {
    let folder = Folder::new();
    let text = plain().to_string();
    let changed = |field: &str, value: Value| {
        let mut json = plain();
        json[field] = value;
        json.to_string().into_bytes()
    };
    let again = "btcli wallet regen-hotkey";
    let good = |mode| (text.clone().into_bytes(), mode);
    for ((content, mode), error, hint) in [
        ((Vec::new(), 0o600), "the file is empty", again),
        ((text.as_bytes()[..200].to_vec(), 0o600), "does not hold the JSON of a key", again),
        ((b"correct horse".to_vec(), 0o600), "does not hold the JSON of a key", again),
        ((vec![0xff; 300], 0o600), "does not hold the JSON of a key", again),
        ((vec![b' '; 100_000], 0o600), "larger than any key file", ""),
        (good(0o644), "others can read or write the file (mode 0644)", "chmod 600"),
        (good(0o660), "others can read or write the file (mode 0660)", "chmod 600"),
        ((changed("cryptoType", json!(0)), 0o600), "of type ed25519", "new-hotkey"),
        ((changed("cryptoType", json!("0")), 0o600), "of type ed25519", "new-hotkey"),
        ((changed("ss58Address", json!(ALICE)), 0o600), "belongs to another key", "mnemonic"),
        ((changed("secretPhrase", json!("toy surface")), 0o600), "12, 15, 18, 21 or 24 words", ""),
        ((changed("secretPhrase", json!(12)), 0o600), "`secretPhrase` is not a string", ""),
        ((b"{}".to_vec(), 0o600), "neither a secret nor an address", again),
        ((b"$NACL torn".to_vec(), 0o600), "is torn", again),
        (
            (b"$ANSIBLE_VAULT;1.1;AES256\n3132".to_vec(), 0o600),
            "encrypted in an old way (Ansible Vault)",
            "check_and_update_encryption",
        ),
        (
            (b"gAAAAABh0b9kZm9v".to_vec(), 0o600),
            "encrypted in an old way (Fernet)",
            "check_and_update_encryption",
        ),
    ] {
        folder.put(content, mode);
        let refused = folder.show().with_code(1);
        assert!(!refused.stderr.contains("surface"), "a secret was told: {}", refused.stderr);
        refused.failed(1, &[error, "default/hotkeys/default"], &[hint]);
    }
    fs::remove_file(folder.hotkey("default")).unwrap();
    folder.show().failed(3, &["there is no key at"], &["kinitro wallet list"]);
    fs::create_dir(folder.hotkey("default")).unwrap();
    folder.show().failed(1, &["it is a folder, not a file"], &[]);
    let nowhere = kinitro("wallet list --wallet-path /nonexistent").run();
    nowhere.failed(3, &["there is no folder of wallets at /nonexistent"], &[]);
    kinitro("wallet list").without_env("HOME").run().failed(3, &["HOME is not set"], &[]);
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let folder = Folder::new();
    folder.put(encrypted(), 0o600);
    let shown = folder.show().with_code(0);
    assert!(shown.stdout.contains("encrypted") && !shown.stdout.contains(ADDRESS));
    assert!(shown.stderr.contains("--unlock"), "{}", shown.stderr);
    let no_terminal = folder.kinitro("wallet show --unlock").run();
    no_terminal.failed(3, &["there is no password"], &["BT_WALLET_PASSWORD"]);
    folder.unlock("another").failed(1, &["the password is wrong"], &[]);
    let unlocked = folder.unlock(PASSWORD).with_code(0).json();
    assert_eq!(unlocked["address"], ADDRESS);
    assert_eq!(unlocked["protection"], "encrypted");
}

#[test]
fn an_address_alone_is_shown_and_signs_nothing() {
    let folder = Folder::new();
    folder.put(json!({ "ss58Address": ADDRESS }).to_string(), 0o644);
    let shown = folder.show().with_code(0);
    assert!(shown.stdout.contains(ADDRESS) && shown.stdout.contains("address only"));
    folder.unlock("").failed(1, &["an address and no secret"], &["mnemonic"]);
}

#[test]
fn wallets_are_listed_with_the_bad_beside_the_good() {
    let folder = Folder::new();
    folder.put("torn", 0o600);
    let made = folder.kinitro("wallet new-hotkey --hotkey-name first").run().with_code(0);
    let address = made.stdout.trim_end();
    fs::write(folder.hotkey("watchedpub.txt"), plain_public().to_string()).unwrap();
    fs::write(folder.path().join("default/coldkeypub.txt"), plain_public().to_string()).unwrap();
    fs::create_dir_all(folder.path().join("other")).unwrap();
    fs::write(folder.path().join("other/hotkeys"), "no folder").unwrap();
    fs::write(folder.path().join("a file"), "").unwrap();

    let list = |more: &str| folder.kinitro(&format!("wallet list {more}")).run().with_code(0);
    let json = list("--json").json();
    assert_eq!(json[0]["name"], "default");
    assert_eq!(json[0]["coldkey"]["address"], ADDRESS);
    assert_eq!(json[0]["coldkey"]["protection"], "watch_only");
    let [torn, first, watched] = json[0]["hotkeys"].as_array().unwrap().as_slice() else {
        panic!("{json}");
    };
    assert!(torn["problem"].as_str().unwrap().contains("does not hold the JSON"));
    assert_eq!((&first["address"], &first["protection"]), (&json!(address), &json!("plain")));
    assert_eq!(watched["protection"], "watch_only");
    assert_eq!((&json[0]["problem"], &json[1]["coldkey"]), (&Value::Null, &Value::Null));
    assert_eq!(json[1]["name"], "other");
    assert!(json[1]["problem"].as_str().unwrap().contains("other/hotkeys"), "{json}");
    assert_eq!(json.as_array().unwrap().len(), 2);

    let table = list("");
    assert!(table.stdout.contains(address) && table.stdout.contains("of no use"));
    assert_eq!(table.stderr.matches("warning: ").count(), 2, "{}", table.stderr);
}

fn plain_public() -> Value {
    json!({ "ss58Address": ADDRESS, "cryptoType": 1 })
}

#[test]
fn the_names_of_bittensor_are_taken_from_the_environment() {
    let folder = Folder::new();
    let home = folder.path();
    let with_names = |arguments: &str| {
        kinitro(arguments)
            .env("HOME", &home)
            .env("BT_WALLET_PATH", "~/here")
            .env("BT_WALLET_NAME", "miner")
            .env("BT_WALLET_HOTKEY", "first")
    };
    let made = with_names("wallet new-hotkey").run().with_code(0).stdout;
    assert!(home.join("here/miner/hotkeys/first").is_file());
    let shown = with_names("wallet show --json").run().with_code(0).json();
    assert_eq!(shown["address"], made.trim_end());
    with_names("wallet show --hotkey-name second").run().failed(3, &["miner/hotkeys/second"], &[]);
}

/// What PyPI bittensor-wallet answers.
fn theirs(python: &Path, arguments: &[&str]) -> Value {
    let script = workspace().join("tests/foreign/wallets.py");
    let finished = Program::new(python).arg(script).args(arguments).run().with_code(0);
    serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap()
}

fn signature_of(key: &Value) -> [u8; 64] {
    let hex = key["signature"].as_str().unwrap();
    let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys_of_bittensor_wallet_are_ours_too() {
    let Some(python) = foreign_python() else { return };
    let folder = Folder::new();
    let made = theirs(&python, &["make", folder.path().to_str().unwrap()]);
    let wallet = Wallets::new(folder.path()).unwrap().wallet("theirs").unwrap();
    let message = made["message"].as_str().unwrap().as_bytes();
    let password = |_: &Path| -> Result<Zeroizing<String>, NoPassword> {
        Ok(Zeroizing::new(made["password"].as_str().unwrap().to_owned()))
    };

    let mut signatures = Vec::new();
    for key in made["keys"].as_array().unwrap() {
        let name = key["name"].as_str().unwrap();
        let stored: StoredKey =
            if name == "coldkey" { wallet.coldkey() } else { wallet.hotkey(name).unwrap() };
        let loaded = stored.load(&password);
        if name == "ed25519" {
            assert!(loaded.unwrap_err().to_string().contains("of type ed25519"));
            continue;
        }
        let keypair = loaded.unwrap();
        let address = key["address"].as_str().unwrap();
        assert_eq!(keypair.hotkey().to_string(), address, "{name}");
        assert_eq!(stored.summary().unwrap().account, Some(keypair.hotkey()), "{name}");
        assert!(verify(&keypair.hotkey(), message, &signature_of(key)), "{name}");
        let ours = keypair.sign(b"signed by kinitro");
        signatures.push(json!([address, "signed by kinitro", hex(&ours)]));
    }
    assert_eq!(signatures.len(), 7);
    // One that is not right, so that it is known that the others are.
    signatures.push(json!([signatures[0][0], "signed by someone", signatures[0][2]]));
    let verified = theirs(&python, &["verify", &Value::from(signatures).to_string()]);
    assert_eq!(verified, json!([true, true, true, true, true, true, true, false]));
}

#[test]
fn our_new_hotkey_is_theirs_too() {
    let Some(python) = foreign_python() else { return };
    let folder = Folder::new();
    let made = folder.kinitro("wallet new-hotkey --wallet-name ours --hotkey-name first").run();
    let address = made.with_code(0).stdout.trim_end().to_owned();
    let path = folder.path();
    let loaded = theirs(&python, &["load", path.to_str().unwrap(), "ours", "first"]);
    assert_eq!((&loaded["address"], &loaded["public"]), (&json!(address), &json!(address)));
    let message = loaded["message"].as_str().unwrap().as_bytes();
    assert!(verify(&address.parse().unwrap(), message, &signature_of(&loaded)));
}
