//! Client and server with each other.

use async_trait::async_trait;
use kinitro_core::PolicyFaultKind::{BadAnswer, Unreachable};
use kinitro_core::{Action, Image, Observation, PolicyFault};
use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::policy::{EpisodeStart, Policy};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::scripted::{act_ok, ok, request_head, reset_ok, scripted, send};
use super::{PATIENCE, assert_fault, client, episode};

/// A policy whose actions show what reached it.
#[derive(Debug, Clone, Default)]
struct Echo {
    seed: f64,
    steps: f64,
}

#[async_trait]
impl Policy for Echo {
    fn name(&self) -> String {
        "echo".to_owned()
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        *self = Self { seed: start.task.seed.0 as f64, steps: 0.0 };
        Ok(())
    }

    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        self.steps += 1.0;
        let mut action = Action::new().with("episode", [self.seed, self.steps]);
        for (name, values) in observation.proprio.iter() {
            action.continuous.insert(name, values);
        }
        for (camera, image) in &observation.rgb {
            let sum: f64 =
                image.as_bytes().iter().zip(1..).map(|(b, i)| f64::from(*b) / f64::from(i)).sum();
            action.continuous.insert(camera, [sum]);
        }
        action.discrete.insert("cameras".to_owned(), observation.rgb.len() as i64);
        Ok(action)
    }
}

struct Served {
    url: String,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

async fn serve(policy: impl Policy + Clone + 'static) -> Served {
    let server = PolicyServer::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", server.local_addr());
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(server.serve(policy, async { drop(stopped.await) }));
    Served { url, stop, task }
}

fn observation() -> Observation {
    let mut observation = Observation::default();
    observation.proprio.insert("ee_pos", [0.1, -1.0 / 3.0, f64::MIN_POSITIVE]);
    let bytes = (0..64 * 48 * 3u32).map(|i| (i * 7 % 256) as u8).collect();
    observation.rgb.insert("corner".to_owned(), Image::from_rgb(48, 64, bytes).unwrap());
    observation
}

#[tokio::test]
async fn json_and_message_pack_give_the_same_actions() {
    let served = serve(Echo::default()).await;
    let mut packed = client(&served.url);
    let mut json = client(&served.url).with_json_only();
    let mut here = Echo::default();
    let health = packed.health().await.unwrap();
    assert_eq!((health.status.as_str(), health.model_loaded), ("healthy", Some(true)));
    assert!(health.uptime_seconds.unwrap() >= 0.0);
    assert_eq!(health.accepts, ["application/json", "application/msgpack"]);
    for policy in [&mut packed as &mut dyn Policy, &mut json, &mut here] {
        policy.reset(&episode(u64::from(u32::MAX))).await.unwrap();
    }
    for _ in 0..3 {
        let expected = here.act(&observation()).await.unwrap();
        assert_eq!(expected.continuous.len(), 3);
        assert_eq!(packed.act(&observation()).await.unwrap(), expected);
        assert_eq!(json.act(&observation()).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn message_pack_is_spoken_where_it_is_listed_and_not_refused() {
    let (heads, mut received) = tokio::sync::mpsc::unbounded_channel();
    let server = scripted(move |mut stream, _| {
        let heads = heads.clone();
        async move {
            while let Some(head) = request_head(&mut stream).await {
                let answer = match head.split(' ').nth(1) {
                    Some("/health") => ok(r#"{"accepts": ["application/msgpack"], "gpu": 1}"#),
                    Some("/reset") => reset_ok(),
                    _ => act_ok(),
                };
                heads.send(head).unwrap();
                send(&mut stream, answer).await;
            }
        }
    })
    .await;
    let policy = client(&server.url);
    for (mut policy, format, asked) in
        [(policy.clone(), "msgpack", 1), (policy.with_json_only(), "json", 0)]
    {
        policy.reset(&episode(1)).await.unwrap();
        // The answers are JSON and say so.
        policy.act(&observation()).await.unwrap();
        policy.reset(&episode(2)).await.unwrap();
        let heads: Vec<_> = std::iter::from_fn(|| received.try_recv().ok()).collect();
        assert_eq!(heads.len(), 3 + asked);
        assert!(heads.iter().all(|head| head.contains("accept-encoding: identity")), "{heads:?}");
        for head in &heads[asked..] {
            assert!(head.contains(&format!("content-type: application/{format}")), "{head}");
            assert!(head.contains(&format!("accept: application/{format}")), "{head}");
        }
    }
}

#[tokio::test]
async fn parallel_episodes_do_not_mix() {
    let served = serve(Echo::default()).await;
    let mut policies: Vec<_> = (0..8).map(|_| client(&served.url)).collect();
    for (policy, seed) in policies.iter_mut().zip(10..) {
        policy.reset(&episode(seed)).await.unwrap();
    }
    for step in 1..=3 {
        for (policy, seed) in policies.iter_mut().zip(10u32..) {
            let action = policy.act(&Observation::default()).await.unwrap();
            let episode = action.continuous.get("episode").unwrap().to_vec();
            assert_eq!(episode, [f64::from(seed), f64::from(step)]);
        }
    }
}

#[tokio::test]
async fn the_server_says_what_is_wrong_with_a_request() {
    let served = serve(Echo::default()).await;
    let result = client(&served.url).act(&Observation::default()).await;
    assert_fault(result, BadAnswer, "status 409: {\"detail\":\"there is no episode");
    let elsewhere = client(&format!("{}/miner1/", served.url)).health().await;
    assert_fault(elsewhere, BadAnswer, "status 404");

    let task_config = serde_json::to_string(&episode(5).task).unwrap();
    let reset = format!(r#"{{"task_config": {task_config}, "more": 1}}"#);
    for (path, content_type, body, status, words) in [
        ("/act", "application/json", "{", "400", "not JSON"),
        ("/act", "application/msgpack", "", "400", "not MessagePack"),
        ("/act", "text/plain", "{}", "415", "application/msgpack"),
        ("/act", "application/json", r#"{"obs": {"goal": []}}"#, "422", "goal"),
        ("/nothing", "application/json", "", "404", "/reset"),
        ("/health", "application/json", "", "405", "GET /health"),
        // A client with a connection for each request goes on with its last episode.
        ("/reset", "application/json", &reset, "200", "episode_id"),
        ("/act", "application/json", r#"{"obs": {}, "seed": 3}"#, "200", "[5.0,1.0]"),
        ("/act", "application/json", r#"{"obs": {}}"#, "200", "[5.0,2.0]"),
    ] {
        let mut stream = TcpStream::connect(&served.url["http://".len()..]).await.unwrap();
        let length = body.len();
        let head = format!("Content-Type: {content_type}\r\nContent-Length: {length}");
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{head}\r\n\r\n{body}");
        send(&mut stream, request).await;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path} {body}: {answer}");
        assert!(answer.contains(words), "{path} {body}: {answer}");
    }
}

#[tokio::test]
async fn the_server_stops_when_told_to() {
    let served = serve(Echo::default()).await;
    let mut policy = client(&served.url);
    policy.reset(&episode(1)).await.unwrap();
    served.stop.send(()).unwrap();
    tokio::time::timeout(PATIENCE, served.task).await.unwrap().unwrap().unwrap();
    assert_fault(policy.reset(&episode(2)).await, Unreachable, "connection refused");
}
