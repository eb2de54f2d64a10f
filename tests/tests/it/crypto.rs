//! Keys, and endpoints sealed and opened again.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use kinitro_tests::{Program, kinitro, skipped, workspace};
use serde_json::Value;

const ID: &str = "380208a9-ad45-f23d-3b1a-11df587fd280";
const MINER: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
const OTHER: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

/// A backend's keys, made by the program in a folder of the test's own.
struct Keys {
    config: tempfile::TempDir,
}

impl Keys {
    fn make() -> Self {
        let keys = Self { config: tempfile::tempdir().unwrap() };
        let made = keys.kinitro("crypto generate-keypair --name backend").run().with_code(0);
        assert_eq!(made.stdout, fs::read_to_string(keys.public_file()).unwrap());
        keys
    }

    fn kinitro(&self, arguments: &str) -> Program {
        kinitro(arguments).env("XDG_CONFIG_HOME", self.config.path())
    }

    /// A command that reads the private key.
    fn with_key(&self, arguments: &str) -> Program {
        self.kinitro(arguments).arg("--private-key-file").arg(self.private_file())
    }

    fn private_file(&self) -> PathBuf {
        self.config.path().join("kinitro/keys/backend")
    }

    fn public_file(&self) -> PathBuf {
        self.config.path().join("kinitro/keys/backend.pub")
    }

    fn public(&self) -> String {
        fs::read_to_string(self.public_file()).unwrap().trim().to_owned()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_key_pair_is_made_once_and_kept_to_oneself() {
    let keys = Keys::make();
    assert_eq!(mode(&keys.private_file()), 0o600);
    assert_eq!(mode(keys.private_file().parent().unwrap()), 0o700);
    let secret = fs::read_to_string(keys.private_file()).unwrap();
    let again = || keys.kinitro("crypto generate-keypair --name backend");
    again().run().failed(2, &["exists"], &["--force"]);
    assert_eq!(fs::read_to_string(keys.private_file()).unwrap(), secret);
    let shown = keys.with_key("crypto show-public-key").run().with_code(0);
    assert_eq!(shown.stdout.trim(), keys.public());
    assert!(!shown.stderr.contains(secret.trim()));
    again().arg("--force").run().with_code(0).says(&[], &[]);
    assert_ne!(fs::read_to_string(keys.private_file()).unwrap(), secret);
    keys.kinitro("crypto generate-keypair --name ../backend").run().failed(
        2,
        &["cannot name"],
        &[],
    );
}

#[test]
fn a_private_key_that_others_can_read_is_refused() {
    let keys = Keys::make();
    fs::set_permissions(keys.private_file(), Permissions::from_mode(0o644)).unwrap();
    keys.with_key("crypto show-public-key").run().failed(1, &["mode 0644", "chmod 600"], &[]);
    fs::set_permissions(keys.private_file(), Permissions::from_mode(0o600)).unwrap();
    fs::write(keys.private_file(), "correct horse battery staple").unwrap();
    let torn = keys.with_key("crypto show-public-key").run().with_code(1);
    assert!(torn.stderr.contains("64 hex characters"), "{}", torn.stderr);
    assert!(!torn.stderr.contains("horse"), "a secret was told: {}", torn.stderr);
}

#[test]
fn encryption_can_be_tried() {
    let shown = Keys::make().with_key("crypto test-encryption").run().with_code(0).stdout;
    assert!(shown.contains("version 1: ") && shown.contains("version 2: "), "{shown}");
}

#[test]
fn what_is_sealed_opens_for_its_backend_and_its_miner_alone() {
    let keys = Keys::make();
    let seal = |more: &str| {
        let command = format!("crypto seal {ID} --backend-public-key {} {more}", keys.public());
        keys.kinitro(&command).run().with_code(0).stdout.trim_end().to_owned()
    };
    let open = |keys: &Keys, sealed: &str, more: &str| {
        keys.with_key(&format!("crypto open {more}")).arg("--").arg(sealed).run()
    };
    let miner = format!("--netuid 26 --hotkey {MINER}");
    let (two, one) = (seal(&miner), seal("--seal-version 1"));
    assert!(two.len() == 80 && one.len() == 80);
    assert_ne!(two, seal(&miner), "twice the same text");
    assert_eq!(open(&keys, &two, &miner).with_code(0).stdout.trim(), ID);
    assert_eq!(open(&keys, &one, "--seal-version 1").with_code(0).stdout.trim(), ID);

    let does_not = ["does not open"];
    open(&keys, &two, &format!("--netuid 27 --hotkey {MINER}")).failed(1, &does_not, &[]);
    open(&keys, &two, &format!("--netuid 26 --hotkey {OTHER}")).failed(1, &does_not, &[]);
    open(&keys, &two, "--seal-version 1").failed(1, &does_not, &[]);
    open(&Keys::make(), &one, "--seal-version 1").failed(1, &does_not, &[]);
    open(&keys, &two, "").failed(2, &["--netuid and --hotkey"], &["--seal-version 1"]);
    open(&keys, &two[1..], &miner).failed(2, &["80 characters, not 79"], &[]);
    let hotkey = format!("--netuid 26 --hotkey {}", &MINER[1..]);
    assert!(open(&keys, &two, &hotkey).with_code(2).stdout.is_empty());
}

#[test]
fn the_shared_blobs_open() {
    let vectors = workspace().join("../shared/vectors/crypto_dev.json");
    let Ok(text) = fs::read_to_string(&vectors) else {
        return skipped(&format!("no {}", vectors.display()));
    };
    let vectors: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(vectors.len() >= 20);
    let folder = tempfile::tempdir().unwrap();
    for (index, vector) in vectors.iter().enumerate() {
        let file = folder.path().join(index.to_string());
        fs::write(&file, vector["private_key_hex"].as_str().unwrap()).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let opened = kinitro("crypto open --seal-version 1 --private-key-file")
            .arg(&file)
            .arg("--")
            .arg(vector["blob"].as_str().unwrap())
            .run()
            .with_code(0);
        assert_eq!(opened.stdout.trim(), vector["deployment_id"]);
        let shown = kinitro("crypto show-public-key --private-key-file").arg(&file).run();
        assert_eq!(shown.with_code(0).stdout.trim(), vector["public_key_hex"]);
    }
}
