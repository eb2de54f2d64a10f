//! Weights: how a chain represents them, whether it will accept them, and what became of them.

mod eligibility;
mod receipt;
mod vector;

pub use eligibility::{blocks_left, eligibility};
pub use receipt::{Timelock, WeightsReceipt, WeightsState};
pub use vector::{UnequalLists, WeightVector};
