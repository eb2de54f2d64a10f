//! Two policies on the same seeds.

use serde::{Deserialize, Serialize};

use super::{Confidence, Interval, wilson};

/// How often each of two policies succeeded on the same episodes: the 2 x 2 table of paired counts.
///
/// Episodes with the same seed play the same scenario, which tends to be easy or hard for both
/// policies. Comparing them in pairs removes that variation, and needs far fewer episodes than
/// comparing two success rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PairedOutcomes {
    /// Episodes in which both succeeded.
    pub both: u64,
    /// Episodes in which only the first one succeeded.
    pub only_first: u64,
    /// Episodes in which only the second one succeeded.
    pub only_second: u64,
    /// Episodes in which neither succeeded.
    pub neither: u64,
}

impl FromIterator<(bool, bool)> for PairedOutcomes {
    /// Counts pairs: whether the first and the second policy succeeded, episode by episode.
    fn from_iter<I: IntoIterator<Item = (bool, bool)>>(outcomes: I) -> Self {
        outcomes.into_iter().fold(Self::default(), |mut pairs, outcome| {
            match outcome {
                (true, true) => pairs.both += 1,
                (true, false) => pairs.only_first += 1,
                (false, true) => pairs.only_second += 1,
                (false, false) => pairs.neither += 1,
            }
            pairs
        })
    }
}

impl PairedOutcomes {
    /// How many episodes there are.
    pub fn total(&self) -> u64 {
        self.both + self.only_first + self.only_second + self.neither
    }

    /// The success rate of the first policy minus that of the second, in `[-1, 1]`; `None` without
    /// episodes.
    pub fn difference(&self) -> Option<f64> {
        let total = self.total();
        let difference = self.only_first as f64 - self.only_second as f64;
        (total > 0).then(|| difference / total as f64)
    }

    /// The two-sided p-value of McNemar's exact test: how likely it is that equally good policies
    /// differ at least this much. 1 when no episode tells them apart.
    ///
    /// Under that hypothesis, of the episodes in which one policy succeeded, either did so with
    /// probability one half: the value is that of a binomial test, twice the smaller tail.
    ///
    /// Source: Q. McNemar, "Note on the sampling error of the difference between correlated
    /// proportions or percentages", Psychometrika 12 (1947); the exact form is in A. Agresti,
    /// "Categorical Data Analysis", 2nd edition (2002), section 10.1.
    pub fn mcnemar_exact(&self) -> f64 {
        let fewer = self.only_first.min(self.only_second);
        let discordant = self.only_first + self.only_second;
        // The largest term of the tail as a logarithm, because 2^-n alone would vanish.
        let log_term = (1..=fewer).fold(-(discordant as f64) * std::f64::consts::LN_2, |log, i| {
            log + ((discordant - fewer + i) as f64 / i as f64).ln()
        });
        let mut term = 1.0;
        let mut sum = 1.0;
        for k in (1..=fewer).rev() {
            term *= k as f64 / (discordant - k + 1) as f64;
            sum += term;
            if term < sum * f64::EPSILON / 4.0 {
                break;
            }
        }
        (2.0 * (log_term + f64::ln(sum)).exp()).min(1.0)
    }

    /// The interval of the [difference](Self::difference), within `[-1, 1]`.
    ///
    /// It combines the Wilson intervals of both rates and the correlation of the pairs. Without
    /// episodes it is all of `[-1, 1]`.
    ///
    /// Source: R. G. Newcombe, "Improved confidence intervals for the difference between binomial
    /// proportions based on paired data", Statistics in Medicine 17 (1998), 2635-2650, method 10.
    pub fn newcombe(&self, confidence: Confidence) -> Interval {
        let Some(difference) = self.difference() else { return Interval { low: -1.0, high: 1.0 } };
        let n = self.total();
        let interval_of = |successes: u64| {
            let rate = successes as f64 / n as f64;
            let interval = wilson(successes, n, confidence);
            (rate - interval.low, interval.high - rate)
        };
        let (below_first, above_first) = interval_of(self.both + self.only_first);
        let (below_second, above_second) = interval_of(self.both + self.only_second);
        let phi = self.correlation();
        let distance = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
        Interval {
            low: (difference - distance(below_first, above_second)).max(-1.0),
            high: (difference + distance(above_first, below_second)).min(1.0),
        }
    }

    /// The phi coefficient of the pairs with Newcombe's continuity correction, 0 when a policy
    /// always or never succeeded.
    fn correlation(&self) -> f64 {
        let [a, b, c, d] =
            [self.both, self.only_first, self.only_second, self.neither].map(|count| count as f64);
        let scale = ((a + b) * (c + d) * (a + c) * (b + d)).sqrt();
        if scale == 0.0 {
            return 0.0;
        }
        let covariance = a * d - b * c;
        let corrected = if covariance > 0.0 {
            (covariance - (a + b + c + d) / 2.0).max(0.0)
        } else {
            covariance
        };
        corrected / scale
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pairs(both: u64, only_first: u64, only_second: u64, neither: u64) -> PairedOutcomes {
        PairedOutcomes { both, only_first, only_second, neither }
    }

    #[test]
    fn exact_p_values() {
        // From SciPy 1.17: binomtest(min(b, c), b + c).pvalue.
        for (b, c, p) in [
            (1, 7, 0.070_312_5),
            (12, 2, 0.012_939_453_125),
            (5, 15, 0.041_389_465_332_031_25),
            (0, 6, 0.031_25),
            (10, 10, 1.0),
            (0, 0, 1.0),
            (300, 250, 0.036_578_745_549_102_676),
            (1500, 1400, 0.065_987_349_665_184_63),
            (0, 2000, 0.0),
        ] {
            let found = pairs(3, b, c, 4).mcnemar_exact();
            assert!((found - p).abs() < 1e-12, "{b} {c}: {found} is not {p}");
        }
    }

    #[test]
    fn published_intervals() {
        // The first is in Newcombe's paper (table III), to four digits; the second in M. W.
        // Fagerland et al., "Recommended tests and confidence intervals for paired binomial
        // proportions", Statistics in Medicine 33 (2014), to three. The further digits and the
        // others are computed from the formula with SciPy's Wilson intervals.
        for (table, low, high) in [
            (pairs(36, 12, 2, 0), 0.056_929_584_003_238_8, 0.340_427_602_974_940_8),
            (pairs(1, 1, 7, 12), -0.506_920_226_686_141, -0.025_559_124_164_859_837),
            (pairs(20, 12, 2, 16), 0.056_156_424_841_748_29, 0.329_206_995_400_140_53),
            (pairs(40, 5, 15, 40), -0.184_369_029_378_226_75, -0.012_305_502_434_682_133),
            (pairs(53, 1, 0, 0), -0.049_621_661_889_404_05, 0.097_714_374_887_819_34),
            (pairs(27, 0, 0, 27), -0.035_069_662_971_613_04, 0.035_069_662_971_613_04),
            (pairs(0, 54, 0, 0), 0.906_077_002_995_994, 1.0),
        ] {
            let found = table.newcombe(Confidence::P95);
            assert!((found.low - low).abs() < 1e-12, "{table:?}: {found:?}");
            assert!((found.high - high).abs() < 1e-12, "{table:?}: {found:?}");
        }
        let nothing = PairedOutcomes::default();
        assert_eq!(nothing.newcombe(Confidence::P95), Interval { low: -1.0, high: 1.0 });
        assert_eq!(nothing.difference(), None);
    }

    #[test]
    fn outcomes_are_counted_by_pair() {
        let outcomes = [(true, true), (true, false), (false, false), (true, false), (false, true)];
        assert_eq!(outcomes.into_iter().collect::<PairedOutcomes>(), pairs(1, 2, 1, 1));
    }

    proptest! {
        #[test]
        fn an_interval_holds_the_difference_and_mirrors(
            both in 0u64..60, first in 0u64..60, second in 0u64..60, neither in 0u64..60,
        ) {
            let table = pairs(both, first, second, neither);
            let swapped = pairs(both, second, first, neither);
            let (interval, mirrored) =
                (table.newcombe(Confidence::P95), swapped.newcombe(Confidence::P95));
            let difference = table.difference().unwrap_or(0.0);
            prop_assert!(-1.0 <= interval.low && interval.low <= difference + 1e-12);
            prop_assert!(difference - 1e-12 <= interval.high && interval.high <= 1.0);
            prop_assert!((interval.low + mirrored.high).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&table.mcnemar_exact()));
            prop_assert_eq!(table.mcnemar_exact(), swapped.mcnemar_exact());
        }
    }
}
