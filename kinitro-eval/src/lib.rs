//! Judge robot policies: run a policy in freshly seeded simulations and say, with an interval, how
//! often it does what it should.
//!
//! ```no_run
//! use kinitro_eval::{Evaluation, RandomPolicy, Registry};
//!
//! # fn main() -> Result<(), kinitro_eval::EvaluationError> {
//! let report = Evaluation::new(RandomPolicy::new(Registry::builtin()))
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
//! # What is here
//! - [`Evaluation`]: many episodes, in parallel, kept on disk and gone on with after a stop
//! - [`mod@env`]: the traits [`Environment`](env::Environment) and
//!   [`EnvironmentFamily`](env::EnvironmentFamily), a [`Registry`] of them, and the family
//!   `metaworld`
//! - [`policy`]: the trait [`Policy`]; policies behind [HTTP](HttpPolicy), random ones, and the
//!   scripted experts
//! - [`VecEnvironment`](env::VecEnvironment): many environments on some threads, in batches
//! - [`episode`]: the one loop that all of this shares
//! - [`isolation`]: where episodes of strangers' policies run
//! - [`report`]: what is written down
//!
//! An episode is reproducible from its environment, its seed and its policy alone: neither the
//! number of workers nor what ran before changes it.
//!
//! # What is not
//! Training policies, and reading commitments from a chain (`kinitro-chain`).
//!
//! # Features
//! - `mujoco` (default): the MuJoCo simulator and the environments that need it. It links
//!   `libmujoco` 3.17.0, which is found through `MUJOCO_DYNAMIC_LINK_DIR` or pkg-config; see the
//!   README. Without it the traits, the loop and the HTTP policy remain.
//! - `auto-download-mujoco`: lets the build fetch MuJoCo where it is not found.
//! - `serve`: a server (`policy::serve`) that puts any policy behind HTTP.
//! - `backend`: what an operator of a subnet runs (`backend`): the storage of cycles, tasks, scores
//!   and weights in SQLite or PostgreSQL, the executor, and the validator.

#![cfg_attr(not(feature = "mujoco"), forbid(unsafe_code))]

#[cfg(any(feature = "executor", feature = "validator"))]
mod api_client;
#[cfg(any(feature = "api", feature = "executor", feature = "scheduler", feature = "storage"))]
pub mod backend;
#[cfg(all(feature = "mujoco", feature = "serve"))]
pub mod bench;
pub mod check;
pub mod conformance;
mod data_folder;
pub mod env;
pub mod episode;
pub mod evaluation;
#[cfg(feature = "http")]
mod http_client;
pub mod isolation;
pub mod policy;
#[cfg(feature = "http")]
mod quote;
pub mod report;
#[cfg(feature = "validator")]
pub mod validator;
pub mod wire;

/// For implementations of [`Policy`].
pub use async_trait::async_trait;
pub use data_folder::data_folder;
pub use env::Registry;
pub use episode::EpisodeRecord;
pub use evaluation::{Evaluation, EvaluationError, EvaluationReport, Event};
/// What policies and environments are told in: observations, actions, faults.
pub use kinitro_core;
pub use policy::{ExpertPolicy, Policy, RandomPolicy, ZeroPolicy};
#[cfg(feature = "http")]
pub use policy::{HttpPolicy, HttpPolicyError};
/// Stops what is running. Clones share one state.
pub use tokio_util::sync::CancellationToken;

/// What a panic said.
fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no message".to_owned())
}
