//! An implementation of each trait, by somebody who has nothing but the published crates.

mod policies;
mod sandbox;
mod store;
mod weighting;
mod world;

pub use policies::{Broken, Slow, Still, Walker};
pub use sandbox::Threads;
pub use store::Metered;
pub use weighting::Proportional;
pub use world::Ledges;
