//! Judge robot policies: runs a policy in freshly seeded simulations and reports its success rate
//! with a 95 % confidence interval.
//!
//! ```no_run
//! use kinitro_eval::{Evaluation, RandomPolicy};
//!
//! # fn main() -> Result<(), kinitro_eval::EvaluationError> {
//! let report = Evaluation::new(RandomPolicy::new())
//!     .env("metaworld/reach-v3")
//!     .episodes(50)
//!     .seed(7)
//!     .run_blocking()?;
//! let reach = &report.summary.environments[0];
//! println!("{} of {} ({:?})", reach.successes, reach.episodes, reach.interval);
//! # Ok(())
//! # }
//! ```
//!
//! # Contents
//! - [`Evaluation`]: many episodes, in parallel, kept on disk and continued after an interruption
//! - [`mod@env`]: the traits [`Environment`](env::Environment) and
//!   [`EnvironmentFamily`](env::EnvironmentFamily), a [`Registry`] of families, and the family
//!   `metaworld`
//! - [`policy`]: the trait [`Policy`], policies behind [HTTP](HttpPolicy), and baselines
//! - [`VecEnvironment`](env::VecEnvironment): batches of environments on several threads
//! - [`episode`]: the loop that every evaluation runs its episodes with
//! - [`isolation`]: where the episodes of strangers' policies run
//! - [`report`]: the files that an evaluation writes
//! - [`wire`]: the JSON of the backend's API, for its clients
//!
//! An episode is reproducible from its environment, its seed and its policy alone: neither the
//! number of workers nor what ran before changes it.
//!
//! # Not here
//! Training policies. Reading commitments from a chain is the job of `kinitro-chain`.
//!
//! # Features
//! Each builds alone, and brings only the dependencies that it needs.
//! - `mujoco` (default): the MuJoCo simulator and the environments that need it. It links
//!   `libmujoco` 3.17.0, which it finds through `MUJOCO_DYNAMIC_LINK_DIR` or pkg-config; see the
//!   README. Without it the traits, the loop and the HTTP policy remain.
//! - `auto-download-mujoco`: lets the build download MuJoCo if it is not found.
//! - `http` (default): policies behind HTTP, and the sandbox that judges them in this process.
//! - `serve`: a server (`policy::serve`) that puts any policy behind HTTP.
//! - `bench`: measurements of simulators, policies over HTTP, and stores.
//! - `video`: films of episodes, as animated GIFs.
//! - `conformance`: the suites (`conformance`) that every implementation of a trait should pass.
//! - `backend`: what the operator of a subnet runs (`backend` and `validator`). It is all of these:
//!   - `storage`: cycles, jobs, scores and weights; what a store is, and one in memory
//!   - `sql`: stores in SQLite and PostgreSQL
//!   - `api`: the REST API over a store
//!   - `scheduler`: makes cycles and judges them
//!   - `executor`: runs jobs from the API; needs no database
//!   - `validator`: takes weights from the API to the chain; needs no database

#![cfg_attr(not(feature = "mujoco"), forbid(unsafe_code))]

#[cfg(any(feature = "executor", feature = "validator"))]
mod api_client;
#[cfg(any(feature = "api", feature = "executor", feature = "scheduler", feature = "storage"))]
pub mod backend;
#[cfg(feature = "bench")]
pub mod bench;
pub mod check;
#[cfg(feature = "conformance")]
pub mod conformance;
mod data_folder;
pub mod env;
pub mod episode;
pub mod evaluation;
#[cfg(feature = "http")]
mod http_client;
pub mod isolation;
mod latency;
pub mod policy;
#[cfg(feature = "http")]
mod quote;
pub mod report;
#[cfg(feature = "validator")]
pub mod validator;
pub mod wire;

/// For implementations of [`Policy`] and [`Sandbox`](isolation::Sandbox).
pub use async_trait::async_trait;
pub use data_folder::data_folder;
pub use env::Registry;
pub use episode::EpisodeRecord;
pub use evaluation::{Evaluation, EvaluationError, EvaluationReport, Event};
/// The types that policies and environments exchange: observations, actions, faults.
pub use kinitro_core;
pub use latency::Latencies;
pub use policy::{EpisodeStart, Policy, RandomPolicy, ZeroPolicy};
#[cfg(feature = "http")]
pub use policy::{HttpPolicy, HttpPolicyError};
/// Stops what is running. All clones of a token are cancelled together.
pub use tokio_util::sync::CancellationToken;

/// The message of a panic.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
