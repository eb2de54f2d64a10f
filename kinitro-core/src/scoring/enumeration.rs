//! The winners of all subsets, found one subset at a time, exactly as they are defined.
//!
//! This takes `2^n` steps for `n` environments. Its only purpose is to test
//! [`count_wins`](super::count_wins).

use super::counts::SizeCounts;
use super::subsets::CountError;
use super::{EnvSet, ScoreTable, Thresholds};

/// The maximum number of environments for an enumeration; with more it would take hours.
pub const MAX_ENUMERATED_ENVS: usize = 24;

/// Counts the sets of environments of each size that each miner wins, by trying every set on every
/// pair of miners.
///
/// The result is in the order of the table's rows.
///
/// # Errors
/// [`CountError::TooManyToEnumerate`] above [`MAX_ENUMERATED_ENVS`] environments.
pub fn enumerate_wins(
    table: &ScoreTable,
    thresholds: &Thresholds,
) -> Result<Vec<SizeCounts>, CountError> {
    let envs = table.env_count();
    if envs > MAX_ENUMERATED_ENVS {
        return Err(CountError::TooManyToEnumerate { envs });
    }
    let miners = table.miner_count();
    let mut beaten_on = vec![EnvSet::EMPTY; miners * miners];
    for later in 0..miners {
        for earlier in 0..miners {
            beaten_on[later * miners + earlier] = thresholds.beaten_on(table, later, earlier);
        }
    }
    let beats = |later: usize, earlier: usize, subset: EnvSet| {
        subset.is_subset(beaten_on[later * miners + earlier])
    };
    let dominates = |candidate: usize, other: usize, subset: EnvSet| {
        if table.is_before(other, candidate) {
            beats(candidate, other, subset)
        } else {
            !beats(other, candidate, subset)
        }
    };
    let order = table.rows_by_priority();
    let mut wins = vec![SizeCounts::none(envs); miners];
    for subset in (1..1 << envs).map(EnvSet::from_bits) {
        let winner = order
            .iter()
            .find(|&&c| order.iter().all(|&other| other == c || dominates(c, other, subset)));
        if let Some(&winner) = winner {
            wins[winner].add_one(subset.len());
        }
    }
    Ok(wins)
}
