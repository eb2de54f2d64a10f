//! `scripts/setup.py`, which `make setup` runs. None of these tests needs the network: pip is a
//! stand-in.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kinitro_tests::{Program, assets, workspace};
use tempfile::TempDir;

/// A pip that is not there.
const NO_PIP: &str = "import sys; sys.exit('No module named pip')";

/// A pip that downloads wheels in which nothing is, for whatever it is asked.
const WRONG_WHEELS: &str = r#"
import pathlib, sys
if sys.argv[1] == "download":
    name, version = sys.argv[2].split("==")
    folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
    (folder / f"{name}-{version}-py3-none-any.whl").write_text("no wheel\n")
"#;
/// The digest of such a wheel.
const DIGEST: &str = "db2f18ec4a074ac561622712af4a91565e0b148f21312b1d06d97dc7b0b50efa";

/// A pip that cannot reach its index.
const NO_NETWORK: &str = r#"
import sys
if sys.argv[1] == "download":
    print("WARNING: Retrying\nERROR: Could not find a version", file=sys.stderr)
    sys.exit(1)
"#;

/// A copy of what the set-up is made of, in which nothing is set up, and a pip.
struct Tree {
    root: TempDir,
}

impl Tree {
    fn new(pip: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        for file in ["scripts/setup.py", "kinitro-eval/pins.json"] {
            let target = root.path().join(file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(workspace().join(file), target).unwrap();
        }
        let package = root.path().join("python/pip");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("__init__.py"), "").unwrap();
        fs::write(package.join("__main__.py"), pip).unwrap();
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The set-up of a tree, with the pip of this one.
    fn set_up(&self, tree: &Path) -> Program {
        Program::new("python3")
            .with_own_environment()
            .arg(tree.join("scripts/setup.py"))
            .env("PYTHONPATH", self.path("python"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("KINITRO_METAWORLD_ASSETS", assets())
    }

    #[track_caller]
    fn has_no_mujoco(&self) {
        let left: Vec<_> =
            fs::read_dir(self.path("third_party")).into_iter().flatten().flatten().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

fn pinned(pointer: &str) -> String {
    let pins = kinitro_tests::results::json(&workspace().join("kinitro-eval/pins.json"));
    pins.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn what_is_in_place_is_left_alone_and_pip_is_not_asked() {
    let tree = Tree::new(NO_PIP);
    let library = workspace().join("third_party/mujoco/lib/libmujoco.so");
    let modified = || fs::metadata(&library).unwrap().modified().unwrap();
    let (before, started) = (modified(), Instant::now());
    let finished = tree.set_up(workspace()).run().with_code(0);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("", ""));
    assert_eq!(modified(), before);
}

#[test]
fn without_pip_it_says_what_to_install() {
    let tree = Tree::new(NO_PIP);
    let finished = tree.set_up(tree.root.path()).run();
    finished.failed(1, &["has no pip"], &["apt-get install python3-pip", "make setup"]);
    tree.has_no_mujoco();
}

#[test]
fn without_a_network_it_says_what_pip_says() {
    let tree = Tree::new(NO_NETWORK);
    let finished = tree.set_up(tree.root.path()).run();
    let words = ["pip could not download mujoco==3.17.0", "ERROR: Could not find a version"];
    finished.failed(1, &words, &["check the network", "pip config list"]);
    tree.has_no_mujoco();
}

#[test]
fn a_library_with_another_digest_is_refused_and_not_left_behind() {
    let tree = Tree::new(WRONG_WHEELS);
    let machine = format!("/mujoco/wheels/{}/sha256", std::env::consts::ARCH);
    let finished = tree.set_up(tree.root.path()).run();
    finished.failed(1, &[DIGEST, &pinned(&machine)], &["do not use it", "pins.json"]);
    tree.has_no_mujoco();
}

#[test]
fn assets_with_another_digest_are_refused_and_not_left_behind() {
    let tree = Tree::new(WRONG_WHEELS);
    let folder = tree.path("data");
    let finished =
        tree.set_up(workspace()).env("KINITRO_METAWORLD_ASSETS", folder.join("assets")).run();
    finished.failed(1, &[DIGEST, &pinned("/metaworld/sha256")], &["do not use it", "pins.json"]);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_with_its_path() {
    let tree = Tree::new(NO_PIP);
    let set_up = tree.set_up(workspace()).env("KINITRO_METAWORLD_ASSETS", "/proc/kinitro/assets");
    set_up.run().failed(1, &["cannot write to /proc/kinitro"], &["KINITRO_METAWORLD_ASSETS"]);
}
