//! The JSON of the backend's API (`docs/spec/wire.md`, section 4), one file for each group of
//! endpoints.
//!
//! These types depend on no part of the backend, so that clients of the API need nothing else. The
//! names are those of the JSON, where a queued job is a *task*. Answers carry two sets of names: those
//! of the guide, and those that deployed programs read. Unknown fields of requests are ignored, so
//! that a newer executor can talk to an older API.
//!
//! ```
//! use kinitro_eval::wire::FetchRequest;
//!
//! let request = FetchRequest::new("executor-1").batch_size(2);
//! assert_eq!(serde_json::to_string(&request)?, r#"{"executor_id":"executor-1","batch_size":2}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod cycles;
mod environments;
mod error;
mod key;
mod miners;
mod names;
#[cfg(feature = "api")]
mod schema;
mod scores;
mod status;
mod tasks;
mod timestamp;
mod weights;

pub use cycles::{CycleBody, CycleStatus, SeedMode};
pub use environments::{EnvironmentBody, EnvironmentsBody};
pub use error::ErrorBody;
pub use key::ApiKey;
pub use miners::{MinerBody, MinersBody};
pub use scores::{ScoreRow, ScoresBody};
pub use status::{Health, StatusBody};
pub use tasks::{
    FetchAnswer, FetchRequest, Lease, RenewAnswer, RenewRequest, RenewedLease, SubmitAnswer,
    SubmitRequest, TaskBody, TaskResult, TaskStatsBody, TaskStatus,
};
pub use timestamp::Timestamp;
pub use weights::{WeightsBody, WeightsMetadata};
