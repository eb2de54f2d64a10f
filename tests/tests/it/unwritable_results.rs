//! Disks that are full or cannot be written to: an error that says so, and nothing that was done is
//! lost.

use std::fs;
use std::path::Path;

use kinitro_tests::mounts::Disk;
use kinitro_tests::results::{contents, episodes, line_count, lines};
use kinitro_tests::{Program, assets, kinitro, kinitro_binary, not_tested};

const EVALUATION: &str = "eval --policy random --env metaworld/reach-v3 --episodes 40 \
                          --max-steps 10 --workers 2 --out";

fn evaluation(out: &Path) -> Program {
    kinitro(EVALUATION).arg(out)
}

/// The episodes of the evaluation when nothing goes wrong.
fn undisturbed(folder: &Path) -> std::collections::BTreeMap<(String, u64), serde_json::Value> {
    let out = folder.join("undisturbed");
    let _ = evaluation(&out).run().with_code(0);
    episodes(&out)
}

fn no_mounts(what: &str) {
    not_tested(&format!("{what}, for want of permission to mount"));
}

#[test]
fn a_folder_that_cannot_be_made_is_told_with_its_path() {
    // Not even root can make anything there.
    let finished = evaluation(Path::new("/proc/kinitro-results")).run();
    finished.failed(3, &["/proc/kinitro-results could not be made"], &["can be written to"]);
}

#[test]
fn a_file_in_place_of_the_folder_is_told_with_its_path() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    evaluation(file.path()).run().failed(3, &[&path], &["can be written to"]);
}

#[test]
fn a_disk_that_turns_read_only_keeps_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut disk) = Disk::new(256) else {
        return no_mounts("a read-only disk (a folder that cannot be made is)");
    };
    let out = disk.path("out");
    let _ = evaluation(&out).run().with_code(0);
    let cut: String = lines(&out)[..10].iter().map(|line| format!("{line}\n")).collect();
    fs::write(out.join("episodes.jsonl"), cut).unwrap();
    let before = contents(&out);

    disk.set_writable(false);
    let words = ["episodes.jsonl could not be opened", "Read-only file system"];
    evaluation(&out).run().failed(3, &words, &["can be written to"]);
    let new = evaluation(&disk.path("new")).run();
    new.failed(3, &["new could not be made", "Read-only file system"], &["can be written to"]);

    disk.set_writable(true);
    assert_eq!(contents(&out), before);
    let _ = evaluation(&out).run().with_code(0);
    assert_eq!(episodes(&out), undisturbed(folder.path()));
}

#[test]
fn a_full_disk_keeps_what_is_done_and_the_rest_is_run_once_there_is_space() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(64) else {
        return no_mounts("a full disk (files that may not grow are)");
    };
    // Two pages are left: one for the manifest, one for episodes.
    let ballast = disk.path("ballast");
    fs::write(&ballast, vec![0; 56 * 1024]).unwrap();
    let out = disk.path("out");
    let finished = evaluation(&out).run();
    let words = ["episodes.jsonl could not be written", "No space left on device"];
    finished.failed(3, &words, &["the disk has space", "goes on where this one stopped"]);
    assert!((1..40).contains(&lines(&out).len()), "some are kept, and whole");
    let kept = lines(&out);

    // With no space at all, it is the same, and nothing more is lost.
    evaluation(&out).run().failed(3, &words, &["the disk has space"]);
    assert_eq!(lines(&out)[..kept.len()], kept);

    fs::remove_file(ballast).unwrap();
    let _ = evaluation(&out).run().with_code(0);
    assert_eq!(lines(&out)[..kept.len()], kept);
    assert_eq!(episodes(&out), undisturbed(folder.path()));
}

#[test]
fn a_disk_too_full_for_the_summary_has_all_episodes() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(64) else {
        return no_mounts("a full disk (files that may not grow are)");
    };
    let ballast = disk.path("ballast");
    fs::write(&ballast, vec![0; 52 * 1024]).unwrap();
    let out = disk.path("out");
    let words = ["summary.json could not be written", "No space left on device"];
    evaluation(&out).run().failed(3, &words, &["the disk has space"]);
    let kept = lines(&out);
    assert_eq!(kept.len(), 40);
    fs::remove_file(ballast).unwrap();
    let _ = evaluation(&out).run().with_code(0);
    assert_eq!(lines(&out), kept);
    assert_eq!(episodes(&out), undisturbed(folder.path()));
}

#[test]
fn a_disk_too_full_for_the_manifest_leaves_a_folder_that_can_be_used_later() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::new(64) else {
        return no_mounts("a full disk (files that may not grow are)");
    };
    let ballast = disk.path("ballast");
    fs::write(&ballast, vec![0; 64 * 1024]).unwrap();
    let out = disk.path("out");
    let words = ["manifest.json could not be written", "No space left on device"];
    evaluation(&out).run().failed(3, &words, &["the disk has space"]);
    fs::remove_file(ballast).unwrap();
    let _ = evaluation(&out).run().with_code(0);
    assert_eq!(episodes(&out), undisturbed(folder.path()));
}

/// What full disks do without a disk: files may not grow beyond a length.
#[test]
fn a_file_that_may_not_grow_keeps_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    // Blocks of 512 bytes: enough for the manifest and for some episodes. The signal that comes
    // with it must be ignored for the error to be seen.
    let finished = Program::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "sh"])
        .arg(kinitro_binary())
        .args(EVALUATION.split_whitespace())
        .arg(&out)
        .env("KINITRO_METAWORLD_ASSETS", assets())
        .run();
    let words = ["episodes.jsonl could not be written", "File too large"];
    finished.failed(3, &words, &["goes on where this one stopped"]);
    let kept = lines(&out);
    assert!((1..40).contains(&kept.len()), "{}", kept.len());
    assert_eq!(line_count(&out), kept.len());
    let _ = evaluation(&out).run().with_code(0);
    assert_eq!(lines(&out)[..kept.len()], kept);
    assert_eq!(episodes(&out), undisturbed(folder.path()));
}
