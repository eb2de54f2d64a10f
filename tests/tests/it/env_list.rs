//! `kinitro env list`.

use kinitro_tests::kinitro;
use serde_json::json;

/// Some of them: the first ones that the program had.
const SOME: [&str; 3] = ["metaworld/pick-place-v3", "metaworld/push-v3", "metaworld/reach-v3"];

#[test]
fn the_table_has_a_row_for_each_environment() {
    let finished = kinitro("env list").run().with_code(0);
    let rows: Vec<Vec<&str>> = finished
        .stdout
        .lines()
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows[0], ["environment", "steps", "cameras", "task"]);
    let ids: Vec<_> = rows[2..].iter().map(|row| row[0]).collect();
    assert_eq!(ids.len(), 50);
    for id in SOME {
        assert!(ids.contains(&id), "{}", finished.stdout);
    }
    for row in &rows[2..] {
        assert_eq!(row[1..3], ["500", "corner, corner2"]);
        assert!(row[3].split(' ').count() > 3, "a task is told in a sentence: {row:?}");
    }
    assert_eq!(finished.stderr, "");
}

#[test]
fn json_says_what_a_policy_sees_and_may_do() {
    let specs = kinitro("env list --json").run().with_code(0).json();
    let spec = specs.as_array().unwrap().iter().find(|spec| spec["id"] == SOME[2]).unwrap();
    let channels = |list: &serde_json::Value| -> Vec<(String, u64)> {
        let channels = list.as_array().unwrap().iter();
        let pair = |c: &serde_json::Value| {
            (c["name"].as_str().unwrap().to_owned(), c["len"].as_u64().unwrap())
        };
        channels.map(pair).collect()
    };
    let pair = |name: &str, len| (name.to_owned(), len);
    assert_eq!(
        channels(&spec["observation"]),
        [
            pair("ee_pos", 3),
            pair("ee_quat", 4),
            pair("ee_vel_lin", 3),
            pair("ee_vel_ang", 3),
            pair("gripper", 1),
        ]
    );
    assert_eq!(channels(&spec["action"]["continuous"]), [pair("ee_twist", 6), pair("gripper", 1)]);
    let camera = json!({"name": "corner", "height": 84, "width": 84});
    assert_eq!(spec["cameras"][0], camera);
    assert_eq!(spec["max_steps"], 500);
}

#[test]
fn a_pattern_chooses_and_one_that_chooses_nothing_is_told_with_the_nearest_names() {
    let chosen = kinitro("env list metaworld/p* --json").run().with_code(0).json();
    let ids: Vec<_> =
        chosen.as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&SOME[0]) && ids.contains(&SOME[1]) && !ids.contains(&SOME[2]), "{ids:?}");
    let error = "did you mean metaworld/push-v3";
    kinitro("env list metaworld/psh-v3").run().failed(2, &[error], &[]);
}

#[test]
fn the_list_needs_no_assets() {
    let empty = tempfile::tempdir().unwrap();
    let list = kinitro("env list").env("KINITRO_METAWORLD_ASSETS", empty.path()).run();
    let _ = list.with_code(0);
}
