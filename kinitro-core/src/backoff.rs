//! How long to wait before the next try.

use std::time::Duration;

/// Waits that double with each failure up to a longest one.
///
/// ```
/// use std::time::Duration;
///
/// use kinitro_core::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// assert_eq!(backoff.fail(), Duration::from_secs(1));
/// assert_eq!(backoff.fail(), Duration::from_secs(2));
/// backoff.reset();
/// assert_eq!(backoff.fail(), Duration::from_secs(1));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    is_spread: bool,
    failures: u32,
}

impl Backoff {
    /// No failure yet. The first wait is `first`, and none is longer than `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, is_spread: false, failures: 0 }
    }

    /// Shortens each wait by up to half, at random, so that what failed together does not come back
    /// together.
    #[must_use]
    pub const fn spread(mut self) -> Self {
        self.is_spread = true;
        self
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes a success: the next wait is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Notes a failure, and returns how long to wait before the next try.
    pub fn fail(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.wait()
    }

    /// How long to wait before the next try: nothing without a failure.
    pub fn wait(&self) -> Duration {
        let mut random = [0];
        // Without random numbers the wait is the longest that it can be.
        let is_drawn = self.is_spread && getrandom::fill(&mut random).is_ok();
        let chance = if is_drawn { f64::from(random[0]) / 256.0 } else { 1.0 };
        self.wait_after(self.failures, chance)
    }

    /// How long to wait after this many consecutive failures: from half the full wait, if `chance`
    /// is 0, to all of it, if `chance` is 1.
    pub fn wait_after(&self, failures: u32, chance: f64) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else { return Duration::ZERO };
        let doubled = self.first.saturating_mul(1 << doublings.min(31)).min(self.longest);
        doubled.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(60);

    #[test]
    fn waits_double_up_to_the_longest() {
        let (mut exact, mut spread) =
            (Backoff::new(FIRST, LONGEST), Backoff::new(FIRST, LONGEST).spread());
        assert_eq!((exact.wait(), spread.wait()), (Duration::ZERO, Duration::ZERO));
        let mut full = FIRST;
        for _ in 0..80 {
            assert_eq!(exact.fail(), full);
            let wait = spread.fail();
            assert!(wait <= full && wait >= full / 2, "{wait:?} of {full:?}");
            full = (full * 2).min(LONGEST);
        }
        assert_eq!(exact.failures(), 80);
        exact.reset();
        assert_eq!((exact.wait(), exact.fail()), (Duration::ZERO, FIRST));
    }

    #[test]
    fn chance_takes_away_half_at_most() {
        let backoff = Backoff::new(FIRST, LONGEST);
        assert_eq!(backoff.wait_after(2, 0.0), FIRST);
        assert_eq!(backoff.wait_after(2, 1.0), 2 * FIRST);
        assert_eq!(backoff.wait_after(u32::MAX, 2.0), LONGEST);
        assert_eq!(backoff.wait_after(0, 1.0), Duration::ZERO);
    }
}
