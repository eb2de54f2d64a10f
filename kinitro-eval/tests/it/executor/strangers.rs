//! Policies that belong to strangers, through the executor.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use kinitro_core::{Image, Observation, Seed};
use kinitro_eval::env::point::PointFamily;
use kinitro_eval::env::{
    Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, Scenario, Transition,
};
use kinitro_eval::isolation::InProcess;
use kinitro_eval::kinitro_core::Action;
use kinitro_eval::policy::http::{Reach, Resolver};
use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::{Registry, ZeroPolicy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::api::Api;
use super::{POINT, Working, settings};

fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.register(PointFamily);
    registry
}

/// The address of a policy that does nothing.
pub(crate) async fn standing_still() -> String {
    let server = PolicyServer::bind("127.0.0.1:0").await.unwrap().with_registry(registry());
    let url = format!("http://{}", server.local_addr());
    tokio::spawn(server.serve(ZeroPolicy::new(), std::future::pending()));
    url
}

/// A family that can be made and not be drawn.
#[derive(Debug)]
pub(crate) struct Undrawable;

struct UndrawableEnvironment(Box<dyn Environment>);

impl EnvironmentFamily for Undrawable {
    fn name(&self) -> &str {
        PointFamily.name()
    }

    fn tasks(&self) -> Vec<String> {
        PointFamily.tasks()
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        PointFamily.spec(task)
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(Box::new(UndrawableEnvironment(PointFamily.make(task)?)))
    }
}

impl Environment for UndrawableEnvironment {
    fn spec(&self) -> &EnvironmentSpec {
        self.0.spec()
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        self.0.generate_scenario(seed)
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        self.0.reset(scenario)
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        self.0.step(action)
    }

    fn render(&mut self, _: &str) -> Result<Image, EnvironmentError> {
        let (problem, hint) = ("no driver".to_owned(), "install one".to_owned());
        Err(EnvironmentError::Render { problem, hint })
    }
}

/// A policy server that answers what is asked of it with these bytes, and then goes on as told.
async fn misbehaving(after: After) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(misbehave(stream, after));
        }
    });
    url
}

#[derive(Debug, Clone, Copy)]
enum After {
    /// A body of a gigabyte, of no length that would be told before.
    Gigabyte,
    /// A byte each second.
    Drip,
    /// What unpacks to gigabytes.
    Bomb,
    NotANumber,
    Redirect,
}

async fn misbehave(mut stream: TcpStream, after: After) -> Option<()> {
    loop {
        let mut request = vec![0; 1 << 16];
        let mut length = 0;
        let path = loop {
            let count =
                stream.read(&mut request[length..]).await.ok().filter(|&count| count > 0)?;
            length += count;
            let text = String::from_utf8_lossy(&request[..length]).to_ascii_lowercase();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let announced = head.split("content-length: ").nth(1);
            let announced =
                announced.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            if body.len() >= announced {
                break head.split(' ').nth(1)?.to_owned();
            }
        };
        let ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        if path != "/act" {
            let body = r#"{"status": "ok"}"#;
            let answer = format!("{ok}Content-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.ok()?;
            continue;
        }
        match after {
            After::Gigabyte => {
                stream.write_all(format!("{ok}\r\n").as_bytes()).await.ok()?;
                for _ in 0..1024 {
                    stream.write_all(&[b' '; 1 << 20]).await.ok()?;
                }
            }
            After::Drip => {
                stream
                    .write_all(format!("{ok}Content-Length: 99\r\n\r\n").as_bytes())
                    .await
                    .ok()?;
                loop {
                    stream.write_all(b" ").await.ok()?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            After::Bomb => {
                let head = format!("{ok}Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n");
                stream.write_all(head.as_bytes()).await.ok()?;
                stream.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).await.ok()?;
                stream.write_all(&[0xff; 10]).await.ok()?;
            }
            After::NotANumber => {
                let body = r#"{"action": {"continuous": {"base_vel": [NaN, 0]}}}"#;
                let answer = format!("{ok}Content-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.ok()?;
            }
            After::Redirect => {
                let to = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/act\r\n";
                stream.write_all(format!("{to}Content-Length: 0\r\n\r\n").as_bytes()).await.ok()?;
            }
        }
        return None;
    }
}

/// The faults that episodes at these addresses end in, in their order.
async fn faults(sandbox: InProcess, endpoints: &[String]) -> Vec<(String, String)> {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", endpoints.len() as u64);
    api.with(|queue| {
        for (task, endpoint) in queue.tasks.values_mut().zip(endpoints) {
            task.endpoint = endpoint.clone();
        }
    });
    let working = Working::start(settings(&api, folder.path()), Arc::new(sandbox)).await;
    let started = Instant::now();
    api.wait_until_all_are_over().await;
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    working.stop().await;
    api.with(|queue| {
        let answers = queue.tasks.values().map(|task| &task.answers[0]["outcome"]);
        let told = answers.map(|outcome| {
            assert_eq!(outcome["outcome"], "policy_fault", "{outcome}");
            let text = |key: &str| outcome[key].as_str().unwrap().to_owned();
            assert!(text("detail").len() < 1000);
            (text("kind"), text("detail"))
        });
        told.collect()
    })
}

#[tokio::test]
async fn hostile_policies_end_their_episodes_as_faults_in_bounded_time() {
    let mut endpoints = Vec::new();
    for after in [After::Gigabyte, After::Drip, After::Bomb, After::NotANumber, After::Redirect] {
        endpoints.push(misbehaving(after).await);
    }
    let sandbox = InProcess::new(registry()).with_reach(Reach::anywhere());
    let faults = faults(sandbox, &endpoints).await;
    let expected = [
        ("bad_answer", "more than 64 KiB"),
        ("timeout", "within 500 ms"),
        ("bad_answer", "gzip"),
        ("bad_action", "NaN"),
        ("bad_answer", "redirect"),
    ];
    for ((kind, detail), (expected_kind, words)) in faults.iter().zip(expected) {
        // A machine that is busy with other tests may not get so far as to read it.
        if kind != "timeout" {
            assert_eq!(kind, expected_kind, "{detail}");
            assert!(detail.contains(words), "{detail}");
        }
    }
    assert_eq!(faults[1].0, "timeout");
}

/// Addresses of every class that is not the public internet.
const ADDRESSES: [&str; 16] = [
    "127.0.0.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "0.0.0.0",
    "255.255.255.255",
    "::1",
    "fd00::1",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
];

/// Answers `N.miner.example` with the N-th address.
struct Numbered(AtomicUsize);

#[async_trait]
impl Resolver for Numbered {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let number: usize = host.split('.').next().unwrap().parse().unwrap();
        Ok(vec![ADDRESSES[number].parse().unwrap()])
    }
}

#[tokio::test]
async fn no_address_of_a_network_that_is_not_public_is_asked_by_number_or_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let literal = |address: &&str| match address.parse().unwrap() {
        IpAddr::V4(address) => format!("http://{address}:{port}"),
        IpAddr::V6(address) => format!("http://[{address}]:{port}"),
    };
    let named = |number: usize| format!("http://{number}.miner.example:{port}");
    let endpoints: Vec<String> =
        ADDRESSES.iter().map(literal).chain((0..ADDRESSES.len()).map(named)).collect();
    let resolver = Arc::new(Numbered(AtomicUsize::new(0)));
    let reach = Reach::public().with_resolver(resolver.clone());
    let faults = faults(InProcess::new(registry()).with_reach(reach), &endpoints).await;
    for ((kind, detail), endpoint) in faults.iter().zip(&endpoints) {
        assert_eq!(kind, "unreachable", "{endpoint}: {detail}");
        assert!(detail.contains("must be on the public internet"), "{endpoint}: {detail}");
    }
    assert!(resolver.0.load(Ordering::SeqCst) >= ADDRESSES.len());
    let accepting = tokio::time::timeout(Duration::from_millis(50), listener.accept());
    assert!(accepting.await.is_err(), "somebody has connected");
}

#[tokio::test]
async fn only_https_is_spoken_where_it_must_be() {
    let reach = Reach::public().https_only();
    let sandbox = InProcess::new(registry()).with_reach(reach);
    let faults = faults(sandbox, &["http://miner.example".to_owned()]).await;
    assert!(faults[0].1.contains("must begin with `https://`"), "{faults:?}");
}
