//! Cycles of evaluation, and what is said of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use kinitro_core::scoring::WeightSet;
use kinitro_core::{BlockNumber, CycleId, EnvId, Hotkey, MinerUid, Seed};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::Timestamp;
use super::named::named;

named! {
    /// How far a cycle is.
    pub enum CycleStatus {
        /// Not begun. Cycles of this crate begin as they are made.
        Pending = "pending",
        /// Its jobs are being run.
        Running = "running",
        /// Its scores and weights are there.
        Completed = "completed",
        /// It was given up; why is written with it.
        Failed = "failed",
    }
}

named! {
    /// Whose jobs share a seed.
    pub enum SeedMode {
        /// The same episode of an environment has the same seed for every miner.
        Paired = "paired",
        /// Every job has a seed of its own, which grows from its uuid.
        PerTask = "per-task",
    }
}

/// What the seeds of a cycle grow from. It is drawn when the cycle begins, and only its SHA-256 is
/// shown before the cycle is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SeedSecret([u8; 32]);

impl SeedSecret {
    /// A secret of the operating system's randomness.
    ///
    /// # Errors
    /// When the operating system has none to give.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret with those bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let read = base16ct::mixed::decode(text, &mut bytes).ok()?;
        (read.len() == 32).then_some(Self(bytes))
    }

    /// Its 64 hex digits.
    pub fn to_hex(&self) -> String {
        base16ct::lower::encode_string(&self.0)
    }

    /// What it is known by while it is secret: its SHA-256 in hex.
    pub fn commitment(&self) -> String {
        base16ct::lower::encode_string(&Sha256::digest(self.0))
    }
}

impl fmt::Debug for SeedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeedSecret(of commitment {})", self.commitment())
    }
}

/// A miner as it was when a cycle began: what its jobs are run against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleMiner {
    /// Its slot.
    pub uid: MinerUid,
    /// Its key.
    pub hotkey: Hotkey,
    /// Where its policy answers.
    pub endpoint: String,
    /// The repository with its model, `USER/NAME`.
    pub repo: String,
    /// The revision of the repository.
    pub revision: String,
    /// The block of its first commitment, if that is known.
    pub first_block: Option<BlockNumber>,
}

/// One episode that is to be run. Its uuid should be random: miners are not told others' jobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Its name, 36 characters of a UUID.
    pub uuid: String,
    /// Whose policy.
    pub miner: MinerUid,
    /// Where.
    pub env_id: EnvId,
    /// The number of the episode among those of that miner in that environment, from 0.
    pub episode: u32,
    /// What the episode grows from.
    pub seed: Seed,
}

/// A cycle that is to begin, with all its jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct NewCycle {
    /// The block that it judges.
    pub block: BlockNumber,
    /// Whose jobs share a seed.
    pub seed_mode: SeedMode,
    /// What the seeds grow from.
    pub seed_secret: SeedSecret,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// What the scheduler needs to go on with the cycle after a restart; the store only keeps it.
    pub settings: Value,
    /// The miners, each once.
    pub miners: Vec<CycleMiner>,
    /// The jobs, in any order. They are handed out episode by episode, and within an episode
    /// environment by environment, so that all miners meet a seed at about the same time.
    pub jobs: Vec<NewJob>,
}

/// A cycle that has begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// Its number.
    pub id: CycleId,
    /// The block that it judges.
    pub block: BlockNumber,
    /// How far it is.
    pub status: CycleStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
    /// How many miners it judges.
    pub miners: u32,
    /// How many environments it judges them in.
    pub environments: u32,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// Whose jobs share a seed.
    pub seed_mode: SeedMode,
    /// The SHA-256 of the secret, in hex.
    pub seed_commitment: String,
    /// The secret itself, once the cycle is over.
    pub seed_secret: Option<SeedSecret>,
    /// What the scheduler has said of its result: what is missing, for instance.
    pub report: Option<Value>,
    /// Why it failed.
    pub failure: Option<String>,
}

impl Cycle {
    /// How long it took, once it is over.
    pub fn duration(&self) -> Option<Duration> {
        self.completed_at.map(|end| end.since(self.started_at))
    }
}

/// What a scheduler needs to go on with a cycle that it, or another before it, began.
#[derive(Debug, Clone, PartialEq)]
pub struct CyclePlan {
    /// The cycle.
    pub cycle: Cycle,
    /// What its seeds grow from. Not to be shown before the cycle is over.
    pub seed_secret: SeedSecret,
    /// What [`NewCycle::settings`] held.
    pub settings: Value,
    /// Its miners, by uid.
    pub miners: Vec<CycleMiner>,
}

/// How far the jobs of one miner in one environment are, and what came of them.
#[derive(Debug, Clone, PartialEq)]
pub struct PairProgress {
    /// The miner.
    pub uid: MinerUid,
    /// The environment.
    pub env_id: EnvId,
    /// Jobs that nobody works on.
    pub pending: u32,
    /// Jobs that an executor works on.
    pub assigned: u32,
    /// Episodes that ran, or did not for the policy's fault. They count.
    pub completed: u32,
    /// Episodes that could not be run. They do not count.
    pub failed: u32,
    /// Completed episodes in which the robot did it.
    pub successes: u32,
    /// The mean of the total rewards of the completed episodes; `None` when there is none.
    pub mean_reward: Option<f64>,
}

/// What one miner reached in one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct MinerScore {
    /// The miner's slot.
    pub uid: MinerUid,
    /// The miner's key.
    pub hotkey: Hotkey,
    /// The environment.
    pub env_id: EnvId,
    /// The share of the completed episodes in which the robot did it, in `[0, 1]`.
    pub success_rate: f64,
    /// The mean of the total rewards of the completed episodes.
    pub mean_reward: f64,
    /// Episodes that count.
    pub episodes_completed: u32,
    /// Episodes that could not be run and do not count.
    pub episodes_failed: u32,
}

/// How a cycle ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleResult {
    /// What the miners reached, each miner and environment once.
    pub scores: Vec<MinerScore>,
    /// The miners whom nobody dominates.
    pub frontier: Vec<MinerUid>,
    /// What they get, and what made it so.
    pub weights: WeightSet,
    /// What else is to be said, for instance what is missing.
    pub report: Value,
}

/// The weights of a completed cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct PublishedWeights {
    /// The cycle, its block and its times.
    pub cycle: Cycle,
    /// When they were stored.
    pub created_at: Timestamp,
    /// The weights, and what made them.
    pub weights: WeightSet,
    /// The miners whom nobody dominates.
    pub frontier: Vec<MinerUid>,
    /// Whose slots they were when the cycle began.
    pub hotkeys: BTreeMap<MinerUid, Hotkey>,
}

/// The scores of a cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct CycleScores {
    /// The cycle.
    pub cycle: Cycle,
    /// What its miners reached, by uid and environment; empty until it is completed.
    pub rows: Vec<MinerScore>,
    /// The miners whom nobody dominates.
    pub frontier: Vec<MinerUid>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_and_does_not_show_itself() {
        let secret = SeedSecret::from_bytes([7; 32]);
        // hashlib.sha256(bytes([7] * 32)).hexdigest()
        let hash = "4bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0";
        assert_eq!(secret.commitment(), hash);
        assert!(!format!("{secret:?}").contains(&secret.to_hex()));
        assert_eq!(SeedSecret::from_hex(&secret.to_hex()), Some(secret));
        for bad in ["", "07", &"0".repeat(63), &"g".repeat(64), &"0".repeat(66)] {
            assert_eq!(SeedSecret::from_hex(bad), None, "{bad}");
        }
        assert_ne!(SeedSecret::draw().unwrap(), SeedSecret::draw().unwrap());
    }
}
