//! What `kinitro eval` prints.

use std::collections::BTreeSet;

use kinitro_tests::kinitro;
use kinitro_tests::results::episodes;
use serde_json::json;

const REACH: &str = "eval --env metaworld/reach-v3 --episodes 3 --max-steps 40";

#[test]
fn standard_output_is_the_table_and_nothing_but_the_table() {
    let finished = kinitro(REACH).args(["--policy", "zero"]).run().with_code(0);
    let lines: Vec<Vec<&str>> = finished.stdout.lines().map(cells).collect();
    assert_eq!(lines.len(), 3, "{}", finished.stdout);
    let headings =
        ["environment", "success", "95 % interval", "return", "length", "p50", "p99", "faults"];
    assert_eq!(lines[0], headings);
    assert!(lines[1].iter().all(|cell| cell.chars().all(|c| c == '-')), "{}", finished.stdout);
    assert_eq!(lines[2][..3], ["metaworld/reach-v3", "0/3", "0.0 % to 56.1 %"]);
    assert_eq!(lines[2][4], "40");
    assert_eq!(lines[2][7], "-");
    let mean_return: f64 = lines[2][3].parse().unwrap();
    assert!(mean_return > 0.0, "{mean_return}");
    assert_eq!(finished.stderr, "", "a progress bar is for terminals");
}

fn cells(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix('|').and_then(|line| line.strip_suffix('|'));
    inner.unwrap_or_else(|| panic!("not a row: {line}")).split('|').map(str::trim).collect()
}

#[test]
fn json_has_the_manifest_and_the_summary() {
    let arguments = ["--policy", "random", "--seed", "7", "--workers", "1", "--json"];
    let finished = kinitro(REACH).args(arguments).run().with_code(0);
    let report = finished.json();
    let keys = |value: &serde_json::Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(keys(&report), set(&["manifest", "summary"]));

    let manifest = &report["manifest"];
    let fields = ["format", "evaluation", "machine", "workers", "arguments", "started_at"];
    assert_eq!(keys(manifest), set(&fields));
    let evaluation = &manifest["evaluation"];
    assert_eq!(evaluation["policy"], "random");
    assert_eq!(evaluation["environments"], json!(["metaworld/reach-v3"]));
    assert_eq!(evaluation["episodes"], 3);
    assert_eq!(evaluation["seed"], 7);
    assert_eq!(evaluation["max_steps"], 40);
    assert_eq!(evaluation["action_timeout"], 0.5);
    assert_eq!(evaluation["cameras"], json!([]), "a policy that does not look is shown nothing");
    let family = &evaluation["families"]["metaworld"];
    assert_eq!(family["mujoco"], "3.17.0");
    for digest in ["mujoco_library_sha256", "metaworld_assets_sha256"] {
        assert_eq!(family[digest].as_str().unwrap().len(), 64, "{digest}");
    }
    assert!(manifest["machine"]["cpu"].is_string() && manifest["machine"]["threads"].is_u64());
    assert_eq!(manifest["workers"], 1);
    let arguments: Vec<_> = manifest["arguments"].as_array().unwrap()[1..].to_vec();
    assert_eq!(arguments[..2], ["eval", "--env"].map(serde_json::Value::from));
    let started_at = manifest["started_at"].as_str().unwrap();
    assert!(started_at.len() == 20 && started_at.ends_with('Z'), "{started_at}");

    let summary = &report["summary"];
    let fields = ["policy", "complete", "environments", "mean_success_rate", "steps"];
    assert_eq!(keys(summary), set(&fields));
    assert_eq!((&summary["policy"], &summary["complete"]), (&json!("random"), &json!(true)));
    assert_eq!(summary["steps"], 120);
    let environment = &summary["environments"][0];
    let fields = [
        "env_id",
        "episodes",
        "successes",
        "success_rate",
        "interval",
        "mean_return",
        "mean_length",
        "latency_p50",
        "latency_p99",
        "faults",
        "fault_examples",
    ];
    assert_eq!(keys(environment), set(&fields));
    assert_eq!(environment["episodes"], 3);
    assert_eq!(environment["mean_length"], 40.0);
    assert_eq!(environment["faults"], json!({}));
    assert_eq!(environment["interval"]["low"], 0.0);
}

#[test]
fn an_expert_that_solves_its_task_is_counted_so() {
    let arguments = "eval --policy expert --env metaworld/reach-v3 --episodes 3 --json";
    let report = kinitro(arguments).run().with_code(0).json();
    let environment = &report["summary"]["environments"][0];
    assert_eq!((&environment["successes"], &environment["success_rate"]), (&json!(3), &json!(1.0)));
    let length = environment["mean_length"].as_f64().unwrap();
    assert!(length < 500.0, "an episode ends with its success, not after {length} steps");
    assert_eq!(report["summary"]["mean_success_rate"], 1.0);
}

#[test]
fn globs_and_lists_name_each_environment_once() {
    for (patterns, expected) in [
        (
            "metaworld/pu*",
            &["metaworld/push-v3", "metaworld/push-wall-v3", "metaworld/push-back-v3"][..],
        ),
        (
            "metaworld/reach-wall-v3,metaworld/reach*",
            &["metaworld/reach-wall-v3", "metaworld/reach-v3"],
        ),
        ("metaworld/{push,reach}-v3", &["metaworld/push-v3", "metaworld/reach-v3"]),
    ] {
        let arguments = ["--env", patterns, "--episodes", "1", "--max-steps", "1", "--json"];
        let finished = kinitro("eval --policy zero").args(arguments).run().with_code(0);
        let report = finished.json();
        assert_eq!(report["manifest"]["evaluation"]["environments"], json!(expected), "{patterns}");
        let summaries = report["summary"]["environments"].as_array().unwrap();
        let summarised: Vec<_> = summaries.iter().map(|s| s["env_id"].as_str().unwrap()).collect();
        assert_eq!(summarised, expected, "{patterns}");
    }
}

#[test]
fn the_number_of_workers_changes_no_episode() {
    let folder = tempfile::tempdir().unwrap();
    let run = |workers: &str| {
        let out = folder.path().join(workers);
        let arguments = "eval --policy random --env metaworld/pu* --episodes 4 --max-steps 40";
        let finished = kinitro(arguments).args(["--workers", workers, "--out"]).arg(&out).run();
        let _ = finished.with_code(0);
        episodes(&out)
    };
    let alone = run("1");
    assert_eq!(alone.len(), 12);
    let trajectories: BTreeSet<_> =
        alone.values().map(|episode| episode["trajectory"].as_str().unwrap()).collect();
    assert_eq!(trajectories.len(), 12, "each seed is an episode of its own");
    assert_eq!(run("3"), alone);
    assert_eq!(run("20"), alone, "more workers than episodes");
}

#[test]
fn pictures_are_drawn_only_for_who_asks_and_change_no_episode() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, pictures: &[&str]| {
        let out = folder.path().join(name);
        let arguments = "eval --policy zero --env metaworld/reach-v3 --episodes 1 --max-steps 3";
        let finished = kinitro(arguments)
            .args(pictures)
            .args(["--json", "--out"])
            .arg(&out)
            .run()
            .with_code(0);
        let cameras = finished.json()["manifest"]["evaluation"]["cameras"].clone();
        (cameras, episodes(&out))
    };
    let (cameras, blind) = run("blind", &[]);
    assert_eq!(cameras, json!([]));
    let (cameras, seeing) = run("seeing", &["--images"]);
    assert_eq!((cameras, &seeing), (json!(["corner", "corner2"]), &blind));
    let (cameras, one_eyed) = run("one-eyed", &["--camera", "corner2"]);
    assert_eq!((cameras, &one_eyed), (json!(["corner2"]), &blind));
}
