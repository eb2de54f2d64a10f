//! The program that is tested.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::workspace;

/// The path of the `kinitro` program, built from the sources that the tests were built from, with
/// the same profile and in the same place.
///
/// Cargo tells the tests of a package where its own programs are, and no other package. So it is
/// asked to build the program, once a process; when nothing has changed it says so at once.
///
/// # Panics
/// When it cannot be built.
pub fn kinitro_binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(build)
}

/// Where this test lies: `TARGET_DIR[/TRIPLE]/PROFILE/deps/TEST`.
struct Place {
    target_dir: PathBuf,
    triple: Option<String>,
    profile: String,
}

impl Place {
    fn of_this_test() -> Self {
        let test = std::env::current_exe().expect("a test knows its own path");
        let is_root = |folder: &&Path| folder.join(".rustc_info.json").is_file();
        let target_dir = test.ancestors().find(is_root).expect("tests lie in a target folder");
        let between = test.strip_prefix(target_dir).expect("it is one of the path's ancestors");
        let mut names: Vec<String> =
            between.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        // The test itself and `deps`.
        names.truncate(names.len().saturating_sub(2));
        let folder = names.pop().expect("tests lie in a folder of their profile");
        // The development profile's folder has another name than the profile.
        let profile = if folder == "debug" { "dev".to_owned() } else { folder };
        Self { target_dir: target_dir.to_owned(), triple: names.pop(), profile }
    }
}

fn build() -> PathBuf {
    let Place { target_dir, triple, profile } = Place::of_this_test();
    // Cargo says where it is to what it runs; a test that is started by hand finds it in the path.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        // With the features of the whole workspace, as the tests were: for this one package much of
        // what it depends on would be compiled again.
        .args(["build", "--workspace", "--bin", "kinitro", "--message-format=json"])
        .args(["--profile", &profile, "--target-dir"])
        .arg(target_dir)
        // The workspace's configuration, which says where MuJoCo is, is found from here.
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // What cargo tells a test of the test's package, and what some build scripts (that of ring)
    // would take for a change, to be built again each time.
    let of_package =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(of_package) {
            cargo.env_remove(name);
        }
    }
    if let Some(triple) = triple {
        cargo.args(["--target", &triple]);
    }
    let output = cargo.output().expect("cargo can be started");
    assert!(output.status.success(), "kinitro does not build: {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "kinitro";
        is_it.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    executable.expect("cargo says where it has put the program")
}
