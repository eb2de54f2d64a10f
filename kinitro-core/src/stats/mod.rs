//! Confidence intervals and tests for success rates.
//!
//! ```
//! use kinitro_core::stats::{self, Confidence, PairedOutcomes};
//!
//! // One policy: 47 successes of 50.
//! let interval = stats::wilson(47, 50, Confidence::P95);
//! assert!(interval.low > 0.83 && interval.high < 0.98);
//!
//! // Two policies on the same 50 seeds: compared pair by pair.
//! let pairs = PairedOutcomes { both: 30, only_first: 12, only_second: 2, neither: 6 };
//! assert_eq!(pairs.difference(), Some(0.2));
//! assert!(pairs.mcnemar_exact() < 0.05);
//! assert!(pairs.newcombe(Confidence::P95).low > 0.0);
//! ```

mod paired;
mod wilson;

pub use paired::PairedOutcomes;
pub use wilson::wilson;

use serde::{Deserialize, Serialize};

/// The confidence level of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confidence {
    /// 90 %.
    P90,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
}

impl Confidence {
    /// The two-sided quantile of the standard normal distribution.
    fn z(self) -> f64 {
        match self {
            Self::P90 => 1.644_853_626_951_472_7,
            Self::P95 => 1.959_963_984_540_054,
            Self::P99 => 2.575_829_303_548_900_4,
        }
    }
}

/// A range of values, including both ends.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}
