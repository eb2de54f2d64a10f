//! Random numbers that are the same on every machine and in every release.

use kinitro_core::{Action, ActionSpec, EnvId, Seed};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The random stream of one (environment, seed, purpose).
///
/// The generator is ChaCha20 (RFC 8439's block function with a 64-bit counter), keyed with
/// SHA-256 of the text `kinitro/v1/PURPOSE/ENV_ID/SEED`. Streams of different environments, seeds
/// or purposes are unrelated, and the numbers are pinned by tests: changing them would change every
/// scenario there is.
#[derive(Debug, Clone)]
pub struct SeededRng(ChaCha20Rng);

impl SeededRng {
    /// The stream for a purpose, which is a short word of the caller's choice.
    pub fn new(purpose: &str, env_id: &EnvId, seed: Seed) -> Self {
        let key = Sha256::digest(format!("kinitro/v1/{purpose}/{env_id}/{seed}"));
        Self(ChaCha20Rng::from_seed(key.into()))
    }

    /// A number drawn evenly from `[0, 1)`: the top 53 bits of the next 64.
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number drawn evenly from `[low, high)`.
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// An action drawn evenly from the bounds of each channel, or from `[-1, 1)` where a channel has
    /// none; of a discrete channel, evenly from its values.
    pub fn action(&mut self, spec: &ActionSpec) -> Action {
        // Both draw from the one stream, in the order of the channels.
        let rng = std::cell::RefCell::new(self);
        spec.fill(
            |channel| {
                let (low, high) = channel.bounds.unwrap_or((-1.0, 1.0));
                rng.borrow_mut().uniform(low, high)
            },
            |channel| rng.borrow_mut().integer(channel.low, channel.high),
        )
    }

    /// A whole number drawn evenly from `low` to `high`, both included.
    ///
    /// # Panics
    /// When `low` is above `high`.
    pub fn integer(&mut self, low: i64, high: i64) -> i64 {
        assert!(low <= high, "no number lies between {low} and {high}");
        // The high word of a product of 64 and 65 bits: its bias is below 2^-53 for any range that
        // a channel has.
        let count = high.abs_diff(low) as u128 + 1;
        let offset = (u128::from(self.0.next_u64()) * count) >> 64;
        low.wrapping_add_unsigned(offset as u64)
    }
}

#[cfg(test)]
mod tests {
    use kinitro_core::{ChannelSpec, DiscreteChannelSpec};

    use super::*;

    fn rng() -> SeededRng {
        SeededRng::new("test", &"toy/point-v0".parse().unwrap(), Seed(0))
    }

    #[test]
    fn whole_numbers_are_drawn_from_the_whole_range() {
        let mut rng = rng();
        let mut counts = [0; 3];
        for _ in 0..3000 {
            counts[usize::try_from(rng.integer(-1, 1) + 1).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(rng.integer(7, 7), 7);
        let mut all = || rng.integer(i64::MIN, i64::MAX);
        assert_ne!(all(), all());
    }

    #[test]
    fn actions_are_drawn_channel_by_channel_from_the_stream() {
        let spec = ActionSpec::new([
            ChannelSpec::new("reach", 2, "m", "").bounded(2.0, 3.0),
            ChannelSpec::new("turn", 1, "", ""),
        ])
        .with_discrete(DiscreteChannelSpec::new("mode", 0, 2, ""));
        let (mut one, mut other) = (rng(), rng());
        for _ in 0..100 {
            let action = one.action(&spec);
            spec.check(&action).unwrap();
            let reach = [other.uniform(2.0, 3.0), other.uniform(2.0, 3.0)];
            let expected = Action::new().with("reach", reach);
            let expected = expected.with("turn", [other.uniform(-1.0, 1.0)]);
            assert_eq!(action, expected.with_discrete("mode", other.integer(0, 2)));
        }
    }
}
