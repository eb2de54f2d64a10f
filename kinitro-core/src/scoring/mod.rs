//! Turns success rates into a subnet's weights: exactly, reproducibly on every machine, and with an
//! explanation.
//!
//! ```
//! use kinitro_core::scoring::{MinerScores, ParetoSubsets, ScoreReport, ScoreTable};
//!
//! let envs: Vec<kinitro_core::EnvId> =
//!     vec!["metaworld/reach-v3".parse()?, "metaworld/push-v3".parse()?];
//! let miner = |uid: u16, block: u64, rates: [f64; 2]| MinerScores {
//!     uid: uid.into(),
//!     first_block: Some(block.into()),
//!     scores: envs.iter().cloned().zip(rates).collect(),
//! };
//! // A generalist, one that is better at pushing, and a copy of the first.
//! let miners = vec![miner(1, 10, [0.7, 0.5]), miner(2, 20, [0.1, 0.9]), miner(3, 30, [0.7, 0.5])];
//! let table = ScoreTable::new(envs.clone(), miners, 50)?;
//!
//! let scores = ParetoSubsets::new().score(&table)?;
//! assert_eq!(scores.points, [3, 1, 0]);
//! let report = ScoreReport::new(&table, &scores);
//! assert_eq!(report.weights_u16.values, [55298, 7483, 2753]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The steps
//! Each step can be used by itself; [`ParetoSubsets`] runs them in order.
//! - [`ScoreTable`]: the checked success rates of miners on environments
//! - [`epsilons`], [`frontier`]: the miners whom no other miner dominates, for display
//! - [`Gap`], [`Thresholds`]: the success rates that a later committer must exceed
//! - [`count_wins`]: the exact number of sets of environments that each miner wins, without listing
//!   the sets; [`enumerate_wins`] lists them, to test [`count_wins`]
//! - [`Scheme`], [`softmax_of_points`], [`to_u16`]: points, shares, and integers for the chain
//!
//! In addition, [`explain`] shows why each miner has its points, [`ScoreFile`] and [`ScoreReport`]
//! are the input and output files, and [`SimulatedSubnet`] generates tables. [`Weighting`] is the
//! interface for other rules, and [`Weightings`] makes rules by name.
//!
//! The numbers come from docs/spec/scoring.md.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod counts;
mod down_set;
mod enumeration;
mod env_set;
mod explain;
mod file;
mod frontier;
mod pareto;
mod registry;
mod report;
mod simulate;
mod subsets;
mod table;
mod threshold;
mod weighting;
mod weights;

pub use counts::{Scheme, SizeCounts};
pub use enumeration::{MAX_ENUMERATED_ENVS, enumerate_wins};
pub use env_set::EnvSet;
pub use explain::{Denial, DenialReason, Explanation, Explanations, explain};
pub use file::{ScoreFile, ScoreFileError};
pub use frontier::{epsilons, frontier};
pub use pareto::{ParetoSubsets, ScoringError};
pub use registry::{WeightingError, Weightings};
pub use report::{ChainWeights, ScoreReport};
pub use simulate::{MinerKind, SimulatedSubnet, Simulation};
pub use subsets::{CountError, DEFAULT_WORK_LIMIT, count_wins};
pub use table::{MinerScores, ScoreTable, TableError};
pub use threshold::{Gap, GapError, Thresholds};
pub use weighting::{Method, Scores, Uniform, WeightSet, Weighting};
pub use weights::{PointScale, Rounding, WeightsError, softmax, softmax_of_points, to_u16};
