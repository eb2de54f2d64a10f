//! An implementation of each trait, by somebody who has nothing but the published crates.

mod policies;
mod sandbox;
mod world;

pub use policies::{Broken, Slow, Still, Walker};
pub use sandbox::Threads;
pub use world::Ledges;
