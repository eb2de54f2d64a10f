//! Families of sets that are closed under taking subsets, and the number of their sets of each
//! size.
//!
//! In combinatorics such a family is an abstract simplicial complex, its maximal sets are its
//! facets, and its counts by size are its f-vector (R. Stanley, "Combinatorics and Commutative
//! Algebra", 1996, chapter II).

use super::EnvSet;
use super::counts::{SizeCounts, binomials};
use super::subsets::CountError;

/// A family of sets that contains all subsets of each of its sets. It is represented by its maximal
/// sets, none of which is contained in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DownSet {
    facets: Vec<u64>,
}

/// The remaining work, in steps. One step is one maximal set visited while counting, or a few dozen
/// of them compared with another set, which takes about as long. Steps are counted instead of time,
/// so that the same input stops at the same place on every machine.
#[derive(Debug)]
pub(super) struct Work {
    limit: u64,
    left: u64,
}

impl Work {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    fn spend(&mut self, steps: usize) -> Result<(), CountError> {
        self.left = self
            .left
            .checked_sub(steps as u64)
            .ok_or(CountError::WorkLimit { limit: self.limit })?;
        Ok(())
    }

    /// Whether `set` is contained in one of `facets`.
    fn lies_inside(&mut self, set: u64, facets: &[u64]) -> Result<bool, CountError> {
        const COMPARISONS_A_STEP: usize = 32;
        let found = facets.iter().position(|&facet| set & !facet == 0);
        self.spend(1 + found.unwrap_or(facets.len()) / COMPARISONS_A_STEP)?;
        Ok(found.is_some())
    }
}

impl DownSet {
    /// All subsets of the given sets.
    pub(super) fn below(
        sets: impl IntoIterator<Item = EnvSet>,
        work: &mut Work,
    ) -> Result<Self, CountError> {
        let mut facets: Vec<u64> = sets.into_iter().map(EnvSet::bits).collect();
        keep_maximal(&mut facets, work)?;
        Ok(Self { facets })
    }

    /// All subsets of `set`.
    pub(super) fn power_set(set: EnvSet) -> Self {
        Self { facets: vec![set.bits()] }
    }

    /// The maximal sets.
    pub(super) fn facets(&self) -> impl Iterator<Item = EnvSet> {
        self.facets.iter().map(|&bits| EnvSet::from_bits(bits))
    }

    /// Whether all sets of this family are also in `other`.
    pub(super) fn is_subset(&self, other: &Self, work: &mut Work) -> Result<bool, CountError> {
        for &facet in &self.facets {
            if !work.lies_inside(facet, &other.facets)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The sets that are in both families.
    pub(super) fn intersection(&self, other: &Self, work: &mut Work) -> Result<Self, CountError> {
        let mut facets = Vec::new();
        for a in &self.facets {
            facets.extend(other.facets.iter().map(|b| a & b));
            // All pairs of two large families at once would not fit into memory.
            if facets.len() > 1 << 16 {
                keep_maximal(&mut facets, work)?;
            }
        }
        keep_maximal(&mut facets, work)?;
        Ok(Self { facets })
    }

    /// The sets that are in at least one of the two families.
    pub(super) fn union(&self, other: &Self, work: &mut Work) -> Result<Self, CountError> {
        Self::below(self.facets().chain(other.facets()), work)
    }

    /// The number of sets of each size, including the empty set, among `envs` environments.
    pub(super) fn count(&self, envs: usize, work: &mut Work) -> Result<SizeCounts, CountError> {
        let mut counter = Counter::new(envs);
        counter.stack.extend(&self.facets);
        counter.count(0, 0, 0, work)?;
        Ok(counter.finish())
    }
}

/// Removes every set that is contained in another.
fn keep_maximal(sets: &mut Vec<u64>, work: &mut Work) -> Result<(), CountError> {
    // A set can only be contained in one that is at least as large, so the largest come first.
    sets.sort_unstable_by_key(|&set| (std::cmp::Reverse(set.count_ones()), set));
    sets.dedup();
    let mut kept = 0;
    for i in 0..sets.len() {
        let set = sets[i];
        if !work.lies_inside(set, &sets[..kept])? {
            sets[kept] = set;
            kept += 1;
        }
    }
    sets.truncate(kept);
    Ok(())
}

/// Counts the sets of a family by branching on one environment at a time. The sets that contain it
/// are, once it is removed from them, the subsets of the facets that contain it (the link of a
/// vertex). The other sets are the subsets of all facets with the environment removed (the
/// deletion).
///
/// Branching on the environment in the *fewest* facets keeps the first branch small, and in the
/// second the facets soon contain one another. On tables of 256 miners this makes the difference
/// between milliseconds and minutes.
struct Counter {
    envs: usize,
    /// The facets of the families being counted, each family after its parent.
    stack: Vec<u64>,
    /// `leaves[s * (envs + 1) + m]`: the signed number of times that the `2^m` subsets of `m`
    /// environments were counted, together with `s` other environments that belong to all of them.
    leaves: Vec<i64>,
}

impl Counter {
    fn new(envs: usize) -> Self {
        Self { envs, stack: Vec::new(), leaves: vec![0; (envs + 1) * (envs + 1)] }
    }

    fn leaf(&mut self, taken: usize, free: u32, sign: i64) {
        self.leaves[taken * (self.envs + 1) + free as usize] += sign;
    }

    /// Counts the family whose facets are `stack[start..]`. To each set belong `taken` further
    /// environments that are already in it, and any of `free` ones that were in all facets. May
    /// change the stack from `start` on.
    fn count(
        &mut self,
        start: usize,
        taken: usize,
        free: u32,
        work: &mut Work,
    ) -> Result<(), CountError> {
        let facets = self.stack.len() - start;
        work.spend(facets)?;
        match self.stack[start..] {
            [] => return Ok(()),
            [a] => {
                self.leaf(taken, free + a.count_ones(), 1);
                return Ok(());
            }
            [a, b] => {
                self.leaf(taken, free + a.count_ones(), 1);
                self.leaf(taken, free + b.count_ones(), 1);
                self.leaf(taken, free + (a & b).count_ones(), -1);
                return Ok(());
            }
            _ => {}
        }
        let in_all = self.stack[start..].iter().fold(u64::MAX, |all, facet| all & facet);
        for facet in &mut self.stack[start..] {
            *facet &= !in_all;
        }
        let free = free + in_all.count_ones();
        let Some(env) = rarest(&self.stack[start..]) else { return Ok(()) };
        let bit = 1 << env;

        let end = self.stack.len();
        for i in start..end {
            let facet = self.stack[i];
            if facet & bit != 0 {
                self.stack.push(facet & !bit);
            }
        }
        self.count(end, taken + 1, free, work)?;
        self.stack.truncate(end);

        // Only a facet that shrinks can now be contained in another, and only in one that does not
        // shrink.
        for i in start..end {
            let facet = self.stack[i];
            if facet & bit == 0 {
                self.stack.push(facet);
            }
        }
        let unchanged = end..self.stack.len();
        for i in start..end {
            let facet = self.stack[i];
            let shrunk = facet & !bit;
            if facet & bit != 0 && !work.lies_inside(shrunk, &self.stack[unchanged.clone()])? {
                self.stack.push(shrunk);
            }
        }
        self.count(end, taken, free, work)?;
        self.stack.truncate(end);
        Ok(())
    }

    /// The number of sets of size `k` is the sum of `C(m, k - s)` over the leaves.
    fn finish(self) -> SizeCounts {
        let binomials: Vec<Vec<u64>> =
            (0..=self.envs).map(|free| binomials(free).collect()).collect();
        let mut totals = vec![0i128; self.envs + 1];
        for taken in 0..=self.envs {
            for (free, ways) in binomials.iter().enumerate().take(self.envs - taken + 1) {
                let times = i128::from(self.leaves[taken * (self.envs + 1) + free]);
                for (chosen, ways) in ways.iter().enumerate() {
                    totals[taken + chosen] += times * i128::from(*ways);
                }
            }
        }
        let counts = totals.into_iter().map(|total| {
            u64::try_from(total).expect("a family has 0 to C(64, 32) < 2^61 sets of one size")
        });
        SizeCounts::from_counts(counts.collect())
    }
}

/// The environment in the fewest facets, among those in at least one.
fn rarest(facets: &[u64]) -> Option<usize> {
    let mut frequencies = [0u32; EnvSet::CAPACITY];
    for facet in facets {
        for env in EnvSet::from_bits(*facet).iter() {
            frequencies[env] += 1;
        }
    }
    (0..EnvSet::CAPACITY).filter(|&env| frequencies[env] > 0).min_by_key(|&env| frequencies[env])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn family(sets: &[u64]) -> DownSet {
        let mut work = Work::new(u64::MAX);
        DownSet::below(sets.iter().map(|&bits| EnvSet::from_bits(bits)), &mut work).unwrap()
    }

    fn holds(family: &DownSet, set: EnvSet) -> bool {
        family.facets().any(|facet| set.is_subset(facet))
    }

    fn count(family: &DownSet, envs: usize) -> SizeCounts {
        family.count(envs, &mut Work::new(u64::MAX)).unwrap()
    }

    #[test]
    fn a_hollow_tetrahedron_has_four_corners_six_edges_four_faces() {
        let hollow = family(&[0b0111, 0b1011, 0b1101, 0b1110, 0b0011]);
        assert_eq!(hollow.facets.len(), 4);
        assert_eq!(count(&hollow, 4).as_slice(), [1, 4, 6, 4, 0]);
    }

    #[test]
    fn all_subsets_of_sixty_four_are_counted_exactly() {
        let all = DownSet::power_set(EnvSet::first(64));
        let counts = count(&all, 64);
        assert_eq!(counts.total(), 1 << 64);
        assert_eq!(counts.as_slice()[32], 1_832_624_140_942_590_534);
        // All sets except the full one: 64 facets, each lacking one environment.
        let facets: Vec<u64> = (0..64).map(|env| !(1 << env)).collect();
        assert_eq!(count(&family(&facets), 64).total(), (1 << 64) - 1);
    }

    #[test]
    fn the_work_limit_ends_the_count() {
        let sets = (0..64u64).map(|i| EnvSet::from_bits(i.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        let family = DownSet::below(sets, &mut Work::new(u64::MAX)).unwrap();
        let error = family.count(64, &mut Work::new(1000)).unwrap_err();
        assert_eq!(error, CountError::WorkLimit { limit: 1000 });
    }

    proptest! {
        #[test]
        fn counts_and_operations_agree_with_listing_the_sets(
            a in prop::collection::vec(0u64..1 << 9, 0..12),
            b in prop::collection::vec(0u64..1 << 9, 0..12),
        ) {
            let mut work = Work::new(u64::MAX);
            let (a, b) = (family(&a), family(&b));
            let both = a.intersection(&b, &mut work).unwrap();
            let either = a.union(&b, &mut work).unwrap();
            let mut sizes = vec![0; 10];
            for set in (0..1 << 9).map(EnvSet::from_bits) {
                prop_assert_eq!(holds(&both, set), holds(&a, set) && holds(&b, set));
                prop_assert_eq!(holds(&either, set), holds(&a, set) || holds(&b, set));
                sizes[set.len()] += u64::from(holds(&a, set));
            }
            let counts = count(&a, 9);
            prop_assert_eq!(counts.as_slice(), sizes);
            prop_assert!(both.is_subset(&a, &mut work).unwrap());
            prop_assert!(a.is_subset(&either, &mut work).unwrap());
            prop_assert_eq!(a.is_subset(&b, &mut work).unwrap(), both == a);
        }
    }
}
