//! Put a policy behind HTTP, where anyone can judge it.
//!
//! [`PolicyServer`] speaks the whole protocol (`GET /health`, `POST /reset`, `POST /act`, in JSON
//! and in MessagePack) for any [`Policy`]. Several evaluations may run at once: each connection gets
//! a clone of the policy, so their episodes do not mix.
//!
//! ```sh
//! cargo run -p kinitro-examples --example serve_policy -- 127.0.0.1:8000
//! ```
//!
//! and, in another terminal, either of
//!
//! ```sh
//! cargo run -p kinitro-examples --example judge_over_http -- http://127.0.0.1:8000
//! cargo run -- eval --policy http://127.0.0.1:8000 --env metaworld/reach-v3 --no-images
//! ```
//!
//! Port 0 takes any free port; the first line of the output shows which. Ctrl-C ends the server
//! after it has answered the requests in progress.

#![allow(clippy::print_stdout, reason = "an example prints its results")]

use std::error::Error;

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind};
use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::{EpisodeStart, Policy};

/// Takes the hand from place to place, over and over. Your model goes here: load it before the
/// server starts, and share its weights between the clones in an `Arc`.
#[derive(Clone, Default)]
struct Patrol {
    visited: usize,
}

/// Four places in the air where goals of `metaworld/reach-v3` may be near, m.
const PLACES: [[f64; 3]; 4] =
    [[-0.05, 0.85, 0.1], [0.05, 0.85, 0.1], [0.05, 0.85, 0.24], [-0.05, 0.85, 0.24]];

#[async_trait]
impl Policy for Patrol {
    fn name(&self) -> String {
        "patrol".to_owned()
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        println!("an episode of {} begins", start.task.env_id);
        self.visited = 0;
        Ok(())
    }

    /// Pictures, if the client sends any, are in `observation.rgb`, by camera.
    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        // An error is answered with a status of 500, and ends the episode.
        let hand = observation.proprio.get("ee_pos").filter(|hand| hand.len() == 3);
        let hand = hand.ok_or_else(|| PolicyFault::new(PolicyFaultKind::Error, "no ee_pos"))?;
        let way = |to: [f64; 3]| [0, 1, 2].map(|axis| to[axis] - hand[axis]);
        if way(PLACES[self.visited % 4]).iter().all(|metres| metres.abs() < 0.02) {
            self.visited += 1;
        }
        let [x, y, z] = way(PLACES[self.visited % 4]).map(|m| (20.0 * m).clamp(-1.0, 1.0));
        Ok(Action::new().with("ee_twist", [x, y, z, 0.0, 0.0, 0.0]).with("gripper", [0.0]))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8000".to_owned());
    let server = PolicyServer::bind(&address)
        .await
        .map_err(|error| format!("failed to listen on {address}: {error}"))?;
    println!("serving on http://{}", server.local_addr());

    let interrupted = async {
        match tokio::signal::ctrl_c().await {
            Ok(()) => println!("stopping"),
            // Ctrl-C cannot be waited for: a server that cannot be told to stop runs on.
            Err(_) => std::future::pending().await,
        }
    };
    server.serve(Patrol::default(), interrupted).await?;
    println!("stopped");
    Ok(())
}
