//! `kinitro env show`, `kinitro env check`, and the pictures and films of `kinitro eval`.

use std::fs;
use std::path::Path;

use kinitro_tests::{kinitro, workspace};

/// Width and height, from the header that every PNG begins with.
fn png_size(file: &Path) -> (u32, u32) {
    let bytes = fs::read(file).unwrap();
    assert_eq!(bytes[..8], *b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn an_environment_is_shown_with_what_is_seen_and_done() {
    let shown = kinitro("env show metaworld/peg-insert-v3").run().with_code(0);
    assert!(shown.stdout.starts_with("metaworld/peg-insert-side-v3: "), "{}", shown.stdout);
    for words in ["500 steps", "with a scripted expert", "ee_pos", "ee_twist", "corner2", "84x84"] {
        assert!(shown.stdout.contains(words), "no `{words}`:\n{}", shown.stdout);
    }
    let spec = kinitro("env show metaworld/peg-insert-v3 --json").run().with_code(0).json();
    let listed = kinitro("env list metaworld/peg-insert-side-v3 --json").run().with_code(0).json();
    assert_eq!(spec["expert"], true);
    for (key, value) in listed[0].as_object().unwrap() {
        assert_eq!(spec[key], *value, "{key}");
    }
}

#[test]
fn a_picture_is_written_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let draw = |name: &str, more: &str| {
        let file = folder.path().join(name);
        let arguments = format!("env show metaworld/reach-v3 --png {} {more}", file.display());
        let drawn = kinitro(&arguments).run().with_code(0);
        assert!(drawn.stderr.contains("the picture from `corner"), "{}", drawn.stderr);
        assert_eq!(png_size(&file), (84, 84));
        fs::read(file).unwrap()
    };
    let plain = draw("plain.png", "");
    assert_eq!(draw("again.png", "--camera corner --seed 0 --pictures fast"), plain);
    assert_ne!(draw("other-camera.png", "--camera corner2"), plain);
    assert_ne!(draw("other-seed.png", "--seed 1"), plain);
    assert_ne!(draw("exact.png", "--pictures exact"), plain);
}

#[test]
fn what_cannot_be_shown_is_said() {
    let group = kinitro("env show metaworld/MT10").run();
    group.failed(2, &["`metaworld/MT10` stands for 10 environments"], &["name one of them"]);
    let unknown = kinitro("env show metaworld/peg-insrt-v3").run();
    unknown.failed(2, &["did you mean", "metaworld/peg-insert-v3"], &["kinitro env list"]);
    let camera = kinitro("env show metaworld/reach-v3 --png x.png --camera corner3").run();
    camera.failed(2, &["no camera `corner3`"], &[]);
    let nowhere = kinitro("env show metaworld/reach-v3 --png /nonexistent/x.png").run();
    nowhere.failed(3, &["/nonexistent/x.png could not be written"], &["can be written to"]);
}

#[test]
fn environments_that_do_what_they_must_pass() {
    let checked = kinitro("env check metaworld/ML45-test metaworld/door-lock-v3 --seeds 2").run();
    let checked = checked.with_code(0);
    let rows: Vec<&str> = checked.stdout.lines().skip(2).collect();
    assert_eq!(rows.len(), 5, "{}", checked.stdout);
    assert!(rows.iter().all(|row| row.ends_with("yes |")), "{}", checked.stdout);
    let told = kinitro("env check metaworld/reach-v3 --seeds 3 --seed 5 --json").run();
    let told = &told.with_code(0).json()[0];
    assert_eq!(told["env_id"], "metaworld/reach-v3");
    assert_eq!((&told["seeds"], &told["solved"]), (&3.into(), &3.into()));
    for flag in ["repeats", "differs", "passed"] {
        assert_eq!(told[flag], true, "{flag}");
    }
    assert!(told["steps_per_second"].as_f64().unwrap() > 100.0);
    let too_far = kinitro("env check metaworld/reach-v3 --seed 18446744073709551615").run();
    too_far.failed(2, &["the last seed would be larger"], &[]);
}

/// Columns and rows of a GIF, and how many pictures it says it is made of.
fn gif(file: &Path) -> (u16, u16, usize) {
    let bytes = fs::read(file).unwrap();
    assert_eq!(bytes[..6], *b"GIF89a");
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    // Each picture has a block that says how long it stays.
    let pictures = bytes.windows(3).filter(|block| *block == b"\x21\xf9\x04").count();
    (number(6), number(8), pictures)
}

#[test]
fn episodes_are_filmed_all_or_those_that_fail() {
    let folder = tempfile::tempdir().unwrap();
    let names = |results: &Path| -> Vec<String> {
        let Ok(files) = fs::read_dir(results.join("videos")) else { return Vec::new() };
        let mut names: Vec<String> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let run = |name: &str, more: &str| {
        let results = folder.path().join(name);
        let arguments = format!(
            "eval --env metaworld/reach-v3 --episodes 2 --seed 4 --no-images --out {} {more}",
            results.display()
        );
        let _ = kinitro(&arguments).run().with_code(0);
        results
    };
    let all = run("all", "--policy expert --video");
    assert_eq!(names(&all), ["metaworld__reach-v3__4.gif", "metaworld__reach-v3__5.gif"]);
    let (width, height, pictures) = gif(&all.join("videos/metaworld__reach-v3__4.gif"));
    assert_eq!((width, height), (504, 252), "two cameras side by side, three times as large");
    assert!((3..100).contains(&pictures), "{pictures} pictures");
    let solved = run("solved", "--policy expert --video failures");
    assert_eq!(names(&solved), [""; 0]);
    let failed = run("failed", "--policy zero --video failures --max-steps 20");
    assert_eq!(names(&failed).len(), 2);

    // A film changes nothing else.
    let plain = run("plain", "--policy expert");
    let told = |results: &Path| {
        let text = fs::read_to_string(results.join("episodes.jsonl")).unwrap();
        let mut told: Vec<String> = text
            .lines()
            .map(|line| {
                let episode: serde_json::Value = serde_json::from_str(line).unwrap();
                format!("{} {}", episode["seed"], episode["trajectory"])
            })
            .collect();
        told.sort();
        told
    };
    assert_eq!(told(&plain), told(&all));
    let homeless = kinitro("eval --policy zero --env metaworld/reach-v3 --video").run();
    let homeless = homeless.with_code(2);
    assert!(homeless.stderr.contains("--out"), "{}", homeless.stderr);
}

#[test]
fn results_of_the_two_kinds_of_pictures_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |pictures: &str| {
        let arguments = format!(
            "eval --policy zero --env metaworld/reach-v3 --episodes 1 --max-steps 2 --images \
             --camera corner --pictures {pictures} --out {}",
            folder.path().join("run").display()
        );
        kinitro(&arguments).run()
    };
    let _ = run("exact").with_code(0);
    let manifest = fs::read_to_string(folder.path().join("run/manifest.json")).unwrap();
    assert!(manifest.contains("exact: 84x84, shadows and multisampling"), "{manifest}");
    run("fast").failed(2, &["holds another evaluation"], &["another --out"]);
}

#[test]
fn the_documents_name_all_groups() {
    let told = fs::read_to_string(workspace().join("docs/ENVIRONMENTS.md")).unwrap();
    for group in ["MT10", "MT50", "ML45-test", "core"] {
        assert!(told.contains(&format!("metaworld/{group}")), "{group}");
        let _ = kinitro(&format!("env list metaworld/{group}")).run().with_code(0);
    }
}
