//! The confidence interval of one success rate.

use super::{Confidence, Interval};

/// The Wilson score interval of a success rate, within `[0, 1]`.
///
/// Without trials it is all of `[0, 1]`.
///
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
/// Journal of the American Statistical Association 22 (1927), without continuity correction.
///
/// # Panics
/// When there are more successes than trials.
pub fn wilson(successes: u64, trials: u64, confidence: Confidence) -> Interval {
    assert!(successes <= trials, "{successes} successes of {trials} trials");
    if trials == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let n = trials as f64;
    let p = successes as f64 / n;
    let z = confidence.z();
    let z2 = z * z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends the bound is exact, and rounding must not move it.
    let low = if successes == 0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if successes == trials { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        // From SciPy 1.17: binomtest(k, n).proportion_ci(method="wilson").
        for (successes, trials, low, high) in [
            (0, 10, 0.0, 0.277_532_799_862_889_3),
            (10, 10, 0.722_467_200_137_110_7, 1.0),
            (5, 10, 0.236_593_090_512_564, 0.763_406_909_487_436_1),
        ] {
            let interval = wilson(successes, trials, Confidence::P95);
            assert!((interval.low - low).abs() < 1e-12, "{interval:?}");
            assert!((interval.high - high).abs() < 1e-12, "{interval:?}");
        }
        assert_eq!(wilson(0, 0, Confidence::P95), Interval { low: 0.0, high: 1.0 });
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_rate_and_mirrors(trials in 1u64..2000, share in 0.0f64..=1.0) {
            let successes = (trials as f64 * share) as u64;
            let rate = successes as f64 / trials as f64;
            let interval = wilson(successes, trials, Confidence::P95);
            prop_assert!(0.0 <= interval.low && interval.low <= rate);
            prop_assert!(rate <= interval.high && interval.high <= 1.0);
            let mirrored = wilson(trials - successes, trials, Confidence::P95);
            prop_assert!((mirrored.low - (1.0 - interval.high)).abs() < 1e-12);
            let wider = wilson(successes, trials, Confidence::P99);
            prop_assert!(wider.low <= interval.low && interval.high <= wider.high);
        }
    }
}
