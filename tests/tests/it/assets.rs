//! The MetaWorld assets: how missing assets are reported, and how they are fetched.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use kinitro_tests::{Program, assets, kinitro, not_tested, wait_until, workspace};
use tempfile::TempDir;

const FETCH: &str = "env fetch metaworld";

/// What `pins.json` says the wheel's digest is.
fn pinned_digest() -> String {
    let pins = kinitro_tests::results::json(&workspace().join("kinitro-eval/pins.json"));
    pins["metaworld"]["sha256"].as_str().unwrap().to_owned()
}

/// A fetch into a data folder, with a `python3` that is a shell script.
fn fetch_with_python(data: &Path, script: &str) -> (Program, TempDir) {
    let programs = tempfile::tempdir().unwrap();
    let python = programs.path().join("python3");
    fs::write(&python, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let program = kinitro(FETCH)
        .without_env("KINITRO_METAWORLD_ASSETS")
        .env("XDG_DATA_HOME", data)
        .env("PATH", path);
    (program, programs)
}

/// Checks that nothing lies where the assets would.
#[track_caller]
fn nothing_is_left_in(data: &Path) {
    let folder = data.join("kinitro/assets");
    let left: Vec<_> = fs::read_dir(&folder).into_iter().flatten().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Puts a wheel into the folder that pip was told, which comes last.
const DOWNLOAD: &str =
    "for last; do :; done; echo 'no wheel' >\"$last/metaworld-3.1.1-py3-none-any.whl\"";
/// The digest of that wheel.
const DIGEST: &str = "db2f18ec4a074ac561622712af4a91565e0b148f21312b1d06d97dc7b0b50efa";

#[test]
fn missing_assets_are_told_with_the_command_that_gets_them() {
    let empty = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/metaworld");
    let eval = kinitro("eval --policy zero --env metaworld/reach-v3");
    let parity = kinitro("env parity").arg(golden);
    for program in [eval, parity] {
        let path = empty.path().display().to_string();
        let finished = program.env("KINITRO_METAWORLD_ASSETS", empty.path()).run();
        let hint = ["`kinitro env fetch metaworld`", "KINITRO_METAWORLD_ASSETS"];
        finished.failed(3, &["the MetaWorld assets are not in", &path], &hint);
    }
}

#[test]
fn assets_are_looked_for_in_the_data_folder_of_the_user() {
    let home = tempfile::tempdir().unwrap();
    let run = |variable, place: &str| {
        let eval =
            kinitro("eval --policy zero --env metaworld/reach-v3 --episodes 1 --max-steps 1")
                .without_env("KINITRO_METAWORLD_ASSETS")
                .env(variable, home.path());
        let folder = home.path().join(place);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        let words = [folder.display().to_string()];
        (eval, folder, words)
    };
    for (variable, place) in [
        ("HOME", ".local/share/kinitro/assets/metaworld-3.1.1"),
        ("XDG_DATA_HOME", "kinitro/assets/metaworld-3.1.1"),
    ] {
        let (eval, folder, words) = run(variable, place);
        eval.run().failed(3, &words.each_ref().map(String::as_str), &["kinitro env fetch"]);
        std::os::unix::fs::symlink(assets(), folder).unwrap();
        let _ = run(variable, place).0.run().with_code(0);
    }
}

#[test]
fn without_python_or_pip_it_says_what_to_install() {
    let data = tempfile::tempdir().unwrap();
    let hint = ["python3 with pip", "apt-get install python3-pip"];
    let (fetch, _programs) =
        fetch_with_python(data.path(), "echo 'python3: No module named pip' >&2; exit 1");
    fetch.run().failed(3, &["No module named pip"], &hint);
    nothing_is_left_in(data.path());

    let (fetch, programs) = fetch_with_python(data.path(), "");
    let fetch = fetch.env("PATH", programs.path().join("nowhere"));
    fetch.run().failed(3, &["python3 cannot be started"], &hint);
    nothing_is_left_in(data.path());
}

#[test]
fn a_pip_that_downloads_nothing_or_talks_a_lot_is_survived() {
    let data = tempfile::tempdir().unwrap();
    let (fetch, _programs) = fetch_with_python(data.path(), "exit 0");
    fetch.run().failed(3, &["pip downloaded nothing"], &[]);
    nothing_is_left_in(data.path());

    // More than a pipe holds.
    let talk = "i=0; while [ $i -lt 4000 ]; do echo 'WARNING: Retrying after connection broken'; \
                i=$((i + 1)); done >&2; echo 'ERROR: No matching distribution' >&2; exit 1";
    let (fetch, _programs) = fetch_with_python(data.path(), talk);
    let fetch = fetch.limit(Duration::from_secs(20));
    fetch.run().failed(3, &["ERROR: No matching distribution"], &["a package index"]);
    nothing_is_left_in(data.path());
}

#[test]
fn a_wheel_with_another_digest_is_refused_and_not_left_behind() {
    let data = tempfile::tempdir().unwrap();
    let (fetch, _programs) = fetch_with_python(data.path(), DOWNLOAD);
    let pinned = pinned_digest();
    fetch.run().failed(3, &[DIGEST, &pinned], &["changed on its way", "pip config list"]);
    nothing_is_left_in(data.path());
}

#[test]
fn assets_that_are_there_stay_when_new_ones_cannot_be_had() {
    let data = tempfile::tempdir().unwrap();
    let landmark = data.path().join("kinitro/assets/metaworld-3.1.1/sawyer_xyz/sawyer.xml");
    fs::create_dir_all(landmark.parent().unwrap()).unwrap();
    fs::write(&landmark, "<mujoco/>").unwrap();
    // Without --force nothing is fetched, and so nothing can fail.
    let (fetch, _programs) = fetch_with_python(data.path(), "exit 1");
    let _ = fetch.run().with_code(0);
    for script in ["exit 1", DOWNLOAD] {
        let (fetch, _programs) = fetch_with_python(data.path(), script);
        fetch.arg("--force").run().failed(3, &[], &[]);
        assert_eq!(fs::read_to_string(&landmark).unwrap(), "<mujoco/>");
        let folder = fs::read_dir(data.path().join("kinitro/assets")).unwrap();
        assert_eq!(folder.count(), 1, "nothing lies beside it");
    }
}

#[test]
fn a_fetch_that_is_stopped_leaves_nothing_behind() {
    for signal in ["TERM", "INT"] {
        let data = tempfile::tempdir().unwrap();
        let begun = data.path().join("begun");
        let script = format!("echo >'{}'; exec sleep 60", begun.display());
        let (fetch, _programs) = fetch_with_python(data.path(), &script);
        let running = fetch.start();
        wait_until("pip has begun", || begun.exists());
        running.signal(signal);
        running.wait().failed(130, &["interrupted"], &[]);
        nothing_is_left_in(data.path());
    }
}

#[test]
fn a_place_that_cannot_be_written_to_is_told_with_its_path() {
    let fetch = kinitro(FETCH).env("KINITRO_METAWORLD_ASSETS", "/proc/kinitro/assets").run();
    fetch.failed(3, &["cannot be written to /proc/kinitro"], &["KINITRO_METAWORLD_ASSETS"]);
}

#[test]
fn an_unknown_family_is_wrong_usage() {
    kinitro("env fetch metawrld").run().failed(2, &["metawrld"], &[]);
}

/// The one test that needs the network: pip's package index.
#[test]
fn they_are_fetched_once_and_are_those_of_the_set_up() {
    if std::env::var_os("KINITRO_TESTS_OFFLINE").is_some_and(|value| !value.is_empty()) {
        return not_tested("a real download, since KINITRO_TESTS_OFFLINE is set");
    }
    let data = tempfile::tempdir().unwrap();
    let fetch = kinitro(FETCH)
        .with_own_environment()
        .without_env("KINITRO_METAWORLD_ASSETS")
        .env("XDG_DATA_HOME", data.path())
        .limit(Duration::from_secs(300));
    let finished = fetch.run().with_code(0);
    let folder = data.path().join("kinitro/assets/metaworld-3.1.1");
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains(&folder.display().to_string()), "{}", finished.stderr);
    let beside = fs::read_dir(data.path().join("kinitro/assets")).unwrap();
    assert_eq!(beside.count(), 1, "nothing lies beside it");

    // They work, and their digest is that of the ones the set-up has got.
    let digest = |assets: &Path| {
        let eval = "eval --policy zero --env metaworld/p* --episodes 1 --max-steps 1 --json";
        let report = kinitro(eval).env("KINITRO_METAWORLD_ASSETS", assets).run().with_code(0);
        let families = report.json()["manifest"]["evaluation"]["families"].clone();
        families["metaworld"]["metaworld_assets_sha256"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(&folder), digest(&assets()));

    let started = Instant::now();
    let (again, _programs) = fetch_with_python(data.path(), "exit 1");
    let _ = again.run().with_code(0);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}
