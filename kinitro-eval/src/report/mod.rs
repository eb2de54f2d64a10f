//! The results of an evaluation: the files it writes, and the numbers in them.

mod folder;
mod manifest;
mod summary;
#[cfg(feature = "video")]
pub(crate) mod video;

pub use folder::{EPISODES_FILE, FolderError, MANIFEST_FILE, ResultsFolder, SUMMARY_FILE};
pub use manifest::{Identity, Machine, Manifest};
pub use summary::{EnvironmentSummary, Summary};
#[cfg(feature = "video")]
pub use video::Video;
