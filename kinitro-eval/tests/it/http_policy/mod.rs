//! The HTTP policy and the policy server, over real sockets: with each other, and the client
//! against servers that break the protocol in the ways that strangers' servers do.

mod answers;
mod connections;
mod reach;
mod scripted;
mod server;

use std::time::Duration;

use kinitro_core::{PolicyFault, PolicyFaultKind, Seed, TaskConfig};
use kinitro_eval::policy::EpisodeStart;
use kinitro_eval::policy::http::HttpPolicy;

/// A limit that no answer in these tests comes near to, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

fn client(url: &str) -> HttpPolicy {
    HttpPolicy::new(url).unwrap()
}

fn episode(seed: u64) -> EpisodeStart {
    EpisodeStart::new(TaskConfig::new("metaworld/reach-v3".parse().unwrap(), Seed(seed)))
}

#[track_caller]
fn assert_fault<T: std::fmt::Debug>(
    result: Result<T, PolicyFault>,
    kind: PolicyFaultKind,
    words: &str,
) -> PolicyFault {
    let fault = result.unwrap_err();
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.detail.contains(words), "{fault}");
    assert!(!fault.detail.contains(char::is_control), "{fault:?}");
    assert!(fault.detail.len() < 600, "{fault}");
    fault
}
