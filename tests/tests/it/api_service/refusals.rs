//! What is refused, and how.

use kinitro_tests::api::{Api, BEARER, free_port};
use kinitro_tests::http::request;
use kinitro_tests::kinitro;

use super::{begin_cycle, sqlite};

#[test]
fn it_does_not_start_without_a_key_unless_told() {
    let folder = tempfile::tempdir().unwrap();
    let start = || kinitro("api").env("KINITRO_DATABASE_URL", sqlite(&folder));
    start().run().failed(2, &["no API key"], &["KINITRO_API_API_KEY", "--no-auth"]);
    start().env("KINITRO_API_API_KEY", "").run().failed(2, &["no API key"], &["--no-auth"]);
    start().env("KINITRO_API_API_KEY", "short").run().failed(2, &["8"], &["openssl"]);
    start().arg("--task-stale-threshold=0").run().failed(2, &["from 1 to 86400"], &[]);
}

#[test]
fn it_says_why_it_cannot_start() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "");
    let port = api.address.rsplit(':').next().unwrap().to_owned();
    let same = kinitro(&format!("api --no-auth --host 127.0.0.1 --log-level error --port {port}"));
    let same = same.env("KINITRO_DATABASE_URL", sqlite(&folder));
    same.run().failed(3, &["cannot listen on 127.0.0.1", "in use"], &["--port"]);
    let port = free_port();
    let bad = kinitro(&format!("api --no-auth --port {port}"));
    bad.env("KINITRO_DATABASE_URL", "mysql://u:s3cret@h/d").run().failed(
        2,
        &["mysql"],
        &["sqlite:"],
    );
}

#[test]
fn tasks_are_for_those_who_have_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "");
    begin_cycle(&sqlite(&folder), 1, 1);
    let body = r#"{"executor_id": "e", "results": [], "leases": []}"#;
    for path in ["/v1/tasks/fetch", "/v1/tasks/renew", "/v1/tasks/submit"] {
        for key in
            ["", "Bearer", "Bearer wrong-key-here", "Basic a-key-of-the-test", "a-key-of-the-test"]
        {
            let answer = request(&api.address, "POST", path, &[("authorization", key)], body);
            assert_eq!(answer.status, 401, "{path} with {key:?}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), Some("bearer"));
            assert!(answer.json()["detail"].is_string());
        }
        let answer = request(&api.address, "POST", path, &[("authorization", BEARER)], body);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    let open = Api::start(&sqlite(&folder), "--no-auth");
    let answer = request(&open.address, "POST", "/v1/tasks/fetch", &[], body);
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[test]
fn whatever_is_sent_is_never_an_internal_error() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "--rate-limit 0");
    begin_cycle(&sqlite(&folder), 1, 1);
    let deep = "[".repeat(100_000);
    let long = format!(r#"{{"executor_id": "{}"}}"#, "x".repeat(200));
    let many = format!(
        r#"{{"executor_id": "e", "results": [], "leases": [{}]}}"#,
        vec![r#"{"task_uuid": "", "lease_token": ""}"#; 1001].join(",")
    );
    let result = |fields: &str| {
        format!(
            r#"{{"executor_id": "e", "leases": 0, "batch_size": 0, "results": [{{"task_uuid": "t", {fields}}}]}}"#
        )
    };
    let bodies = [
        (400, String::new()),
        (400, "{".to_owned()),
        (400, "\u{0}".to_owned()),
        (400, deep),
        (422, "[]".to_owned()),
        (422, "null".to_owned()),
        (422, "{}".to_owned()),
        (422, r#"{"executor_id": 7}"#.to_owned()),
        (422, r#"{"executor_id": "", "results": [], "leases": 1}"#.to_owned()),
        (422, r#"{"executor_id": "a\u0000b", "results": [], "leases": 1}"#.to_owned()),
        (422, r#"{"executor_id": "e", "batch_size": -1}"#.to_owned()),
        (422, r#"{"executor_id": "e", "batch_size": 101}"#.to_owned()),
        (422, r#"{"executor_id": "e", "batch_size": 1e30}"#.to_owned()),
        (422, r#"{"executor_id": "e", "env_ids": ["no id"]}"#.to_owned()),
        (422, r#"{"executor_id": "e", "env_ids": "point/a"}"#.to_owned()),
        (422, result(r#""success": 1"#)),
        (422, result(r#""success": true, "timesteps": -1"#)),
        (422, result(r#""success": true, "outcome": {"outcome": "maybe"}"#)),
        (400, result(r#""success": true, "score": 1e999"#)),
        (422, long),
        (413, format!("\"{}\"", "x".repeat(5 * 1024 * 1024))),
    ];
    for path in ["/v1/tasks/fetch", "/v1/tasks/renew", "/v1/tasks/submit"] {
        for (status, body) in &bodies {
            let answer = request(&api.address, "POST", path, &[("authorization", BEARER)], body);
            let start: String = body.chars().take(100).collect();
            // What one endpoint reads of a body, another need not look at.
            let is_refused = answer.status == *status || answer.status == 422 || *status == 422;
            assert!(is_refused && answer.status < 500, "{path} {start}: {answer:?}");
            if answer.status != 200 {
                assert!(answer.json()["detail"].is_string(), "{path} {start}: {answer:?}");
            }
        }
        let answer = request(&api.address, "POST", path, &[("authorization", BEARER)], &many);
        assert!(answer.status < 500, "{path}: {answer:?}");
        let form =
            [("authorization", BEARER), ("content-type", "application/x-www-form-urlencoded")];
        assert_eq!(request(&api.address, "POST", path, &form, "a=b").status, 415);
        assert_eq!(request(&api.address, "GET", path, &[], "").status, 405);
    }
    for (path, status) in [
        ("/v1/weights/-1", 422),
        ("/v1/weights/latest2", 422),
        ("/v1/weights/18446744073709551615", 404),
        ("/v1/weights/18446744073709551616", 422),
        ("/v1/weights/%00", 422),
        ("/v1/weights/%ff", 422),
        ("/v1/scores/x", 422),
        ("/v1/scores/-1", 404),
        ("/v1/scores/9223372036854775807", 404),
        ("/v1/scores/latest?detail=columns", 422),
        ("/v1/scores/latest?detail=rows&detail=rows", 422),
        ("/v1/nothing", 404),
        ("/v1/../etc/passwd", 404),
    ] {
        let answer = api.get(path);
        let expected = if path.contains("%ff") { 400..=422 } else { status..=status };
        assert!(expected.contains(&answer.status), "{path}: {answer:?}");
        if !path.contains("%ff") {
            assert!(answer.json()["detail"].is_string(), "{path}: {answer:?}");
        }
    }
}

#[test]
fn a_client_that_asks_too_often_is_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(&sqlite(&folder), "--rate-limit 5");
    let refused: Vec<_> =
        (0..60).map(|_| api.get("/v1/status")).filter(|answer| answer.status == 429).collect();
    assert!(!refused.is_empty(), "nothing was refused");
    assert_eq!(refused[0].header("retry-after"), Some("1"));
    // Those who have the key are not kept in bounds.
    assert!((0..60).all(|_| api.fetch("ada", 1).is_empty()));
}
