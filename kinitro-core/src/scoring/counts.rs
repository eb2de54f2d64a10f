//! Counts of sets of environments by size, and the points that they bring.

use serde::{Deserialize, Serialize};

/// How many points a won set of environments brings, depending on its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// As many points as the set has environments.
    #[default]
    Linear,
    /// 1, 2, 4, 8, ... points: twice as many for each further environment.
    Exponential,
    /// 1 point, whatever the size of the set.
    Equal,
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 3] = [Self::Linear, Self::Exponential, Self::Equal];

    /// The scheme's name in files and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Exponential => "exponential",
            Self::Equal => "equal",
        }
    }

    /// The points for one set of `size` environments: the `K` of docs/spec/scoring.md §3. The empty
    /// set brings none.
    ///
    /// # Panics
    /// When `size` is more than 128.
    pub fn points(self, size: usize) -> u128 {
        match self {
            _ if size == 0 => 0,
            Self::Linear => size as u128,
            Self::Exponential => {
                assert!(size <= 128, "the points for {size} environments overflow");
                1 << (size - 1)
            }
            Self::Equal => 1,
        }
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// The number of sets of environments of each size, from 0 to the number of environments.
///
/// Everything is exact. There are at most `C(64, 32) < 2^61` sets of one size and `2^64` sets in
/// all. Their points add up to at most `(3^64 - 1) / 2 < 2^101`, which the exponential scheme
/// reaches with 64 environments, so a `u128` always suffices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SizeCounts(Vec<u64>);

impl SizeCounts {
    /// No sets of any size, among `envs` environments.
    pub(super) fn none(envs: usize) -> Self {
        Self(vec![0; envs + 1])
    }

    /// All non-empty sets of `of` environments, among `envs`.
    pub(super) fn subsets(of: usize, envs: usize) -> Self {
        let mut counts: Vec<u64> = binomials(of).collect();
        counts.resize(envs + 1, 0);
        Self(counts).without_empty_set()
    }

    pub(super) fn from_counts(counts: Vec<u64>) -> Self {
        Self(counts)
    }

    pub(super) fn add_one(&mut self, size: usize) {
        self.0[size] += 1;
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine -= theirs;
        }
    }

    /// Leaves out the empty set, which no miner wins.
    pub(super) fn without_empty_set(mut self) -> Self {
        self.0[0] = 0;
        self
    }

    /// The counts by size: element `k` is the number of sets of `k` environments.
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }

    /// The sizes with at least one set, each with the number of sets.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().copied().enumerate().filter(|&(_, count)| count > 0)
    }

    /// The number of sets of all sizes together.
    pub fn total(&self) -> u128 {
        self.0.iter().map(|&count| u128::from(count)).sum()
    }

    /// The points of all sets together.
    pub fn points(&self, scheme: Scheme) -> u128 {
        self.iter().map(|(size, count)| u128::from(count) * scheme.points(size)).sum()
    }
}

/// `C(n, 0), ..., C(n, n)`, for `n` up to 64. They are below 2^61.
pub(super) fn binomials(n: usize) -> impl Iterator<Item = u64> {
    // In this order, every division is exact.
    let next = move |&(k, ways): &(usize, u128)| {
        (k < n).then(|| (k + 1, ways * (n - k) as u128 / (k + 1) as u128))
    };
    std::iter::successors(Some((0, 1)), next).map(|(_, ways)| ways as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_points_there_can_be_fit() {
        let all = SizeCounts::subsets(64, 64);
        assert_eq!(all.points(Scheme::Equal), u128::from(u64::MAX));
        assert_eq!(all.points(Scheme::Linear), 64 << 63);
        assert_eq!(all.points(Scheme::Exponential), (3u128.pow(64) - 1) / 2);
    }

    #[test]
    fn binomials_are_those_of_pascal() {
        let mut row = vec![1];
        for n in 0..=64 {
            assert_eq!(binomials(n).collect::<Vec<_>>(), row);
            let inner = row.windows(2).map(|pair| pair[0] + pair[1]);
            row = std::iter::once(1).chain(inner).chain(std::iter::once(1)).collect();
        }
        assert_eq!(SizeCounts::subsets(3, 5).as_slice(), [0, 3, 3, 1, 0, 0]);
    }

    #[test]
    fn schemes_have_the_names_of_files() {
        for scheme in Scheme::ALL {
            assert_eq!(serde_json::to_value(scheme).unwrap(), scheme.as_str());
        }
    }
}
