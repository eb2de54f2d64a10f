//! Connections: how many there are, what breaks them, and how long they may take.

use std::time::{Duration, Instant};

use kinitro_core::PolicyFaultKind::{Timeout, Unreachable};
use kinitro_core::{Action, Observation};
use kinitro_eval::policy::Policy;
use kinitro_eval::policy::TimeLimits;
use tokio::net::TcpListener;

use super::scripted::{
    Scripted, act_ok, http, ok, play_until_act, request, reset_ok, scripted, send,
};
use super::{PATIENCE, assert_fault, client, episode};

#[tokio::test]
async fn one_connection_is_used_for_whole_episodes() {
    let server = scripted(|mut stream, _| async move {
        while play_until_act(&mut stream).await && send(&mut stream, act_ok()).await {}
    })
    .await;
    let mut policy = client(&server.url);
    for seed in 0..3 {
        policy.reset(&episode(seed)).await.unwrap();
        for _ in 0..20 {
            let action = policy.act(&Observation::default()).await.unwrap();
            assert_eq!(action, Action::new().with("gripper", [0.5]));
        }
    }
    assert_eq!(server.accepted(), 1);
    policy.clone().reset(&episode(9)).await.unwrap();
    assert_eq!(server.accepted(), 2);
}

/// A server that closes each connection after one answer, without a word of it in the answer.
async fn one_answer_a_connection() -> Scripted {
    scripted(|mut stream, _| async move {
        let answer = match request(&mut stream).await.as_deref() {
            Some("/health") => http("404 Not Found", "", ""),
            Some("/reset") => reset_ok(),
            _ => act_ok(),
        };
        send(&mut stream, answer).await;
    })
    .await
}

#[tokio::test]
async fn a_server_may_close_an_idle_connection() {
    let server = one_answer_a_connection().await;
    let mut policy = client(&server.url);
    policy.reset(&episode(1)).await.unwrap();
    for pause in [0, 0, 1, 5, 20] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        policy.act(&Observation::default()).await.unwrap();
    }
}

#[test]
fn a_server_may_close_a_connection_while_nobody_watches() {
    let mut elsewhere = tokio::runtime::Builder::new_multi_thread();
    let elsewhere = elsewhere.worker_threads(1).enable_all().build().unwrap();
    let server = elsewhere.block_on(one_answer_a_connection());
    // Between two calls this runtime stands still, as it does while a simulator steps.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut policy = client(&server.url);
    runtime.block_on(policy.reset(&episode(1))).unwrap();
    for pause in [0, 0, 1, 5, 20] {
        std::thread::sleep(Duration::from_millis(pause));
        runtime.block_on(policy.act(&Observation::default())).unwrap();
    }
}

#[tokio::test]
async fn a_request_that_crosses_the_end_of_its_connection_is_sent_again() {
    for crossed in ["/reset", "/act"] {
        let server = scripted(move |mut stream, number| async move {
            while let Some(path) = request(&mut stream).await {
                let answer = match path.as_str() {
                    _ if number == 1 && path == crossed => return,
                    "/health" => http("404 Not Found", "", ""),
                    "/reset" => reset_ok(),
                    _ => act_ok(),
                };
                send(&mut stream, answer).await;
            }
        })
        .await;
        let mut policy = client(&server.url);
        policy.reset(&episode(1)).await.unwrap();
        policy.act(&Observation::default()).await.unwrap();
        assert_eq!(server.accepted(), 2);
    }
}

#[tokio::test]
async fn a_server_that_closes_every_connection_is_unreachable() {
    let server = scripted(|mut stream, _| async move {
        play_until_act(&mut stream).await;
    })
    .await;
    let mut policy = client(&server.url);
    policy.reset(&episode(1)).await.unwrap();
    let result = policy.act(&Observation::default()).await;
    assert_fault(result, Unreachable, "closed the connection");
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn after_a_timeout_the_next_episode_has_a_fresh_connection() {
    let server = scripted(|mut stream, number| async move {
        while play_until_act(&mut stream).await {
            if number == 1 {
                tokio::time::sleep(Duration::from_millis(300)).await;
                send(&mut stream, ok(r#"{"action": {"continuous": {"late": [1]}}}"#)).await;
            } else {
                send(&mut stream, act_ok()).await;
            }
        }
    })
    .await;
    let mut policy = client(&server.url);
    policy.reset(&episode(1)).await.unwrap();
    let limits = TimeLimits::new(PATIENCE, Duration::from_millis(200));
    let result = limits.act(&mut policy, &Observation::default()).await;
    assert_fault(result, Timeout, "no answer to /act within 200 ms");
    for _ in 0..3 {
        policy.reset(&episode(2)).await.unwrap();
        let action = policy.act(&Observation::default()).await.unwrap();
        assert_eq!(action, Action::new().with("gripper", [0.5]));
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(server.accepted(), 2);
}

#[tokio::test]
async fn a_health_that_never_answers_means_json() {
    let server = scripted(|mut stream, number| async move {
        if number == 1 {
            request(&mut stream).await;
            tokio::time::sleep(PATIENCE).await;
        }
        while play_until_act(&mut stream).await && send(&mut stream, act_ok()).await {}
    })
    .await;
    let mut policy = client(&server.url);
    policy.reset(&episode(1)).await.unwrap();
    policy.act(&Observation::default()).await.unwrap();
}

#[tokio::test]
async fn nobody_at_the_address_is_unreachable() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut policy = client(&format!("http://{closed}"));
    let words = format!("cannot connect to {closed}: connection refused");
    assert_fault(policy.health().await, Unreachable, &words);
    assert_fault(policy.reset(&episode(1)).await, Unreachable, &words);
    assert_fault(policy.act(&Observation::default()).await, Unreachable, &words);
    let mut nowhere = client("http://user:secret@no-such-host.invalid:8000");
    let fault = assert_fault(nowhere.health().await, Unreachable, "the name does not resolve");
    assert!(!fault.detail.contains("secret"));
    let server = scripted(|mut stream, _| async move {
        send(&mut stream, "220 mail ready\r\n").await;
        request(&mut stream).await;
    })
    .await;
    let mut secure = client(&server.url.replace("http:", "https:"));
    assert_fault(secure.health().await, Unreachable, "cannot connect to 127.0.0.1");
}

#[tokio::test]
async fn a_slow_answer_is_cut_off_at_the_limit() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n";
    // How many bytes are sent at once before the rest drips, and how long between two drops.
    for (at_once, pause) in [(0, 10_000), (0, 20), (head.len(), 20), (head.len() + 1, 1000)] {
        let server = scripted(move |mut stream, _| async move {
            if !play_until_act(&mut stream).await {
                return;
            }
            let answer = format!("{head}{}", " ".repeat(9999));
            let (first, rest) = answer.as_bytes().split_at(at_once);
            send(&mut stream, first).await;
            for byte in rest {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                if !send(&mut stream, [*byte]).await {
                    break;
                }
            }
        })
        .await;
        let mut policy = client(&server.url);
        policy.reset(&episode(1)).await.unwrap();
        let start = Instant::now();
        let limits = TimeLimits::new(PATIENCE, Duration::from_millis(200));
        let result = limits.act(&mut policy, &Observation::default()).await;
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert_fault(result, Timeout, "no answer to /act within 200 ms");
    }
}
