//! What breaks, and what is left afterwards.

use std::collections::BTreeSet;

use kinitro_tests::api::{Api, BEARER, free_port};
use kinitro_tests::http::{Answer, Connection};
use kinitro_tests::mounts::Disk;
use kinitro_tests::postgres::{Server, new_database};
use kinitro_tests::{kinitro, kinitro_binary, not_tested, wait_until};
use serde_json::{Value, json};

use super::{begin_cycle, sqlite, with_store};

#[test]
fn a_request_that_is_under_way_is_answered_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "--log-format json --log-level debug");
    begin_cycle(&sqlite(&folder), 1, 1);
    let body = json!({"executor_id": "ada", "batch_size": 1}).to_string();
    let mut connection = Connection::open(&api.address).unwrap();
    let head = format!(
        "POST /v1/tasks/fetch HTTP/1.1\r\nhost: kinitro\r\nauthorization: {BEARER}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    connection.send(head).unwrap();
    connection.send(&body[..10]).unwrap();
    // Leave time for it to be read, since nothing reports when that has happened.
    std::thread::sleep(std::time::Duration::from_millis(300));
    api.running.signal("TERM");
    wait_until("nobody listens any more", || Connection::open(&api.address).is_none());
    connection.send(&body[10..]).unwrap();
    let answer = connection.answer().expect("the request is answered");
    assert_eq!(answer.status, 200, "{answer:?}");
    let body: Value = answer.json();
    assert_eq!(body["tasks"].as_array().unwrap().len(), 1);
    let finished = api.running.wait().with_code(0);
    let lines: Vec<Value> =
        finished.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let handed_out = lines.iter().find(|line| line["message"] == "handed out").unwrap();
    assert_eq!(handed_out["task"], body["tasks"][0]["task_uuid"]);
    assert_eq!(handed_out["cycle"], "1");
    assert_eq!(handed_out["span"]["route"], "/v1/tasks/fetch");
}

#[test]
fn two_instances_are_as_one() {
    let Some(url) = new_database("two instances of the API") else { return };
    let _ = kinitro("db create").env("KINITRO_DATABASE_URL", &url).run().with_code(0);
    // At once, so that both make the tables.
    let (one, other) = std::thread::scope(|scope| {
        let one = scope.spawn(|| Api::start(&url, ""));
        let other = scope.spawn(|| Api::start(&url, ""));
        (one.join().unwrap(), other.join().unwrap())
    });
    begin_cycle(&url, 10, 5);
    let work = |fetch: &Api, submit: &Api, executor: &str| {
        let mut done = Vec::new();
        loop {
            let tasks = fetch.fetch(executor, 4);
            if tasks.is_empty() {
                return done;
            }
            for task in tasks {
                let answer = submit.submit(executor, &task);
                assert_eq!(answer["accepted"], 1, "{answer}");
                // Again, where it was not sent before.
                assert_eq!(fetch.submit(executor, &task)["duplicates"], 1);
                done.push(task["task_uuid"].as_str().unwrap().to_owned());
            }
        }
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| work(&one, &other, "ada"));
        let second = scope.spawn(|| work(&other, &one, "bob"));
        (first.join().unwrap(), second.join().unwrap())
    });
    let all: BTreeSet<&String> = first.iter().chain(&second).collect();
    assert_eq!((all.len(), first.len() + second.len()), (100, 100), "a task was handed out twice");
    for api in [&one, &other] {
        let stats = api.get("/v1/tasks/stats").json();
        assert_eq!((&stats["completed_tasks"], &stats["pending_tasks"]), (&json!(100), &json!(0)));
    }
}

#[test]
fn it_outlives_its_database() {
    let Some(server) = Server::start("an API whose database dies") else { return };
    let url = server.new_database();
    let _ = kinitro("db create").env("KINITRO_DATABASE_URL", &url).run().with_code(0);
    let api = Api::start(&url, "");
    begin_cycle(&url, 2, 1);
    let tasks = api.fetch("ada", 2);
    assert_eq!(api.submit("ada", &tasks[0])["accepted"], 1);
    server.kill();
    let health = api.get("/health");
    assert_eq!((health.status, &health.json()["database"]), (503, &json!("disconnected")));
    let answer = api.get("/v1/status");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    assert!(api.get("/metrics").body.contains("kinitro_database_up 0"));
    server.restart();
    wait_until("the database answers", || api.get("/health").status == 200);
    // What was answered with `accepted` is there, and the lease goes on.
    assert_eq!(api.submit("ada", &tasks[0])["duplicates"], 1);
    assert_eq!(api.submit("ada", &tasks[1])["accepted"], 1);
    let records = with_store(&url, async |store| {
        let id = store.running_cycle().await.unwrap().unwrap().cycle.id;
        store.jobs(id, 0, 10).await.unwrap()
    });
    assert_eq!(records.iter().filter(|record| record.success == Some(true)).count(), 2);
}

#[test]
fn it_starts_before_its_database_does() {
    let Some(server) = Server::start("an API that starts first") else { return };
    let url = server.new_database();
    let _ = kinitro("db create").env("KINITRO_DATABASE_URL", &url).run().with_code(0);
    server.stop();
    let api = Api::start(&url, "");
    assert_eq!(api.get("/health").status, 503);
    server.restart();
    wait_until("the tables are there", || api.get("/v1/status").status == 200);
}

#[test]
fn a_lease_that_runs_out_is_somebody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "--task-stale-threshold 1 --rate-limit 0");
    begin_cycle(&sqlite(&folder), 1, 1);
    let frozen = api.fetch("ada", 1).remove(0);
    wait_until("the lease runs out", || api.get("/v1/tasks/stats").json()["assigned_tasks"] == 0);
    let late = api.submit("ada", &frozen);
    assert!(late["errors"][0].as_str().unwrap().contains("too late"), "{late}");
    let again = api.fetch("bob", 1).remove(0);
    assert_eq!((&again["task_uuid"], &again["attempt"]), (&frozen["task_uuid"], &json!(2)));
    assert_eq!(api.submit("bob", &again)["accepted"], 1);
    assert!(api.get("/metrics").body.contains("kinitro_lease_expiries_total 1"));
}

#[test]
fn with_a_full_disk_nothing_is_accepted_and_nothing_that_was_is_lost() {
    let Some(disk) = Disk::new(1024) else {
        return not_tested("a full disk under the API, for want of permission to mount");
    };
    let folder = tempfile::tempdir().unwrap();
    let first = Api::start(&sqlite(&folder), "");
    begin_cycle(&sqlite(&folder), 20, 5);
    first.running.signal("TERM");
    let _ = first.running.wait().with_code(0);
    // No program has the database open, so the one file holds everything.
    std::fs::copy(folder.path().join("kinitro.db"), disk.path("kinitro.db")).unwrap();
    let database = format!("sqlite:{}", disk.mount_point().join("kinitro.db").display());
    let program = disk.program(kinitro_binary());
    let api = Api::start_program(program, free_port(), &database, "--rate-limit 0");

    let tasks = api.fetch("ada", 50);
    assert_eq!(tasks.len(), 50);
    // As much as there is room for.
    let _ = std::fs::write(disk.path("ballast"), vec![0; 1024 * 1024]);
    let submit = |task: &Value| {
        let body = json!({"executor_id": "ada", "results": [{
            "task_uuid": task["task_uuid"], "lease_token": task["lease_token"],
            "success": true, "score": 1.0, "total_reward": 2.5, "timesteps": 7, "error": null,
        }]});
        api.post("/v1/tasks/submit", &body)
    };
    let answers: Vec<Answer> = tasks.iter().map(&submit).collect();
    let accepted = answers.iter().filter(|answer| answer.status == 200).count();
    assert!(accepted < 50, "the disk was not full");
    let odd = answers.iter().find(|answer| ![200, 503].contains(&answer.status));
    assert!(odd.is_none(), "{odd:?}");
    let completed = || api.get("/v1/tasks/stats").json()["completed_tasks"].clone();
    assert_eq!(completed(), json!(accepted));

    std::fs::remove_file(disk.path("ballast")).unwrap();
    for (task, answer) in tasks.iter().zip(&answers) {
        let again = submit(task).json();
        let expected = if answer.status == 200 { "duplicates" } else { "accepted" };
        assert_eq!(again[expected], 1, "{again}");
    }
    assert_eq!(completed(), json!(50));
}
