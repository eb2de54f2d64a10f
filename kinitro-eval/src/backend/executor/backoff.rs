//! How long to wait before the next try.

use std::time::Duration;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(60);

/// Waits that double with each failure, less up to half of them by chance, so that executors that
/// failed together do not come back together.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How often it failed since it last went well.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed.
    pub(super) fn fail(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// It failed: how long to wait, given the first wait.
    pub(super) fn next(&mut self, first: Duration) -> Duration {
        self.fail();
        self.wait(first)
    }

    /// How long to wait after all the failures that there were, given the first wait.
    pub(super) fn wait(&self, first: Duration) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else { return Duration::ZERO };
        let doubled = first.saturating_mul(1 << doublings.min(16)).min(LONGEST);
        let mut random = [0];
        // Without chance the wait is the longest it can be.
        let share = getrandom::fill(&mut random).map_or(0.0, |()| f64::from(random[0]) / 512.0);
        doubled.mul_f64(1.0 - share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut backoff = Backoff::default();
        let mut longest = Duration::from_millis(500);
        for _ in 0..40 {
            let wait = backoff.next(Duration::from_millis(500));
            assert!(wait <= longest && wait >= longest / 2, "{wait:?} of {longest:?}");
            longest = (longest * 2).min(LONGEST);
        }
        backoff.reset();
        assert!(backoff.next(Duration::from_secs(1)) <= Duration::from_secs(1));
        assert_eq!(backoff.failures(), 1);
        backoff.reset();
        assert_eq!(backoff.wait(Duration::from_secs(1)), Duration::ZERO);
    }
}
