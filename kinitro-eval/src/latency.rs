use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// How long a policy took over its actions: a histogram with a resolution of 1 %, 1 µs at best. The
/// histograms of several episodes can be added up.
///
/// It is serialized as a list of `[microseconds, count]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Latencies(Histogram<u64>);

/// Longer than any time limit: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 2;

impl Default for Latencies {
    fn default() -> Self {
        Self(
            Histogram::new_with_bounds(1, LONGEST, SIGNIFICANT_DIGITS)
                .expect("the bounds are in order and the digits few"),
        )
    }
}

impl Latencies {
    /// Counts one action that took that long. More than an hour counts as an hour.
    pub fn record(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(LONGEST));
    }

    /// Adds the counts of another histogram.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// The duration that the given share of all actions (0 to 1) did not exceed; `None` when no action
    /// was counted.
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let micros = self.0.value_at_quantile(share);
        (!self.0.is_empty()).then(|| Duration::from_micros(micros))
    }

    /// How many actions were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }
}

impl From<Latencies> for Vec<(u64, u64)> {
    fn from(latencies: Latencies) -> Self {
        let counted = latencies.0.iter_recorded();
        counted.map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }
}

impl TryFrom<Vec<(u64, u64)>> for Latencies {
    type Error = String;

    fn try_from(counts: Vec<(u64, u64)>) -> Result<Self, String> {
        let mut latencies = Self::default();
        for (micros, count) in counts {
            let recorded = latencies.0.record_n(micros, count);
            recorded.map_err(|_| format!("a latency of {micros} µs is longer than an hour"))?;
        }
        Ok(latencies)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_within_a_percent() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantile(0.5), None);
        (1..=1000).for_each(|millis| latencies.record(Duration::from_millis(millis)));
        let p50 = latencies.quantile(0.5).unwrap().as_secs_f64();
        let p99 = latencies.quantile(0.99).unwrap().as_secs_f64();
        assert!((p50 / 0.5 - 1.0).abs() < 0.01, "{p50}");
        assert!((p99 / 0.99 - 1.0).abs() < 0.01, "{p99}");
    }

    proptest! {
        #[test]
        fn they_survive_the_disk(
            // In-process policies take no microsecond, and must not take one for being read again.
            quick in prop::collection::vec(0u64..3, 0..50),
            slow in prop::collection::vec(0u64..10_000_000, 0..50),
        ) {
            let mut latencies = Latencies::default();
            let micros = quick.into_iter().chain(slow);
            micros.for_each(|us| latencies.record(Duration::from_micros(us)));
            let json = serde_json::to_string(&latencies).unwrap();
            let back: Latencies = serde_json::from_str(&json).unwrap();
            for share in [0.0, 0.5, 0.99, 1.0] {
                prop_assert_eq!(back.quantile(share), latencies.quantile(share));
            }
            prop_assert_eq!(serde_json::to_string(&back).unwrap(), json);
        }
    }
}
