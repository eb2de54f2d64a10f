//! Judge a policy server, wherever it runs and whatever it is written in.
//!
//! Such a server answers `GET /health`, `POST /reset` and `POST /act`. It is a stranger's: an answer
//! that is late, breaks the protocol or holds NaN ends the episode and counts as a failure. Reports
//! group these faults by kind.
//!
//! ```sh
//! cargo run -p kinitro-examples --example judge_over_http -- http://127.0.0.1:8000
//! ```
//!
//! Without a URL the example starts a server itself, with a policy that acts at random.
//! `serve_policy.rs` shows how to write your own.

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::error::Error;
use std::time::Duration;

use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::{Evaluation, Event, HttpPolicy, RandomPolicy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = match std::env::args().nth(1) {
        Some(url) => url,
        None => start_a_server().await?,
    };

    // Ask for the server's health once: better to learn of a wrong address now than in every episode.
    let mut policy = HttpPolicy::new(&url)?;
    let health = policy.health().await?;
    println!("{url} is {}", health.status);

    let report = Evaluation::new(policy)
        .env("metaworld/reach-v3")
        .episodes(5)
        .max_steps(200)
        // The pictures that the policy gets; all cameras unless some are named. For a policy that
        // does not look, `.images(false)` saves most of the time.
        .camera("corner2")
        // A reset may take 5 s. A policy that is far away or slow may need more.
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

/// Starts a policy server on a free port of this machine, which runs as long as this process.
async fn start_a_server() -> Result<String, Box<dyn Error>> {
    let server = PolicyServer::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", server.local_addr());
    let policy = RandomPolicy::new();
    tokio::spawn(server.serve(policy, std::future::pending()));
    Ok(url)
}
