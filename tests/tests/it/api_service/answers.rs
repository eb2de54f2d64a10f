//! What every endpoint answers, from an empty database to a completed cycle.

use kinitro_core::scoring::{Method, WeightSet};
use kinitro_core::{BlockNumber, CycleId, MinerUid};
use kinitro_eval::backend::storage::{CycleResult, Heartbeat, MinerScore};
use kinitro_tests::api::Api;
use kinitro_tests::http::request;
use kinitro_tests::postgres::new_database;
use serde_json::{Value, json};

use super::{begin_cycle, sqlite, with_store};

#[test]
fn a_cycle_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(&folder);
    a_cycle(&url);
}

#[test]
fn a_cycle_on_postgres() {
    if let Some(url) = new_database("every endpoint of the API") {
        let _ = kinitro_tests::kinitro("db create").env("KINITRO_DATABASE_URL", &url).run();
        a_cycle(&url);
    }
}

fn a_cycle(url: &str) {
    let api = Api::start(url, "");
    let health = api.get("/health").json();
    assert_eq!((&health["status"], &health["database"]), (&json!("healthy"), &json!("connected")));
    for path in ["/v1/weights/latest", "/v1/weights/7", "/v1/scores/latest", "/v1/scores/7"] {
        let answer = api.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert!(answer.json()["detail"].is_string(), "{path}: {answer:?}");
    }
    assert_eq!(api.get("/v1/status").json()["status"], "starting");
    assert_eq!(api.get("/v1/miners").json(), json!({"miners": []}));
    assert_eq!(api.get("/v1/environments").json(), json!({"environments": []}));
    assert_eq!(api.get("/v1/tasks/stats").json()["total_tasks"], 0);
    assert!(api.fetch("ada", 10).is_empty());

    let cycle = begin_cycle(url, 2, 1);
    let tasks = api.fetch("ada", 3);
    assert_eq!(tasks.len(), 3);
    assert_eq!((&tasks[0]["status"], &tasks[0]["cycle_id"]), (&json!("assigned"), &json!(cycle)));
    let first = api.submit("ada", &tasks[0]);
    assert_eq!((&first["accepted"], &first["duplicates"]), (&json!(1), &json!(0)));
    let stats = api.get("/v1/tasks/stats").json();
    let again = api.submit("ada", &tasks[0]);
    let counts = (&again["accepted"], &again["rejected"], &again["duplicates"]);
    assert_eq!(counts, (&json!(1), &json!(0), &json!(1)));
    assert_eq!(api.get("/v1/tasks/stats").json(), stats, "a repeated result changed something");
    let expected = json!({
        "total_tasks": 4, "pending_tasks": 1, "assigned_tasks": 2, "completed_tasks": 1,
        "failed_tasks": 0, "active_executors": 1, "current_cycle_id": cycle,
    });
    assert_eq!(stats, expected);
    an_older_executor(&api, &tasks[1]);
    let lease =
        |task: &Value| json!({"task_uuid": task["task_uuid"], "lease_token": task["lease_token"]});
    let renew = json!({"executor_id": "ada", "leases": [lease(&tasks[0]), lease(&tasks[2])]});
    let renewed = api.post("/v1/tasks/renew", &renew).json();
    assert_eq!(renewed["lost"], json!([tasks[0]["task_uuid"]]));
    assert_eq!(renewed["renewed"][0]["task_uuid"], tasks[2]["task_uuid"]);

    let status = api.get("/v1/status").json();
    assert_eq!(
        (&status["is_evaluating"], &status["current_cycle"]["id"]),
        (&json!(true), &json!(cycle))
    );
    assert_eq!(status["current_cycle"]["seed_secret"], Value::Null, "the secret is shown");
    finish(url, cycle);
    for path in ["/v1/weights/latest", "/v1/weights/1234"] {
        let weights = api.get(path).json();
        assert_eq!(weights["weights"], json!({"0": 0.25, "1": 0.75}));
        assert_eq!(weights["weights_u16"], json!({"uids": [0, 1], "values": [16383, 49151]}));
        assert_eq!((&weights["block"], &weights["cycle_id"]), (&json!(1234), &json!(cycle)));
    }
    for path in ["/v1/scores/latest".to_owned(), format!("/v1/scores/{cycle}")] {
        let scores = api.get(&path).json();
        assert_eq!(scores["scores"], json!({"0": {"point/a": 0.5}}));
        assert_eq!((&scores["pareto_frontier"], &scores["rows"]), (&json!([0]), &Value::Null));
        let rows = api.get(&format!("{path}?detail=rows")).json();
        assert_eq!(rows["rows"][0]["episodes_completed"], 2);
    }
    let status = api.get("/v1/status").json();
    assert_eq!((&status["status"], &status["current_block"]), (&json!("running"), &json!(5678)));
    let secret = status["last_completed_cycle"]["seed_secret"].as_str().unwrap().to_owned();
    assert_eq!(secret, "09".repeat(32), "the secret is shown once the cycle is over");
    let late = api.submit("ada", &tasks[2]);
    assert_eq!((&late["accepted"], &late["rejected"]), (&json!(0), &json!(1)));
    assert!(late["errors"][0].as_str().unwrap().contains("is over"), "{late}");

    let metrics = api.get("/metrics").body;
    for line in [
        "kinitro_eval_cycles_total 1",
        "kinitro_eval_duration_seconds_count 1",
        "kinitro_miners_active 0",
        "kinitro_miner_scores{uid=\"0\",",
        "kinitro_queue_tasks{status=\"completed\"} 2",
        "kinitro_lease_expiries_total 0",
        "kinitro_task_attempts_total 3",
        "kinitro_task_results_total{outcome=\"success\"} 1",
        "kinitro_task_results_total{outcome=\"policy_fault:error\"} 1",
        "kinitro_database_up 1",
        "kinitro_http_request_duration_seconds_bucket{",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "no `{line}` in:\n{metrics}");
    }
    documents(&api);
    api.running.signal("TERM");
    let _ = api.running.wait().with_code(0);
}

/// It knows no tokens and no outcomes.
fn an_older_executor(api: &Api, task: &Value) {
    let body = |executor: &str| {
        json!({"executor_id": executor, "results": [{
            "task_uuid": task["task_uuid"], "success": false, "score": 0.0, "total_reward": 0.0,
            "timesteps": 3, "error": "policy timeout", "verification_passed": null,
            "verification_score": null,
        }]})
    };
    let other = api.post("/v1/tasks/submit", &body("bob")).json();
    assert_eq!((&other["accepted"], &other["rejected"]), (&json!(0), &json!(1)));
    let own = api.post("/v1/tasks/submit", &body("ada")).json();
    assert_eq!((&own["accepted"], &own["rejected"]), (&json!(1), &json!(0)));
}

fn finish(url: &str, cycle: i64) {
    let hotkey = kinitro_core::Hotkey::from_account_id([1; 32]);
    let score = MinerScore::new(MinerUid(0), hotkey, "point/a".parse().unwrap());
    let weights = WeightSet {
        uids: vec![MinerUid(0), MinerUid(1)],
        shares: vec![0.25, 0.75],
        values: vec![16383, 49151],
        method: Method { name: "test".to_owned(), options: json!({}) },
    };
    let scores = vec![score.episodes(0.5, 1.5, 2, 0)];
    let result = CycleResult::new(scores, vec![MinerUid(0)], weights).report(json!({}));
    let heartbeat = Heartbeat::new(BlockNumber(5678), vec!["point/a".parse().unwrap()]);
    with_store(url, async |store| {
        store.finish_cycle(CycleId(cycle), &result).await.unwrap();
        store.put_heartbeat(&heartbeat).await.unwrap();
    });
}

fn documents(api: &Api) {
    let committed = kinitro_tests::workspace().join("docs/openapi.json");
    let committed: Value =
        serde_json::from_str(&std::fs::read_to_string(committed).unwrap()).unwrap();
    assert_eq!(api.get("/openapi.json").json(), committed);
    let page = api.get("/docs");
    assert!(page.header("content-type").unwrap().starts_with("text/html"), "{page:?}");
    assert_eq!(api.get("/").status, 404);
    let id = request(&api.address, "GET", "/health", &[("x-request-id", "mine-7")], "");
    assert_eq!(id.header("x-request-id"), Some("mine-7"));
    assert_eq!(api.get("/health").header("x-request-id").unwrap().len(), 16);
}
