//! Judge a policy server, wherever it runs and whatever it is written in.
//!
//! Such a server answers `GET /health`, `POST /reset` and `POST /act`. It is a stranger's: answers
//! that come late, are not the protocol's or hold no finite numbers end the episode, count as a
//! failure, and are told by kind.
//!
//! ```sh
//! cargo run -p kinitro-examples --example judge_over_http -- http://127.0.0.1:8000
//! ```
//!
//! Without a URL the example starts a server itself, of a policy that acts at random. Another file,
//! `serve_policy.rs`, shows how to write one.

#![allow(clippy::print_stdout, reason = "an example says what came of it")]

use std::error::Error;
use std::time::Duration;

use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::{Evaluation, Event, HttpPolicy, RandomPolicy, Registry};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => start_a_server().await?,
    };

    // Ask once how the server is: a wrong address should be said now, not by every episode.
    let mut policy = HttpPolicy::new(&url)?;
    let health = policy.health().await?;
    println!("{url} is {}", health.status);

    let report = Evaluation::new(policy)
        .env("metaworld/reach-v3")
        .episodes(5)
        .max_steps(200)
        // What the policy is shown beside what the robot feels; all cameras unless some are named.
        // For a policy that does not look, `.images(false)` saves most of the time.
        .camera("corner2")
        // For a reset it has 5 s. A policy that is far away or thinks long may need more.
        .action_timeout(Duration::from_millis(500))
        .on_event(|event| {
            if let Event::Episode(episode) = event {
                let (seed, steps) = (episode.seed, episode.steps);
                println!("seed {seed}: {} after {steps} steps", episode.outcome.label());
            }
        })
        .run()
        .await?;

    for environment in &report.summary.environments {
        println!(
            "{}: {} of {} episodes, 95 % interval {:.3} to {:.3}",
            environment.env_id,
            environment.successes,
            environment.episodes,
            environment.interval.low,
            environment.interval.high
        );
        if let (Some(p50), Some(p99)) = (environment.latency_p50, environment.latency_p99) {
            println!("an answer took {:.1} ms (p50), {:.1} ms (p99)", 1e3 * p50, 1e3 * p99);
        }
        for (kind, detail) in &environment.fault_examples {
            println!("{} x {kind}, for instance: {detail}", environment.faults[kind]);
        }
    }
    Ok(())
}

/// A policy server on a free port of this machine, which lives as long as this process.
async fn start_a_server() -> Result<String, Box<dyn Error>> {
    let server = PolicyServer::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", server.local_addr());
    let policy = RandomPolicy::new(Registry::builtin());
    tokio::spawn(server.serve(policy, std::future::pending()));
    Ok(url)
}
