//! Sets of environments as bit sets.

use std::fmt;

/// A set of environments of one [`ScoreTable`](super::ScoreTable), identified by their columns.
///
/// It fits into one machine word, which is why a table has at most [`EnvSet::CAPACITY`]
/// environments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EnvSet(u64);

impl EnvSet {
    /// The maximum number of environments.
    pub const CAPACITY: usize = 64;

    /// The empty set.
    pub const EMPTY: Self = Self(0);

    /// The environments `0..n`.
    ///
    /// # Panics
    /// When `n` is more than [`EnvSet::CAPACITY`].
    pub fn first(n: usize) -> Self {
        assert!(n <= Self::CAPACITY, "a set holds at most {} environments", Self::CAPACITY);
        Self(if n == Self::CAPACITY { u64::MAX } else { (1 << n) - 1 })
    }

    /// The set whose members are given by the bits that are set; the lowest bit is environment 0.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The members as bits; the lowest bit is environment 0.
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The number of environments in the set.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the environment in this column is in the set.
    pub fn contains(self, env: usize) -> bool {
        env < Self::CAPACITY && self.0 >> env & 1 == 1
    }

    /// Whether all environments of this set are also in `other`.
    pub fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// The environments in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The environments in this set but not in `other`.
    #[must_use]
    pub fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The columns in the set, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let env = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
            rest &= rest - 1;
            Some(env)
        })
    }
}

impl FromIterator<usize> for EnvSet {
    /// # Panics
    /// When a column is [`EnvSet::CAPACITY`] or more.
    fn from_iter<I: IntoIterator<Item = usize>>(envs: I) -> Self {
        let bit = |env: usize| {
            assert!(env < Self::CAPACITY, "a set holds at most {} environments", Self::CAPACITY);
            1 << env
        };
        Self(envs.into_iter().fold(0, |bits, env| bits | bit(env)))
    }
}

impl fmt::Debug for EnvSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sixty_four_bits_are_used() {
        assert_eq!(EnvSet::first(64).len(), 64);
        assert_eq!(EnvSet::first(0), EnvSet::EMPTY);
        let set: EnvSet = [63, 0, 5].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 63]);
        assert!(set.contains(63) && !set.contains(64));
        assert!(set.is_subset(EnvSet::first(64)) && !set.is_subset(EnvSet::first(63)));
        assert_eq!(set.difference(EnvSet::first(1)).len(), 2);
        assert_eq!(format!("{set:?}"), "{0, 5, 63}");
    }
}
