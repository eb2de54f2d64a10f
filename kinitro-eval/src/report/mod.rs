//! What is kept of an evaluation: files people open, and the numbers in them.

mod folder;
mod latency;
mod manifest;
mod summary;
pub(crate) mod video;

pub use folder::{EPISODES_FILE, FolderError, MANIFEST_FILE, ResultsFolder, SUMMARY_FILE};
pub use latency::Latencies;
pub use manifest::{Identity, Machine, Manifest};
pub use summary::{EnvironmentSummary, Summary};
pub use video::Video;
