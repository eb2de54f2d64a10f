//! Verifies after a cycle that its seeds were not hand-picked.

use kinitro_core::{EnvId, Seed};

use super::super::storage::SeedSecret;

/// Why the seeds of a cycle do not match its commitment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeedProofError {
    /// The text is not a secret.
    #[error("the secret of a cycle is 64 hex characters")]
    NotASecret,
    /// The secret does not match the hash published at the start of the cycle.
    #[error("the secret has the hash {found}, and {promised} was published at the start")]
    OtherSecret {
        /// The hash published at the start of the cycle, in hex.
        promised: String,
        /// The SHA-256 of the secret, in hex.
        found: String,
    },
    /// An episode ran with a seed that does not follow from the secret.
    #[error("episode {episode} of {env_id} has the seed {expected}, and {found} was used")]
    OtherSeed {
        /// The environment.
        env_id: EnvId,
        /// The number of the episode, from 0.
        episode: u32,
        /// The seed that follows from the secret.
        expected: Seed,
        /// The seed that was used.
        found: Seed,
    },
}

/// The secret of a finished cycle, verified against the hash published at its start.
///
/// ```
/// use kinitro_core::Seed;
/// use kinitro_eval::backend::scheduler::SeedProof;
///
/// // What the API says of a cycle: the hash from its start on, the secret after its end.
/// let promised = "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";
/// let proof = SeedProof::new(&"07".repeat(32), promised)?;
/// let reach = "metaworld/reach-v3".parse().unwrap();
/// assert!(proof.check(&reach, 12, Seed(1_774_182_970)).is_ok());
/// assert!(proof.check(&reach, 13, Seed(1_774_182_970)).is_err());
/// # Ok::<(), kinitro_eval::backend::scheduler::SeedProofError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeedProof(SeedSecret);

impl SeedProof {
    /// Checks a secret against the hash published at the start of the cycle, both in hex.
    ///
    /// # Errors
    /// [`SeedProofError::NotASecret`], [`SeedProofError::OtherSecret`].
    pub fn new(secret: &str, promised: &str) -> Result<Self, SeedProofError> {
        let secret = SeedSecret::from_hex(secret.trim()).ok_or(SeedProofError::NotASecret)?;
        let found = secret.commitment();
        let promised = promised.trim();
        if !found.eq_ignore_ascii_case(promised) {
            let promised = promised.chars().take(64).collect();
            return Err(SeedProofError::OtherSecret { promised, found });
        }
        Ok(Self(secret))
    }

    /// The seed that all miners got in this episode of an environment.
    pub fn seed(&self, env_id: &EnvId, episode: u32) -> Seed {
        Seed::of_episode(self.0.as_bytes(), env_id, episode)
    }

    /// Checks the seed that an episode was run with.
    ///
    /// # Errors
    /// [`SeedProofError::OtherSeed`].
    pub fn check(&self, env_id: &EnvId, episode: u32, found: Seed) -> Result<(), SeedProofError> {
        let expected = self.seed(env_id, episode);
        if expected == found {
            return Ok(());
        }
        Err(SeedProofError::OtherSeed { env_id: env_id.clone(), episode, expected, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_secret_is_found_out() {
        let secret = SeedSecret::from_bytes([9; 32]);
        let promised = secret.commitment();
        assert!(SeedProof::new(&secret.to_hex(), &promised.to_uppercase()).is_ok());
        let other = SeedProof::new(&"08".repeat(32), &promised).unwrap_err();
        assert!(matches!(other, SeedProofError::OtherSecret { .. }), "{other:?}");
        assert!(other.to_string().contains(&promised));
        assert_eq!(SeedProof::new("08", &promised), Err(SeedProofError::NotASecret));
        let empty = SeedProof::new(&secret.to_hex(), "").unwrap_err();
        assert!(matches!(empty, SeedProofError::OtherSecret { .. }), "{empty:?}");
    }
}
