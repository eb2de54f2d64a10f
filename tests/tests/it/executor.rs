//! The executor as a program: killed, frozen, cut off, and told to do what it cannot.

use std::path::Path;
use std::time::Duration;

use kinitro_tests::mounts::Disk;
use kinitro_tests::program::Program;
use kinitro_tests::server::{PolicyServer, Reply, action, stand_still};
use kinitro_tests::task_api::TaskApi;
use kinitro_tests::{kinitro, not_tested, wait_until};
use serde_json::Value;

const ENV: &str = "metaworld/reach-v3";

/// An executor for policies of this machine, whose episodes have ten steps.
fn executor(api: &TaskApi, spool: &Path) -> Program {
    kinitro("executor --network test --allow-private-endpoints --use-images false")
        .args("--max-timesteps 10 --action-timeout 5 --poll-interval 0.1".split(' '))
        .args(["--env-ids", ENV, "--api-url", &api.url, "--spool"])
        .arg(spool)
}

/// A policy that takes its time, so that ten steps last a second.
fn leisurely() -> PolicyServer {
    PolicyServer::start(|_| Reply::After(Duration::from_millis(100), stand_still()))
}

fn wait_for_an_episode(policy: &PolicyServer) {
    wait_until("an episode has begun", || !policy.take_resets().is_empty());
}

/// The results in the spool.
fn spooled(spool: &Path) -> usize {
    let folders = std::fs::read_dir(spool).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).count()
}

#[test]
fn a_task_whose_executor_is_killed_is_run_again_and_counted_once() {
    let (policy, spool) = (leisurely(), tempfile::tempdir().unwrap());
    let api = TaskApi::start(ENV, [policy.url.as_str()]);
    api.with(|queue| queue.lease = Duration::from_secs(2));
    let running = executor(&api, spool.path()).start();
    wait_for_an_episode(&policy);
    running.signal("KILL");
    assert_eq!(running.wait().signal(), Some(9));
    let running = executor(&api, spool.path()).start();
    wait_until("the task is over", || api.is_over());
    running.signal("TERM");
    let _ = running.wait().with_code(0);
    api.with(|queue| {
        let task = &queue.tasks[0];
        assert_eq!((task.attempts, task.answers.len(), queue.too_late), (2, 1, 0), "{task:?}");
        assert_eq!(task.answers[0].1["outcome"], "failure", "{task:?}");
    });
}

#[test]
fn an_executor_that_was_frozen_past_its_lease_changes_nothing() {
    let policy = leisurely();
    let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let api = TaskApi::start(ENV, [policy.url.as_str()]);
    api.with(|queue| queue.lease = Duration::from_secs(1));
    let frozen = executor(&api, mine.path()).args(["--executor-id", "frozen"]).start();
    wait_for_an_episode(&policy);
    frozen.signal("STOP");
    // The lease runs out, and another takes the task.
    let running = executor(&api, other.path()).args(["--executor-id", "other"]).start();
    wait_until("the task is over", || api.is_over());
    frozen.signal("CONT");
    wait_until("the frozen has been told", || api.with(|queue| queue.too_late > 0));
    for running in [frozen, running] {
        running.signal("TERM");
        let _ = running.wait().with_code(0);
    }
    api.with(|queue| {
        let task = &queue.tasks[0];
        assert_eq!((task.attempts, task.answers.len()), (2, 1), "{task:?}");
        assert_eq!(task.answers[0].0, "other");
    });
    assert_eq!(spooled(mine.path()) + spooled(other.path()), 0);
}

#[test]
fn a_result_survives_the_program_while_the_api_is_away() {
    let (policy, spool) = (leisurely(), tempfile::tempdir().unwrap());
    let api = TaskApi::start(ENV, [policy.url.as_str()]);
    let running = executor(&api, spool.path()).start();
    wait_for_an_episode(&policy);
    api.with(|queue| queue.is_away = true);
    wait_until("the result is on the disk", || spooled(spool.path()) == 1);
    running.signal("KILL");
    running.wait();
    let running = executor(&api, spool.path()).start();
    std::thread::sleep(Duration::from_millis(300));
    api.with(|queue| queue.is_away = false);
    wait_until("the task is over", || api.is_over());
    running.signal("INT");
    let _ = running.wait().with_code(0);
    assert!(policy.take_resets().is_empty(), "the episode was run again");
    api.with(|queue| assert_eq!((queue.tasks[0].attempts, queue.too_late), (1, 0)));
    assert_eq!(spooled(spool.path()), 0);
}

#[test]
fn a_result_waits_in_memory_where_the_disk_is_full() {
    let Some(disk) = Disk::new(64) else {
        return not_tested("a full disk under an executor, for want of permission to mount");
    };
    let policy = leisurely();
    let api = TaskApi::start(ENV, [policy.url.as_str()]);
    let running = executor(&api, &disk.path("spool")).start();
    wait_for_an_episode(&policy);
    api.with(|queue| queue.is_away = true);
    let ballast = disk.path("ballast");
    // As much as there is room for.
    let _ = std::fs::write(&ballast, vec![0; 64 * 1024]);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(spooled(&disk.path("spool")), 0);
    std::fs::remove_file(ballast).unwrap();
    wait_until("the result is on the disk after all", || spooled(&disk.path("spool")) == 1);
    api.with(|queue| queue.is_away = false);
    wait_until("the task is over", || api.is_over());
    running.signal("TERM");
    let log = running.wait().with_code(0).stderr;
    assert!(log.contains("kept in memory only"), "{log}");
    api.with(|queue| assert_eq!((queue.tasks[0].attempts, queue.too_late), (1, 0)));
    assert_eq!(spooled(&disk.path("spool")), 0);
}

#[test]
fn strangers_are_refused_this_machine_and_the_log_is_json_without_the_key() {
    let (policy, spool) = (leisurely(), tempfile::tempdir().unwrap());
    let api = TaskApi::start(ENV, [policy.url.as_str(), "http://169.254.169.254/\u{1b}[2J"]);
    let running = kinitro("executor --network test --log-level debug --log-format json")
        .args(["--use-images", "false", "--env-ids", ENV, "--api-url", &api.url, "--spool"])
        .arg(spool.path())
        .env("KINITRO_EXECUTOR_API_KEY", "geheimer-schluessel")
        .start();
    wait_until("the tasks are over", || api.is_over());
    running.signal("TERM");
    let finished = running.wait().with_code(0);
    api.with(|queue| {
        for (_, outcome) in queue.tasks.iter().flat_map(|task| &task.answers) {
            assert_eq!(
                (&outcome["outcome"], &outcome["kind"]),
                (&"policy_fault".into(), &"unreachable".into())
            );
            let detail = outcome["detail"].as_str().unwrap();
            assert!(detail.contains("must be on the public internet"), "{detail}");
        }
    });
    assert!(policy.take_resets().is_empty());
    assert_eq!(finished.stdout, "");
    assert!(!finished.stderr.contains("geheim"), "{}", finished.stderr);
    let lines: Vec<Value> =
        finished.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let over = lines.iter().filter(|line| line["message"] == "episode is over");
    let cycles: Vec<_> = over.map(|line| (&line["cycle"], &line["task"])).collect();
    assert_eq!(cycles.len(), 2, "{}", finished.stderr);
    assert!(cycles.iter().all(|(cycle, task)| **cycle == 1 && task.is_string()));
}

#[test]
fn hostile_policies_cost_little_time_and_memory() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes();
    let json = |length: u32| format!("Content-Type: application/json\r\nContent-Length: {length}");
    let gzip = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked";
    let away = "HTTP/1.1 307 Temporary Redirect\r\nContent-Length: 0\r\nLocation:";
    let polite = PolicyServer::start(|_| Reply::Bytes(stand_still()));
    let away = format!("{away} {}/act\r\n\r\n", polite.url).into_bytes();
    let (flood, drip, bomb) = (head(&json(1 << 30)), head(&json(4096)), head(gzip));
    let hostile = [
        PolicyServer::start(move |_| Reply::Flood(flood.clone())),
        PolicyServer::start(move |_| Reply::Drip(drip.clone())),
        PolicyServer::start(move |_| Reply::Flood(bomb.clone())),
        PolicyServer::start(move |_| Reply::Bytes(away.clone())),
        PolicyServer::start(|_| Reply::Bytes(action("NaN, 0, 0, 0, 0, 0", "0"))),
    ];
    let spool = tempfile::tempdir().unwrap();
    let api = TaskApi::start(ENV, [&polite, &polite].map(|policy| policy.url.as_str()));
    let running = executor(&api, spool.path()).start();
    wait_until("the polite ones are judged", || api.is_over());
    assert_eq!(polite.take_resets().len(), 2);
    let before = running.peak_memory();
    api.add(hostile.iter().map(|policy| policy.url.as_str()));
    wait_until("the hostile ones are judged", || api.is_over());
    let more = running.peak_memory() - before;
    assert!(more < 32, "they took {more} MiB more than polite ones");
    let faults = api.with(|queue| {
        let outcomes = queue.tasks[2..].iter().map(|task| &task.answers[0].1);
        let fault = |outcome: &Value| {
            assert_eq!(outcome["outcome"], "policy_fault", "{outcome}");
            (outcome["kind"].clone(), outcome["detail"].as_str().unwrap().to_owned())
        };
        outcomes.map(fault).collect::<Vec<_>>()
    });
    let expected = [
        ("bad_answer", "more than 64 KiB"),
        ("timeout", "within 5 s"),
        ("bad_answer", "gzip"),
        ("bad_answer", "redirect"),
        ("bad_action", "NaN"),
    ];
    for ((kind, detail), (expected, words)) in faults.iter().zip(expected) {
        assert!(kind == expected && detail.contains(words), "{kind}: {detail}");
    }
    assert!(polite.take_resets().is_empty());
    running.signal("TERM");
    let _ = running.wait().with_code(0);
}

#[test]
fn what_is_not_in_this_version_is_said_and_not_passed_over() {
    let api = TaskApi::start(ENV, []);
    let spool = tempfile::tempdir().unwrap();
    for mode in ["docker", "BASILICA"] {
        executor(&api, spool.path()).env("KINITRO_EXECUTOR_EVAL_MODE", mode).run().failed(
            2,
            &["containers are not in this version"],
            &["--eval-mode local"],
        );
    }
    executor(&api, spool.path()).env("KINITRO_EXECUTOR_VERIFICATION_ENABLED", "true").run().failed(
        2,
        &["verification of policies is not in this version"],
        &["KINITRO_EXECUTOR_VERIFICATION_ENABLED"],
    );
    executor(&api, spool.path())
        .args(["--env-families", "genesis"])
        .run()
        .says(&["there is no family `genesis` here; there is metaworld"], &["kinitro env list"]);
    executor(&api, Path::new("/proc/nowhere"))
        .run()
        .with_code(3)
        .says(&["/proc/nowhere"], &["--spool"]);
    let first = executor(&api, spool.path()).args(["--executor-id", "e1"]).start();
    wait_until("it runs", || spool.path().join("e1/lock").exists());
    executor(&api, spool.path())
        .args(["--executor-id", "e1"])
        .run()
        .with_code(1)
        .says(&["another executor with the id `e1`"], &["--executor-id"]);
    first.signal("INT");
    let _ = first.wait().with_code(0);
}
