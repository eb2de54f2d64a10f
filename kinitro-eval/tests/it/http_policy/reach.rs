//! Strangers' policies reach no address that only this machine can.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use kinitro_core::PolicyFaultKind;
use kinitro_eval::policy::Policy as _;
use kinitro_eval::policy::http::{HttpPolicy, Reach, Resolver};
use tokio::net::TcpListener;

use super::scripted::{ok, request, scripted, send};
use super::{assert_fault, episode};

/// Answers each question with the next of its lists of addresses, and the last one from then on.
struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

#[async_trait]
impl Resolver for Scripted {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        assert_eq!(host, "miner.example");
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.answers[asked.min(self.answers.len() - 1)].clone())
    }
}

fn resolver<const N: usize>(answers: [&str; N]) -> Arc<Scripted> {
    let parse = |list: &str| list.split(' ').map(|text| text.parse().unwrap()).collect();
    Arc::new(Scripted { answers: answers.map(parse).into(), asked: AtomicUsize::new(0) })
}

/// A listener that must not be reached, and its port.
async fn bait() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

async fn assert_untouched(listener: TcpListener) {
    let accepting = tokio::time::timeout(std::time::Duration::from_millis(50), listener.accept());
    assert!(accepting.await.is_err(), "somebody has connected");
}

#[tokio::test]
async fn addresses_of_this_machine_and_its_network_are_refused_in_every_notation() {
    let (listener, port) = bait().await;
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "10.0.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fd00::1]",
        "100.64.1.1",
        "224.0.0.1",
    ] {
        let policy = HttpPolicy::new(&format!("http://{host}:{port}")).unwrap();
        let error = policy.with_reach(Reach::public()).unwrap_err().to_string();
        assert!(error.contains("must be on the public internet"), "{host}: {error}");
    }
    assert_untouched(listener).await;
}

#[tokio::test]
async fn a_name_for_such_an_address_is_refused_when_it_is_resolved() {
    let (listener, port) = bait().await;
    for answer in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3 127.0.0.1", "64:ff9b::7f00:1"]
    {
        let reach = Reach::public().with_resolver(resolver([answer]));
        let policy = HttpPolicy::new(&format!("http://miner.example:{port}")).unwrap();
        let mut policy = policy.with_reach(reach).unwrap();
        let result = policy.reset(&episode(1)).await;
        assert_fault(result, PolicyFaultKind::Unreachable, "must be on the public internet");
    }
    assert_untouched(listener).await;
}

/// A name that is public when it is checked and private when it is dialled would be of use to an
/// attacker. There is no second question between the two.
#[tokio::test]
async fn what_was_checked_is_what_is_dialled() {
    let (listener, port) = bait().await;
    // 203.0.113.0/24 leads nowhere, and stands here for a public address.
    let resolver = resolver(["203.0.113.1", "127.0.0.1"]);
    let reach = Reach::anywhere().with_resolver(resolver.clone());
    let policy = HttpPolicy::new(&format!("http://miner.example:{port}")).unwrap();
    let mut policy = policy.with_reach(reach).unwrap();
    let _ = policy.health().await;
    assert_eq!(resolver.asked.load(Ordering::Relaxed), 1, "one connection, one question");
    assert_untouched(listener).await;
}

#[tokio::test]
async fn a_name_with_an_address_that_is_allowed_is_asked() {
    let server = scripted(|mut stream, _| async move {
        while request(&mut stream).await.is_some() {
            send(&mut stream, ok(r#"{"status": "healthy"}"#)).await;
        }
    });
    let url = server.await.url.replace("127.0.0.1", "miner.example");
    let reach = Reach::anywhere().with_resolver(resolver(["127.0.0.1"]));
    let policy = HttpPolicy::new(&url).unwrap();
    let mut policy = policy.with_reach(reach).unwrap();
    assert_eq!(policy.health().await.unwrap().status, "healthy");
}

#[test]
fn https_is_demanded_where_it_must_be() {
    let plain = HttpPolicy::new("http://miner.example").unwrap();
    let error = plain.with_reach(Reach::public().https_only()).unwrap_err().to_string();
    assert!(error.contains("`http://miner.example` must begin with `https://`"), "{error}");
    let secure = HttpPolicy::new("https://miner.example").unwrap();
    assert!(secure.with_reach(Reach::public().https_only()).is_ok());
}
