//! Random numbers that are the same on every machine and in every release.

use kinitro_core::{EnvId, Seed};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The random stream of one (environment, seed, purpose).
///
/// The generator is ChaCha20 (RFC 8439's block function with a 64-bit counter), keyed with
/// SHA-256 of the text `kinitro/v1/PURPOSE/ENV_ID/SEED`. Streams of different environments, seeds
/// or purposes have nothing to do with each other, and the numbers are pinned by tests: a change of
/// them would change every task there is.
#[derive(Debug, Clone)]
pub struct TaskRng(ChaCha20Rng);

impl TaskRng {
    /// The stream for a purpose, a short word of the caller's own.
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
}
