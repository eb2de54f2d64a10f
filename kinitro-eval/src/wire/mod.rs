//! The JSON of the backend's API (docs/spec/wire.md, section 4).
//!
//! These types depend on nothing of the backend: a client of the API needs no more than this module.
//! Answers carry the names of the guide and a second set that programs in the field read. Unknown
//! fields of requests are ignored, so that a newer executor can speak to an older API.

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
