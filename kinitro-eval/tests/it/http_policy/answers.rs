//! Answers that are no actions, and how that is told.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use kinitro_core::PolicyFaultKind::{BadAction, BadAnswer, Unreachable};
use kinitro_core::{Action, Observation, PolicyFault};
use kinitro_eval::policy::Policy;
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::scripted::{http, ok, play_until_act, request, scripted, send};
use super::{PATIENCE, assert_fault, client, episode};

/// What becomes of an action that is answered with these bytes.
async fn act_answered_with(answer: impl Into<Vec<u8>>) -> Result<Action, PolicyFault> {
    let answer = answer.into();
    let server = scripted(move |mut stream, _| {
        let answer = answer.clone();
        async move {
            if play_until_act(&mut stream).await {
                send(&mut stream, answer).await;
            }
        }
    })
    .await;
    let mut policy = client(&server.url);
    policy.reset(&episode(1)).await.unwrap();
    policy.act(&Observation::default()).await
}

#[tokio::test]
async fn unusable_actions_are_the_actions_fault() {
    let not_finite = "the action holds NaN or infinity";
    for (answer, words) in [
        (r#"{"action": {"continuous": {"gripper": [NaN]}}}"#, not_finite),
        (r#"{"action": {"continuous": {"gripper": [0.5, Infinity]}}}"#, not_finite),
        (r#"{"action": {"continuous": {"gripper": [-Infinity]}}}"#, not_finite),
        (r#"{"act": {}}"#, "missing field `action`"),
        (r#"{"action": {"velocity": [1]}}"#, "unknown field `velocity`"),
        (r#"{"action": {"continuous": {"gripper": 1}}}"#, "expected a sequence"),
        (r#"{"action": {"continuous": {"gripper": ["\u001b[2J"]}}}"#, "\\u{1b}[2J"),
        (r#"{"action": null}"#, "null"),
        ("[]", "an object with the key `action`"),
        ("42", "an object with the key `action`"),
    ] {
        assert_fault(act_answered_with(ok(answer)).await, BadAction, words);
    }
    for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let action = Action::new().with("gripper", [0.0, number]);
        let body = rmp_serde::to_vec_named(&serde_json::json!({"action": 0})).unwrap();
        let body = [&body[..body.len() - 1], &rmp_serde::to_vec_named(&action).unwrap()].concat();
        let answer = http("200 OK", "Content-Type: application/msgpack\r\n", body);
        assert_fault(act_answered_with(answer).await, BadAction, not_finite);
    }
}

#[tokio::test]
async fn answers_that_are_none_are_told_apart() {
    let html = "<!doctype html>\n<title>Welcome to nginx!</title>";
    let terminal = "\x1b]0;owned\x07\x1b[2J\r\nTraceback\u{202e}";
    for (answer, words) in [
        (ok(html), "HTML"),
        (http("200 OK", "Content-Type: text/html\r\n", html), "Welcome to nginx!"),
        (ok(""), "an empty body"),
        (http("204 No Content", "", ""), "status 204"),
        (ok("not json"), "not JSON (expected ident at line 1 column 2): not json"),
        (ok(r#"{"action": {"#), "not JSON (EOF"),
        (http("200 OK", "Content-Type: application/msgpack\r\n", [0x81]), "not MessagePack"),
        (
            http("500 Oops", "", terminal),
            "status 500: \\u{1b}]0;owned\\u{7}\\u{1b}[2J\\r\\nTraceback\\u{202e}",
        ),
        (http("503 Busy", "", "x".repeat(100_000)), "xxx..."),
        (http("200 OK", "Content-Encoding: gzip\r\n", "\x1f"), "in the encoding `gzip`"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec(), "is not HTTP"),
        (b"\0\x01\x02\xff garbage\r\n\r\n".repeat(100), "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(), "is not HTTP"),
    ] {
        assert_fault(act_answered_with(answer).await, BadAnswer, words);
    }
    let cut_short = act_answered_with("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{").await;
    assert_fault(cut_short, Unreachable, "closed the connection before its answer to /act ended");
}

#[tokio::test]
async fn a_reset_that_was_refused_is_a_fault() {
    let server = scripted(|mut stream, _| async move {
        while request(&mut stream).await.is_some() {
            send(&mut stream, ok(r#"{"status": "error"}"#)).await;
        }
    })
    .await;
    let result = client(&server.url).reset(&episode(1)).await;
    assert_fault(result, BadAnswer, "the status `error` instead of `ok`");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = scripted(|_, _| async {}).await;
    let location = format!("Location: {}/act\r\n", other.url);
    for status in ["302 Found", "307 Temporary Redirect"] {
        let fault = act_answered_with(http(status, &location, "")).await;
        assert_fault(fault, BadAnswer, &format!("a redirect to `{}/act`", other.url));
    }
    assert_eq!(other.accepted(), 0);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    const SIZE: usize = 64 << 20;
    let until_closed = "HTTP/1.1 200 OK\r\n\r\n".to_owned();
    let announced = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    for head in [until_closed, announced] {
        let (report, sent) = oneshot::channel();
        let report = Arc::new(Mutex::new(Some(report)));
        let server = scripted(move |mut stream, _| {
            let (head, report) = (head.clone(), Arc::clone(&report));
            async move {
                if !play_until_act(&mut stream).await {
                    return;
                }
                send(&mut stream, head).await;
                let mut sent = 0;
                while sent < SIZE && send(&mut stream, [b' '; 1 << 16]).await {
                    sent += 1 << 16;
                }
                report.lock().unwrap().take().unwrap().send(sent).unwrap();
            }
        })
        .await;
        let mut policy = client(&server.url);
        policy.reset(&episode(1)).await.unwrap();
        let result = policy.act(&Observation::default()).await;
        assert_fault(result, BadAnswer, "more than 64 KiB");
        let sent = tokio::time::timeout(PATIENCE, sent).await.unwrap().unwrap();
        assert!(sent < SIZE, "the client read all of it");
    }
}

#[test]
fn any_answer_is_an_action_of_finite_numbers_or_a_fault() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap();
    let answer = Arc::new(Mutex::new(Vec::new()));
    let to_send = Arc::clone(&answer);
    let server = runtime.block_on(scripted(move |mut stream, _| {
        let to_send = Arc::clone(&to_send);
        async move {
            while play_until_act(&mut stream).await {
                let bytes = to_send.lock().unwrap().clone();
                send(&mut stream, bytes).await;
            }
        }
    }));
    let policy = RefCell::new(client(&server.url));
    let action = Action::new().with("ee_twist", [0.5; 6]).with("gripper", [1.0]);
    let valid = serde_json::json!({"action": action});
    let bodies = [serde_json::to_vec(&valid).unwrap(), rmp_serde::to_vec_named(&valid).unwrap()];

    proptest!(|(
        in_json: bool,
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        noise in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
    )| {
        let mut body = bodies[usize::from(!in_json)].clone();
        let is_untouched = mutations.is_empty() && noise.is_none();
        for (index, byte) in mutations {
            let index = index.index(body.len());
            body[index] = byte;
        }
        let body = noise.unwrap_or(body);
        let format = if in_json { "json" } else { "msgpack" };
        let content_type = format!("Content-Type: application/{format}\r\n");
        *answer.lock().unwrap() = http("200 OK", &content_type, body);
        let mut policy = policy.borrow_mut();
        let result = runtime.block_on(async {
            policy.reset(&episode(1)).await.unwrap();
            policy.act(&Observation::default()).await
        });
        match result {
            Ok(action) => {
                let mut numbers = action.continuous.iter().flat_map(|(_, values)| values);
                prop_assert!(numbers.all(|number| number.is_finite()));
            }
            Err(fault) => {
                prop_assert!(!is_untouched, "{fault}");
                prop_assert!(matches!(fault.kind, BadAnswer | BadAction), "{fault:?}");
                prop_assert!(!fault.detail.contains(char::is_control), "{fault:?}");
            }
        }
    });
}
