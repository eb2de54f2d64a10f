//! Explanations, as data, of why each miner has its points.

use serde::{Deserialize, Serialize};

use super::counts::{Scheme, SizeCounts};
use super::down_set::{DownSet, Work};
use super::subsets::{CountError, Dominance, count_wins};
use super::{EnvSet, ScoreTable, Thresholds};
use crate::{EnvId, MinerUid};

/// The explanation for a whole table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanations {
    /// The explanation for each miner, in the order of the table's rows.
    pub miners: Vec<Explanation>,
    /// The number of sets of environments of each size that no miner wins.
    pub unclaimed: SizeCounts,
}

/// Why one miner has its points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The miner.
    pub uid: MinerUid,
    /// The points for all sets that it wins.
    pub points: u128,
    /// The number of sets of environments that it wins, by size.
    pub wins: SizeCounts,
    /// The environments on which it beats everyone who committed earlier. It can win only sets of
    /// these.
    pub reach: Vec<EnvId>,
    /// The miners that deny it the other sets, starting with the one that denies the most. A miner
    /// is left out if another one denies the same sets, or more, for the same reason.
    pub denials: Vec<Denial>,
}

/// The sets that one miner denies another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The miner that denies the sets.
    pub by: MinerUid,
    /// The rule under which it denies them.
    pub reason: DenialReason,
    /// The environments on which the denial is based; see [`DenialReason`].
    pub environments: Vec<EnvId>,
    /// The number of sets of each size that this denial covers by itself. Several denials may cover
    /// the same sets.
    pub sets: SizeCounts,
}

/// The rule under which a set of environments is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DenialReason {
    /// The other miner committed earlier, and this miner is not above the other's threshold on the
    /// named environments: it loses every set that contains one of them.
    Incumbent,
    /// The other miner did not commit earlier, but is above this miner's threshold on the named
    /// environments: this miner loses every set of these.
    Challenger,
    /// The other miner committed in the same block, has the lower uid, and also dominates everyone
    /// on some sets of the named environments.
    LowerUid,
}

/// Explains the points of every miner in the table.
///
/// `work_limit` is that of [`count_wins`].
///
/// # Errors
/// [`CountError::WorkLimit`] when the count needs more steps than that.
pub fn explain(
    table: &ScoreTable,
    thresholds: &Thresholds,
    scheme: Scheme,
    work_limit: u64,
) -> Result<Explanations, CountError> {
    let wins = count_wins(table, thresholds, work_limit)?;
    let mut context =
        Context { table, thresholds, order: table.rows_by_priority(), work: Work::new(work_limit) };
    let mut unclaimed = context.subsets_of(EnvSet::first(table.env_count()));
    for wins in &wins {
        unclaimed.subtract(wins);
    }
    let mut miners = Vec::with_capacity(wins.len());
    for (row, wins) in wins.into_iter().enumerate() {
        miners.push(Explanation {
            uid: table.uids()[row],
            points: wins.points(scheme),
            wins,
            reach: context.names(context.reach(row)),
            denials: context.denials(row)?,
        });
    }
    Ok(Explanations { miners, unclaimed })
}

struct Context<'a> {
    table: &'a ScoreTable,
    thresholds: &'a Thresholds,
    order: Vec<usize>,
    work: Work,
}

impl Context<'_> {
    fn names(&self, envs: EnvSet) -> Vec<EnvId> {
        envs.iter().map(|env| self.table.env_ids()[env].clone()).collect()
    }

    fn beaten_on(&self, later: usize, earlier: usize) -> EnvSet {
        self.thresholds.beaten_on(self.table, later, earlier)
    }

    fn reach(&self, row: usize) -> EnvSet {
        let all = EnvSet::first(self.table.env_count());
        let earlier = self.order.iter().filter(|&&other| self.table.is_before(other, row));
        earlier.fold(all, |reach, &other| reach.intersection(self.beaten_on(row, other)))
    }

    /// The number of non-empty sets of these environments, by size.
    fn subsets_of(&self, envs: EnvSet) -> SizeCounts {
        SizeCounts::subsets(envs.len(), self.table.env_count())
    }

    fn denials(&mut self, row: usize) -> Result<Vec<Denial>, CountError> {
        let all = EnvSet::first(self.table.env_count());
        let (mut incumbents, mut challengers) = (Vec::new(), Vec::new());
        for &other in self.order.iter().filter(|&&other| other != row) {
            if self.table.is_before(other, row) {
                incumbents.push((other, all.difference(self.beaten_on(row, other))));
            } else {
                challengers.push((other, self.beaten_on(other, row)));
            }
        }
        let mut denials = Vec::new();
        for (other, missed) in largest(incumbents) {
            let mut sets = self.subsets_of(all);
            sets.subtract(&self.subsets_of(all.difference(missed)));
            denials.push(self.denial(other, DenialReason::Incumbent, missed, sets));
        }
        for (other, beaten) in largest(challengers) {
            let sets = self.subsets_of(beaten);
            denials.push(self.denial(other, DenialReason::Challenger, beaten, sets));
        }
        denials.extend(self.lost_to_lower_uids(row)?);
        denials.sort_by_key(|denial| std::cmp::Reverse(denial.sets.total()));
        Ok(denials)
    }

    fn denial(
        &self,
        by: usize,
        reason: DenialReason,
        environments: EnvSet,
        sets: SizeCounts,
    ) -> Denial {
        let environments = self.names(environments);
        Denial { by: self.table.uids()[by], reason, environments, sets }
    }

    fn dominance(&mut self, row: usize) -> Result<Option<Dominance>, CountError> {
        Dominance::of(self.table, self.thresholds, &self.order, row, &mut self.work)
    }

    fn lost_to_lower_uids(&mut self, row: usize) -> Result<Vec<Denial>, CountError> {
        let Some(mine) = self.dominance(row)? else { return Ok(Vec::new()) };
        let uids = self.table.uids();
        let tied: Vec<usize> = self
            .order
            .iter()
            .copied()
            .filter(|&other| {
                self.table.priority(other) == self.table.priority(row) && uids[other] < uids[row]
            })
            .collect();
        let mut denials = Vec::new();
        for other in tied {
            let Some(theirs) = self.dominance(other)? else { continue };
            let reach = mine.reach.intersection(theirs.reach);
            let inside = DownSet::power_set(reach);
            let lost = mine.lost.union(&theirs.lost, &mut self.work)?;
            let lost = inside.intersection(&lost, &mut self.work)?;
            let mut sets = self.subsets_of(reach);
            let lost = lost.count(self.table.env_count(), &mut self.work)?;
            sets.subtract(&lost.without_empty_set());
            if sets.total() > 0 {
                denials.push(self.denial(other, DenialReason::LowerUid, reach, sets));
            }
        }
        Ok(denials)
    }
}

/// Keeps the sets, with their owners, that are not contained in another; of equal sets, the first.
fn largest(mut sets: Vec<(usize, EnvSet)>) -> Vec<(usize, EnvSet)> {
    sets.sort_by_key(|(_, set)| std::cmp::Reverse(set.len()));
    let mut kept: Vec<(usize, EnvSet)> = Vec::new();
    for (owner, set) in sets {
        if !set.is_empty() && !kept.iter().any(|(_, larger)| set.is_subset(*larger)) {
            kept.push((owner, set));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::super::Gap;
    use super::*;

    #[test]
    fn a_specialist_a_generalist_and_a_copy() {
        let envs: Vec<EnvId> = ["env/a", "env/b"].map(|id| id.parse().unwrap()).into();
        // The generalist came first; the specialist beats it on one environment; the copy came
        // last.
        let miners = vec![
            (1.into(), Some(10.into())),
            (2.into(), Some(20.into())),
            (3.into(), Some(30.into())),
        ];
        let scores = array![[0.5, 0.5], [0.9, 0.1], [0.5, 0.5]];
        let table = ScoreTable::from_array(envs.clone(), miners, scores, 50).unwrap();
        let thresholds = Thresholds::new(&table, &Gap::default());
        let all = explain(&table, &thresholds, Scheme::Linear, 1000).unwrap();

        let [generalist, specialist, copy] = &all.miners[..] else { panic!("{all:?}") };
        assert_eq!((generalist.points, generalist.wins.as_slice()), (3, &[0, 1, 1][..]));
        assert_eq!(generalist.reach, envs);
        let [denial] = &generalist.denials[..] else { panic!("{generalist:?}") };
        assert_eq!((denial.by, denial.reason), (2.into(), DenialReason::Challenger));
        assert_eq!(denial.environments, envs[..1]);
        assert_eq!(denial.sets.as_slice(), [0, 1, 0]);

        assert_eq!((specialist.points, specialist.reach.as_slice()), (1, &envs[..1]));
        let incumbent = &specialist.denials[0];
        assert_eq!((incumbent.by, incumbent.reason), (1.into(), DenialReason::Incumbent));
        assert_eq!(incumbent.environments, envs[1..]);
        assert_eq!(incumbent.sets.as_slice(), [0, 1, 1]);

        assert_eq!((copy.points, copy.reach.len()), (0, 0));
        assert_eq!((copy.denials[0].by, copy.denials[0].environments.len()), (1.into(), 2));
        assert_eq!(copy.denials[0].sets.total(), 3);
        assert_eq!(all.unclaimed.total(), 0);
    }

    #[test]
    fn twins_of_one_block_are_told_apart_by_uid() {
        let envs: Vec<EnvId> = vec!["env/a".parse().unwrap()];
        let miners = vec![(9.into(), Some(10.into())), (4.into(), Some(10.into()))];
        let table = ScoreTable::from_array(envs, miners, array![[0.5], [0.5]], 50).unwrap();
        let thresholds = Thresholds::new(&table, &Gap::default());
        let all = explain(&table, &thresholds, Scheme::Linear, 1000).unwrap();
        assert_eq!((all.miners[0].points, all.miners[1].points), (0, 1));
        let [denial] = &all.miners[0].denials[..] else { panic!("{all:?}") };
        assert_eq!((denial.by, denial.reason), (4.into(), DenialReason::LowerUid));
        assert_eq!(denial.sets.as_slice(), [0, 1]);
        assert!(all.miners[1].denials.is_empty());
    }
}
