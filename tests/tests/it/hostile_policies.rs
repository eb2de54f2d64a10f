//! Policy servers that misbehave: each ends its episode as a fault of the policy, and the evaluation
//! goes on.

use std::time::{Duration, Instant};

use kinitro_tests::results::{episodes, json as json_file};
use kinitro_tests::server::{PolicyServer, Reply, action, answer, ok, stand_still};
use kinitro_tests::{Finished, kinitro};
use serde_json::json;

const ENV: &str = "metaworld/reach-v3";

/// What a server does when it is asked for an action, the kind of fault it is, and words that tell it.
type Misdeed = (fn() -> Reply, &'static str, &'static str);

/// The misdeeds, one for the episode of each seed.
fn misdeeds() -> Vec<Misdeed> {
    vec![
        (|| Reply::Bytes(action("NaN, 0, 0, 0, 0, 0", "0")), "bad_action", "NaN or infinity"),
        (|| Reply::Bytes(action("0, 0, 0", "0")), "bad_action", "ee_twist"),
        (|| Reply::Bytes(action("0, 0, 0, 0, 0, 0", "")), "bad_action", "gripper"),
        (|| Reply::Bytes(ok(r#"{"action": {}}"#)), "bad_action", "ee_twist"),
        (|| Reply::Bytes(ten_megabytes()), "bad_answer", "more than 64 KiB"),
        (|| Reply::Bytes(answer("text/html", "<!doctype html><p>Hi")), "bad_answer", "HTML"),
        (|| Reply::Bytes(ok("")), "bad_answer", "an empty body"),
        (|| Reply::Bytes(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), "bad_answer", "is not HTTP"),
        (|| Reply::HangUp, "unreachable", "closed the connection"),
        (|| Reply::After(Duration::from_secs(10), stand_still()), "timeout", "within 1 s"),
    ]
}

/// An action like any other, but for its length.
fn ten_megabytes() -> Vec<u8> {
    let padding = " ".repeat(10_000_000);
    let channels = r#"{"ee_twist": [0, 0, 0, 0, 0, 0], "gripper": [0]}"#;
    ok(format!(r#"{{"action": {{"continuous": {channels}}}}}{padding}"#))
}

/// Judges the policy behind a server, which may take a second for an action: on a machine that is
/// busy with other tests, good behaviour takes its time too.
fn judge(server: &PolicyServer, episodes: usize, out: &std::path::Path) -> Finished {
    kinitro("eval --no-images --workers 1 --max-steps 5 --action-timeout 1 --policy")
        .args([&server.url, "--env", ENV, "--episodes", &episodes.to_string(), "--out"])
        .arg(out)
        .run()
}

#[test]
fn every_misdeed_is_a_fault_of_its_kind_and_the_command_has_judged() {
    let misdeeds = misdeeds();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let started = Instant::now();
    let script = misdeeds.clone();
    // The episode after all misdeeds is one of good behaviour.
    let server = PolicyServer::start(move |seed| match script.get(seed as usize) {
        Some((misdeed, ..)) => misdeed(),
        None => Reply::Bytes(stand_still()),
    });
    let finished = judge(&server, misdeeds.len() + 1, &out).with_code(0);
    assert!(started.elapsed() < Duration::from_secs(10), "nobody waits 10 s for an answer");

    let episodes = episodes(&out);
    for (seed, (_, kind, words)) in misdeeds.iter().enumerate() {
        let episode = &episodes[&(ENV.to_owned(), seed as u64)];
        assert_eq!((&episode["outcome"], &episode["steps"]), (&json!("policy_fault"), &json!(0)));
        assert_eq!(episode["kind"], *kind, "seed {seed}: {episode}");
        let detail = episode["detail"].as_str().unwrap();
        assert!(detail.contains(words), "seed {seed}: {detail}");
    }
    let last = &episodes[&(ENV.to_owned(), misdeeds.len() as u64)];
    assert_eq!((&last["outcome"], &last["steps"]), (&json!("failure"), &json!(5)));

    let summary = &json_file(&out.join("summary.json"))["environments"][0];
    let faults = json!({
        "policy_fault:bad_action": 4,
        "policy_fault:bad_answer": 4,
        "policy_fault:timeout": 1,
        "policy_fault:unreachable": 1,
    });
    assert_eq!(summary["faults"], faults);
    assert_eq!((&summary["episodes"], &summary["success_rate"]), (&json!(11), &json!(0.0)));
    for (kind, count) in faults.as_object().unwrap() {
        assert!(finished.stdout.contains(&format!("{kind} {count}")), "{}", finished.stdout);
        let example = summary["fault_examples"][kind].as_str().unwrap();
        assert!(finished.stderr.contains(&format!("{ENV}: {kind}: {example}")), "{example}");
    }
}

#[test]
fn a_policy_is_held_to_the_time_limit_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = PolicyServer::start(|_| Reply::After(Duration::from_millis(600), stand_still()));
    for (limit, outcome) in [("0.2", "policy_fault"), ("60", "failure")] {
        let out = folder.path().join(limit);
        let _ = kinitro("eval --no-images --max-steps 2 --episodes 1 --policy")
            .args([&server.url, "--env", ENV, "--action-timeout", limit, "--out"])
            .arg(&out)
            .run()
            .with_code(0);
        let episode = &episodes(&out)[&(ENV.to_owned(), 0)];
        assert_eq!(episode["outcome"], outcome, "{limit} s: {episode}");
        if outcome == "policy_fault" {
            assert_eq!(episode["kind"], "timeout");
            assert!(episode["detail"].as_str().unwrap().contains("200 ms"), "{episode}");
        }
    }
}

#[test]
fn a_fault_in_the_middle_ends_the_episode_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = PolicyServer::start(move |_| {
        match asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            3 => Reply::Bytes(answer("text/html", "<h1>502 Bad Gateway</h1>")),
            _ => Reply::Bytes(stand_still()),
        }
    });
    let _ = judge(&server, 2, &out).with_code(0);
    let episodes = episodes(&out);
    let first = &episodes[&(ENV.to_owned(), 0)];
    assert_eq!((&first["kind"], &first["steps"]), (&json!("bad_answer"), &json!(3)));
    assert!(first["total_reward"].as_f64().unwrap() > 0.0);
    let second = &episodes[&(ENV.to_owned(), 1)];
    assert_eq!((&second["outcome"], &second["steps"]), (&json!("failure"), &json!(5)));
}

#[test]
fn a_policy_behind_http_lives_the_same_episodes_as_in_process() {
    let folder = tempfile::tempdir().unwrap();
    let (over_http, in_process) = (folder.path().join("http"), folder.path().join("zero"));
    let server = PolicyServer::start(|_| Reply::Bytes(stand_still()));
    let _ = judge(&server, 3, &over_http).with_code(0);
    let arguments = "eval --policy zero --env metaworld/reach-v3 --episodes 3 --max-steps 5 --out";
    let _ = kinitro(arguments).arg(&in_process).run().with_code(0);
    assert_eq!(episodes(&over_http), episodes(&in_process));
}

#[test]
fn what_a_stranger_sends_cannot_play_with_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let server = PolicyServer::start(|_| Reply::Bytes(ok("\u{1b}[2J\u{7}\u{202e}oops")));
    let finished = judge(&server, 1, &out).with_code(0);
    let said = format!("{}{}", finished.stdout, finished.stderr);
    assert!(said.contains("oops"), "{said}");
    let is_unseen = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!said.contains(is_unseen), "{said:?}");
}
