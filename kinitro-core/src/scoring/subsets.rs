//! The winners of all subsets of environments, counted without listing them.

use super::counts::SizeCounts;
use super::down_set::{DownSet, Work};
use super::enumeration::MAX_ENUMERATED_ENVS;
use super::{EnvSet, ScoreTable, Thresholds};

/// Why the subsets could not be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CountError {
    /// The count needs more work than the limit allows.
    #[error(
        "counting the subsets of environments takes more than {limit} steps on this table: raise \
         the work limit, score fewer environments or miners together, or widen the gap so that \
         fewer miners beat each other on a few environments only"
    )]
    WorkLimit {
        /// The limit that was reached, in steps.
        limit: u64,
    },
    /// The table has too many environments to enumerate.
    #[error(
        "2^{envs} subsets cannot be enumerated (at most {MAX_ENUMERATED_ENVS} environments): \
         use the exact count"
    )]
    TooManyToEnumerate {
        /// The number of environments in the table.
        envs: usize,
    },
}

/// The default limit on the work of [`count_wins`], in steps: about ten seconds.
///
/// Realistic tables with 256 miners and 50 environments need less than a thousandth of it.
pub const DEFAULT_WORK_LIMIT: u64 = 1_000_000_000;

/// Counts the sets of environments of each size that each miner wins, in the order of the table's
/// rows.
///
/// The definition asks for the winner of each of `2^n` sets (see
/// [`enumerate_wins`](super::enumerate_wins)). This function instead counts the sets that a miner
/// wins as a whole family. Let `W(l, e)` be the environments on which `l` beats the threshold of
/// `e`. A candidate `c` dominates everyone on exactly the sets that
/// - are contained in `U(c)`, the intersection of `W(c, o)` over all `o` strictly earlier than `c`,
///   and
/// - are not contained in `W(o, c)` for any `o` that is not earlier.
///
/// Several miners with the same first block may dominate everyone else on a set; then the one with
/// the lowest uid wins it. Source: docs/spec/scoring.md §3.
///
/// `work_limit` is the maximum number of steps; a core does about a hundred million per second. See
/// [`DEFAULT_WORK_LIMIT`]. Memory use stays at a few megabytes.
///
/// # Errors
/// [`CountError::WorkLimit`] when the count needs more steps than that.
pub fn count_wins(
    table: &ScoreTable,
    thresholds: &Thresholds,
    work_limit: u64,
) -> Result<Vec<SizeCounts>, CountError> {
    let envs = table.env_count();
    let mut work = Work::new(work_limit);
    let mut wins = vec![SizeCounts::none(envs); table.miner_count()];
    let order = table.rows_by_priority();
    let tied = |a: &usize, b: &usize| table.priority(*a) == table.priority(*b);
    for group in order.chunk_by(tied) {
        let mut lower_uids: Vec<Claims> = Vec::new();
        for &row in group {
            let Some(family) = Dominance::of(table, thresholds, &order, row, &mut work)? else {
                continue;
            };
            let all = Difference { within: DownSet::power_set(family.reach), except: family.lost };
            wins[row] = all.clone().count_unclaimed(envs, &lower_uids, &mut work)?;
            if group.len() > 1 {
                claim(&mut lower_uids, family.reach, all.except, &mut work)?;
            }
        }
    }
    Ok(wins)
}

/// The sets on which a miner dominates everyone: the subsets of `reach` that are not in `lost`.
pub(super) struct Dominance {
    pub(super) reach: EnvSet,
    pub(super) lost: DownSet,
}

impl Dominance {
    /// The sets for the miner in `row`; `None` if there are none. `order` holds all rows by
    /// priority.
    pub(super) fn of(
        table: &ScoreTable,
        thresholds: &Thresholds,
        order: &[usize],
        row: usize,
        work: &mut Work,
    ) -> Result<Option<Self>, CountError> {
        let first_not_earlier = order.partition_point(|&other| table.is_before(other, row));
        let (earlier, rest) = order.split_at(first_not_earlier);
        let mut reach = EnvSet::first(table.env_count());
        for &other in earlier {
            reach = reach.intersection(thresholds.beaten_on(table, row, other));
            if reach.is_empty() {
                return Ok(None);
            }
        }
        let mut beaten = Vec::new();
        for &other in rest.iter().filter(|&&other| other != row) {
            let set = thresholds.beaten_on(table, other, row).intersection(reach);
            if set == reach {
                return Ok(None);
            }
            beaten.push(set);
        }
        Ok(Some(Self { reach, lost: DownSet::below(beaten, work)? }))
    }
}

/// The sets won by any of the miners with the same block and the same reach: the subsets of `reach`
/// that are not in `left`.
struct Claims {
    reach: EnvSet,
    left: DownSet,
}

/// Adds the subsets of `reach` that are not in `lost` to the claims.
fn claim(
    claims: &mut Vec<Claims>,
    reach: EnvSet,
    lost: DownSet,
    work: &mut Work,
) -> Result<(), CountError> {
    match claims.iter_mut().find(|claim| claim.reach == reach) {
        Some(claim) => claim.left = claim.left.intersection(&lost, work)?,
        None => claims.push(Claims { reach, left: lost }),
    }
    Ok(())
}

/// The sets in one family that are not in another.
#[derive(Clone)]
struct Difference {
    within: DownSet,
    except: DownSet,
}

impl Difference {
    /// Counts the sets that are in none of `claims`.
    ///
    /// A set escapes a claim in one of two mutually exclusive ways: it is not contained in the
    /// claim's reach, or it is but is left over there. The first case gives a difference with more
    /// exceptions, the second a difference within a smaller family.
    fn count_unclaimed(
        mut self,
        envs: usize,
        claims: &[Claims],
        work: &mut Work,
    ) -> Result<SizeCounts, CountError> {
        for (i, claim) in claims.iter().enumerate() {
            if self.within.is_subset(&self.except, work)? {
                return Ok(SizeCounts::none(envs));
            }
            let reach = DownSet::power_set(claim.reach);
            let inside = self.within.intersection(&reach, work)?;
            let left = self.within.intersection(&claim.left, work)?;
            let nothing_inside = inside.is_subset(&self.except.union(&left, work)?, work)?;
            if nothing_inside {
                continue;
            }
            if inside != self.within {
                let except = self.except.union(&reach, work)?;
                let outside = Self { within: self.within, except };
                let mut counts = outside.count_unclaimed(envs, &claims[i + 1..], work)?;
                let left = Self { within: left, except: self.except };
                counts.add(&left.count_unclaimed(envs, &claims[i + 1..], work)?);
                return Ok(counts);
            }
            self.within = left;
        }
        if self.within.is_subset(&self.except, work)? {
            return Ok(SizeCounts::none(envs));
        }
        let mut counts = self.within.count(envs, work)?;
        counts.subtract(&self.within.intersection(&self.except, work)?.count(envs, work)?);
        Ok(counts.without_empty_set())
    }
}
