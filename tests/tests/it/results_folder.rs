//! What an evaluation leaves in its folder, and whom the folder is for.

use std::fs;
use std::path::Path;

use kinitro_tests::results::{contents, episodes, json, line_count};
use kinitro_tests::server::{Gate, PolicyServer, Reply, stand_still};
use kinitro_tests::{Program, kinitro, wait_until};

fn evaluation(out: &Path) -> Program {
    let arguments = "eval --policy random --env metaworld/{push,pick-place}-v3 --episodes 3 --max-steps 40 --out";
    kinitro(arguments).arg(out)
}

#[test]
fn the_three_files_are_there_and_agree_with_what_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    // Folders above it that are not there are made too.
    let out = folder.path().join("a").join("b");
    let finished = evaluation(&out).args(["--seed", "5", "--json"]).run().with_code(0);
    assert!(finished.stderr.contains(&out.display().to_string()), "{}", finished.stderr);

    let names: Vec<_> = contents(&out).into_keys().collect();
    assert_eq!(names, ["episodes.jsonl", "manifest.json", "summary.json"]);
    let (manifest, summary) = (json(&out.join("manifest.json")), json(&out.join("summary.json")));
    assert_eq!(finished.json()["manifest"], manifest);
    assert_eq!(finished.json()["summary"], summary);

    let episodes = episodes(&out);
    let environments = ["metaworld/pick-place-v3", "metaworld/push-v3"].map(str::to_owned);
    let keys = environments.iter().flat_map(|env| (5..8).map(move |seed| (env.clone(), seed)));
    assert_eq!(episodes.keys().cloned().collect::<Vec<_>>(), keys.collect::<Vec<_>>());
    assert_eq!(summary["complete"], true);
    assert_eq!(summary["steps"], 6 * 40);
    for (index, env_id) in environments.iter().enumerate() {
        let ours = episodes.iter().filter(|((id, _), _)| id == env_id);
        let returns: Vec<f64> =
            ours.map(|(_, episode)| episode["total_reward"].as_f64().unwrap()).collect();
        let environment = &summary["environments"][index];
        assert_eq!((environment["env_id"].as_str(), returns.len()), (Some(env_id.as_str()), 3));
        let mean = environment["mean_return"].as_f64().unwrap();
        assert!((mean - returns.iter().sum::<f64>() / 3.0).abs() < 1e-9, "{mean}");
    }
}

#[test]
fn the_same_command_again_runs_nothing_and_prints_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let first = evaluation(&out).run().with_code(0);
    let before = contents(&out);
    let second = evaluation(&out).run().with_code(0);
    assert_eq!(second.stdout, first.stdout);
    // Times and all: an episode that had been run again would have taken another time.
    assert_eq!(contents(&out), before);
    // The number of parallel episodes is not part of what identifies an evaluation.
    let third = evaluation(&out).args(["--workers", "1"]).run().with_code(0);
    assert_eq!((third.stdout, contents(&out)), (first.stdout, before));
}

#[test]
fn a_lost_summary_is_made_again_from_the_episodes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let _ = evaluation(&out).run().with_code(0);
    let before = contents(&out);
    fs::remove_file(out.join("summary.json")).unwrap();
    let _ = evaluation(&out).run().with_code(0);
    assert_eq!(contents(&out), before);
}

#[test]
fn the_folder_of_another_evaluation_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let _ = evaluation(&out).run().with_code(0);
    let before = contents(&out);
    let same = "--policy random --env metaworld/{push,pick-place}-v3 --episodes 3 --max-steps 40";
    for (from, to, field) in [
        ("--policy random", "--policy zero", "policy"),
        ("metaworld/{push,pick-place}-v3", "metaworld/*", "environments"),
        ("--episodes 3", "--episodes 4", "episodes"),
        ("--max-steps 40", "--max-steps 41", "max_steps"),
        ("--max-steps 40", "--max-steps 40 --seed 1", "seed"),
        ("--max-steps 40", "--max-steps 40 --action-timeout 1", "action_timeout"),
        ("--max-steps 40", "--max-steps 40 --images", "cameras"),
    ] {
        let arguments = format!("eval {} --out", same.replace(from, to));
        let finished = kinitro(&arguments).arg(&out).run();
        let error = format!("holds another evaluation: its {field} differ");
        finished.failed(2, &[&error], &["choose another --out folder"]);
        assert_eq!(contents(&out), before, "{to}");
    }
}

#[test]
fn a_folder_of_something_else_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "42").unwrap();
    let before = contents(folder.path());
    let finished = evaluation(folder.path()).run();
    finished.failed(2, &["is not empty"], &["choose another --out folder"]);
    assert_eq!(contents(folder.path()), before);
}

#[test]
fn an_empty_folder_is_as_good_as_none() {
    let folder = tempfile::tempdir().unwrap();
    let _ = evaluation(folder.path()).run().with_code(0);
    assert_eq!(episodes(folder.path()).len(), 6);
}

#[test]
fn a_folder_that_was_left_before_its_manifest_was_written_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    // What an evaluation leaves that is killed while it writes its manifest.
    fs::write(folder.path().join("episodes.jsonl"), "").unwrap();
    fs::write(folder.path().join(".kinitro-partial-a1b2c3"), "{\"format\": 1, \"eva").unwrap();
    let _ = evaluation(folder.path()).run().with_code(0);
    assert_eq!(episodes(folder.path()).len(), 6);
    let names: Vec<_> = contents(folder.path()).into_keys().collect();
    assert_eq!(names, ["episodes.jsonl", "manifest.json", "summary.json"]);
}

#[test]
fn of_two_at_once_in_one_folder_the_second_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let gate = Gate::default();
    let last = gate.clone();
    let server = PolicyServer::start(move |seed| {
        if seed == 2 {
            last.pass();
        }
        Reply::Bytes(stand_still())
    });
    let command = || {
        let arguments = "eval --env metaworld/reach-v3 --episodes 3 --max-steps 10 --no-images \
                         --action-timeout 60 --out";
        kinitro(arguments).arg(&out).args(["--policy", &server.url])
    };
    let first = command().start();
    wait_until("two episodes are done", || line_count(&out) == 2);
    let before = contents(&out);
    let second = command().run();
    second.failed(1, &["another process is evaluating into"], &["wait for it to finish"]);
    assert_eq!(contents(&out), before);
    gate.open();
    let _ = first.wait().with_code(0);
    assert_eq!(episodes(&out).len(), 3);
}
