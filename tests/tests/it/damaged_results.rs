//! A file of episodes that was cut off is mended; one that was damaged otherwise is not touched.

use std::fs;
use std::path::{Path, PathBuf};

use kinitro_tests::results::{contents, copy, episodes, lines};
use kinitro_tests::{Finished, kinitro};
use tempfile::TempDir;

fn evaluate(out: &Path) -> Finished {
    let arguments = "eval --policy random --env metaworld/reach-v3 --episodes 4 --max-steps 40";
    kinitro(arguments).args(["--workers", "1", "--out"]).arg(out).run()
}

/// An evaluation that was run to its end, and copies of its folder to be damaged.
struct Original {
    folder: TempDir,
}

impl Original {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let _ = evaluate(&folder.path().join("original")).with_code(0);
        Self { folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("original")
    }

    /// A copy whose file of episodes is made of these bytes.
    fn with_episodes(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let damaged = self.folder.path().join(name);
        copy(&self.path(), &damaged);
        fs::write(damaged.join("episodes.jsonl"), bytes).unwrap();
        damaged
    }

    fn text(&self) -> String {
        lines(&self.path()).iter().map(|line| format!("{line}\n")).collect()
    }
}

#[test]
fn a_torn_last_line_is_dropped_and_its_episode_run_again() {
    let original = Original::new();
    let text = original.text();
    let last = lines(&original.path())[3].len() + 1;
    for (name, missing) in [("all but a byte", last - 1), ("the middle", last / 2), ("the end", 1)]
    {
        let damaged = original.with_episodes(name, &text[..text.len() - missing]);
        let _ = evaluate(&damaged).with_code(0);
        let (mended, before) = (lines(&damaged), lines(&original.path()));
        assert_eq!(mended[..3], before[..3], "{name}: the others are left as they were");
        assert_ne!(mended[3], before[3], "{name}: it took another time, since it was run again");
        assert_eq!(episodes(&damaged), episodes(&original.path()), "{name}");
    }
}

#[test]
fn garbage_at_the_end_is_dropped() {
    let original = Original::new();
    for (name, garbage) in [
        ("half a line", &b"{\"env_id\":\"metaworld/re"[..]),
        ("zeros", &[0; 64]),
        // A power failure may lose the beginning of what was written and keep its end.
        ("zeros with an end", b"\0\0\0\0: 1}\n"),
    ] {
        let damaged = original.with_episodes(name, [original.text().as_bytes(), garbage].concat());
        let _ = evaluate(&damaged).with_code(0);
        assert_eq!(contents(&damaged), contents(&original.path()), "{name}");
    }
}

#[test]
fn damage_elsewhere_is_an_error_that_names_the_line_and_changes_nothing() {
    let original = Original::new();
    let whole = lines(&original.path());
    let with_line = |index: usize, line: &str| {
        let mut lines = whole.clone();
        line.clone_into(&mut lines[index]);
        lines.iter().map(|line| format!("{line}\n")).collect::<String>()
    };
    let half = &whole[1][..whole[1].len() / 2];
    let stranger = whole[2].replace(r#""seed":2"#, r#""seed":99"#);
    for (name, text, line, reason) in [
        ("torn", with_line(1, half), 2, "not a record"),
        ("empty", with_line(0, ""), 1, "not a record"),
        ("not an outcome", with_line(2, &whole[2].replace("failure", "miracle")), 3, "miracle"),
        ("a stranger", with_line(2, &stranger), 3, "seed 99 is no part of this evaluation"),
        ("twice", with_line(3, &whole[0]), 4, "seed 0 is there twice"),
        ("garbage", format!("{0}garbage\n{0}", original.text()), 5, "not a record"),
    ] {
        let damaged = original.with_episodes(name, text);
        let before = contents(&damaged);
        let place = format!("episodes.jsonl, line {line}: ");
        evaluate(&damaged).failed(1, &[&place, reason], &["restore it", "remove the damaged line"]);
        assert_eq!(contents(&damaged), before, "{name}");
    }
}

#[test]
fn a_removed_line_has_its_episode_run_again() {
    let original = Original::new();
    let mut lines = lines(&original.path());
    lines.remove(1);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let damaged = original.with_episodes("removed", text);
    let _ = evaluate(&damaged).with_code(0);
    assert_eq!(episodes(&damaged), episodes(&original.path()));
}

#[test]
fn a_damaged_manifest_is_an_error_that_names_it() {
    let original = Original::new();
    let damaged = original.with_episodes("manifest", original.text());
    fs::write(damaged.join("manifest.json"), "{\"format\": 1,\n \"eval").unwrap();
    let before = contents(&damaged);
    evaluate(&damaged).failed(1, &["manifest.json, line 2: "], &["restore it"]);
    assert_eq!(contents(&damaged), before);
}
