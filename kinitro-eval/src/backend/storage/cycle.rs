//! Cycles of evaluation and their results.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use kinitro_core::scoring::WeightSet;
use kinitro_core::{BlockNumber, CycleId, EnvId, Hotkey, MinerUid, Seed};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::Timestamp;
use super::named::named;

named! {
    /// The status of a cycle.
    pub enum CycleStatus {
        /// Not begun. This crate never leaves a cycle in this state, since cycles begin when they
        /// are created.
        Pending = "pending",
        /// Its jobs are being run.
        Running = "running",
        /// It is over, with scores and weights.
        Completed = "completed",
        /// It is over without scores; the reason is stored with it.
        Failed = "failed",
    }
}

named! {
    /// Which jobs share a seed.
    pub enum SeedMode {
        /// The same episode of an environment has the same seed for every miner.
        Paired = "paired",
        /// Every job has a seed of its own, derived from its UUID.
        PerTask = "per-task",
    }
}

/// The secret that the seeds of a cycle are derived from. It is drawn when the cycle begins, and only
/// its SHA-256 is shown before the cycle is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SeedSecret([u8; 32]);

impl SeedSecret {
    /// A secret from the operating system's random number generator.
    ///
    /// # Errors
    /// When the operating system provides no random numbers.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The secret with these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret's 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let read = base16ct::mixed::decode(text, &mut bytes).ok()?;
        (read.len() == 32).then_some(Self(bytes))
    }

    /// The secret as 64 hex digits.
    pub fn to_hex(&self) -> String {
        base16ct::lower::encode_string(&self.0)
    }

    /// The secret's SHA-256 in hex, which is public while the secret is not.
    pub fn commitment(&self) -> String {
        base16ct::lower::encode_string(&Sha256::digest(self.0))
    }
}

impl fmt::Debug for SeedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeedSecret(of commitment {})", self.commitment())
    }
}

/// A miner as it was when a cycle began: its jobs are run against this policy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CycleMiner {
    /// The miner's slot on the subnet.
    pub uid: MinerUid,
    /// The miner's key.
    pub hotkey: Hotkey,
    /// The URL of its policy.
    pub endpoint: String,
    /// The repository with its model, `USER/NAME`.
    pub repo: String,
    /// The revision of the repository.
    pub revision: String,
    /// The block of its first commitment, if that is known.
    pub first_block: Option<BlockNumber>,
}

impl CycleMiner {
    /// A miner whose policy answers at `endpoint`, with the model it has committed to.
    pub fn new(
        uid: MinerUid,
        hotkey: Hotkey,
        endpoint: impl Into<String>,
        repo: impl Into<String>,
        revision: impl Into<String>,
    ) -> Self {
        let (endpoint, repo, revision) = (endpoint.into(), repo.into(), revision.into());
        Self { uid, hotkey, endpoint, repo, revision, first_block: None }
    }

    /// The block of its first commitment.
    #[must_use]
    pub fn first_block(mut self, block: Option<BlockNumber>) -> Self {
        self.first_block = block;
        self
    }
}

/// One episode to be run. Its UUID should be random, so that other executors' jobs cannot be
/// guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewJob {
    /// The UUID that names it, 36 characters.
    pub uuid: String,
    /// The miner whose policy is run.
    pub miner: MinerUid,
    /// The environment that the policy is run in.
    pub env_id: EnvId,
    /// The number of the episode among those of the miner in the environment, from 0.
    pub episode: u32,
    /// The seed of the episode.
    pub seed: Seed,
}

impl NewJob {
    /// A job with that UUID.
    pub fn new(
        uuid: impl Into<String>,
        miner: MinerUid,
        env_id: EnvId,
        episode: u32,
        seed: Seed,
    ) -> Self {
        Self { uuid: uuid.into(), miner, env_id, episode, seed }
    }
}

/// A cycle to begin, with all its jobs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NewCycle {
    /// The block at which the chain was read.
    pub block: BlockNumber,
    /// Which jobs share a seed.
    pub seed_mode: SeedMode,
    /// The secret that the seeds are derived from.
    pub seed_secret: SeedSecret,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// What the scheduler needs to finish the cycle after a restart. The store only keeps it.
    pub settings: Value,
    /// The miners, each once.
    pub miners: Vec<CycleMiner>,
    /// The jobs, in any order. They are handed out episode by episode, and within an episode
    /// environment by environment, so that all miners meet a seed at about the same time.
    pub jobs: Vec<NewJob>,
}

impl NewCycle {
    /// A cycle with paired seeds and no settings, whose miners have as many episodes in each
    /// environment as the jobs say.
    pub fn new(
        block: BlockNumber,
        seed_secret: SeedSecret,
        miners: Vec<CycleMiner>,
        jobs: Vec<NewJob>,
    ) -> Self {
        let episodes_per_env = jobs.iter().map(|job| job.episode + 1).max().unwrap_or(0);
        let (seed_mode, settings) = (SeedMode::Paired, Value::Null);
        Self { block, seed_mode, seed_secret, episodes_per_env, settings, miners, jobs }
    }

    /// Which jobs share a seed.
    #[must_use]
    pub fn seed_mode(mut self, seed_mode: SeedMode) -> Self {
        self.seed_mode = seed_mode;
        self
    }

    /// What the scheduler needs to finish the cycle after a restart.
    #[must_use]
    pub fn settings(mut self, settings: Value) -> Self {
        self.settings = settings;
        self
    }
}

/// A cycle that has begun.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Cycle {
    /// The number of the cycle.
    pub id: CycleId,
    /// The block at which the chain was read.
    pub block: BlockNumber,
    /// The status of the cycle.
    pub status: CycleStatus,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it is running.
    pub completed_at: Option<Timestamp>,
    /// The number of miners it judges.
    pub miners: u32,
    /// The number of environments it judges them in.
    pub environments: u32,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// Which jobs share a seed.
    pub seed_mode: SeedMode,
    /// The SHA-256 of the secret, in hex.
    pub seed_commitment: String,
    /// The secret itself, once the cycle is over.
    pub seed_secret: Option<SeedSecret>,
    /// The scheduler's report on the result, which names missing episodes for instance.
    pub report: Option<Value>,
    /// Why it failed; `None` unless it did.
    pub failure: Option<String>,
}

impl Cycle {
    /// A cycle that has just begun.
    pub fn new(id: CycleId, cycle: &NewCycle, started_at: Timestamp) -> Self {
        let environments: BTreeSet<&EnvId> = cycle.jobs.iter().map(|job| &job.env_id).collect();
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            id,
            block: cycle.block,
            status: CycleStatus::Running,
            started_at,
            completed_at: None,
            miners: count(cycle.miners.len()),
            environments: count(environments.len()),
            episodes_per_env: cycle.episodes_per_env,
            seed_mode: cycle.seed_mode,
            seed_commitment: cycle.seed_secret.commitment(),
            seed_secret: None,
            report: None,
            failure: None,
        }
    }

    /// How long it took; `None` while it is running.
    pub fn duration(&self) -> Option<Duration> {
        self.completed_at.map(|end| end.since(self.started_at))
    }
}

/// What a scheduler needs to finish a cycle that it, or another before it, has begun.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CyclePlan {
    /// The cycle.
    pub cycle: Cycle,
    /// The secret that its seeds are derived from. Not to be shown before the cycle is over.
    pub seed_secret: SeedSecret,
    /// What [`NewCycle::settings`] held.
    pub settings: Value,
    /// Its miners, by uid.
    pub miners: Vec<CycleMiner>,
}

impl CyclePlan {
    /// A running cycle with its secret, its settings and its miners, by uid.
    pub fn new(
        cycle: Cycle,
        seed_secret: SeedSecret,
        settings: Value,
        miners: Vec<CycleMiner>,
    ) -> Self {
        Self { cycle, seed_secret, settings, miners }
    }
}

/// The progress and results of the jobs of one miner in one environment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PairProgress {
    /// The miner.
    pub uid: MinerUid,
    /// The environment.
    pub env_id: EnvId,
    /// Jobs that are waiting for an executor.
    pub pending: u32,
    /// Jobs that an executor is working on.
    pub assigned: u32,
    /// Episodes that count: they ran, or the policy is to blame that they did not.
    pub completed: u32,
    /// Episodes that could not be run. They do not count.
    pub failed: u32,
    /// Completed episodes in which the robot succeeded.
    pub successes: u32,
    /// The mean of the total rewards of the completed episodes; `None` when there is none.
    pub mean_reward: Option<f64>,
}

impl PairProgress {
    /// A miner and an environment without a job.
    pub fn new(uid: MinerUid, env_id: EnvId) -> Self {
        Self {
            uid,
            env_id,
            pending: 0,
            assigned: 0,
            completed: 0,
            failed: 0,
            successes: 0,
            mean_reward: None,
        }
    }
}

/// The score of one miner in one environment.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MinerScore {
    /// The miner's slot.
    pub uid: MinerUid,
    /// The miner's key.
    pub hotkey: Hotkey,
    /// The environment.
    pub env_id: EnvId,
    /// The share of the completed episodes in which the robot succeeded, in `[0, 1]`.
    pub success_rate: f64,
    /// The mean of the total rewards of the completed episodes.
    pub mean_reward: f64,
    /// Episodes that count.
    pub episodes_completed: u32,
    /// Episodes that could not be run and do not count.
    pub episodes_failed: u32,
}

impl MinerScore {
    /// The score of a miner in an environment, without episodes.
    pub fn new(uid: MinerUid, hotkey: Hotkey, env_id: EnvId) -> Self {
        Self {
            uid,
            hotkey,
            env_id,
            success_rate: 0.0,
            mean_reward: 0.0,
            episodes_completed: 0,
            episodes_failed: 0,
        }
    }

    /// The mean success and reward of the episodes that count, how many those are, and how many
    /// episodes could not be run.
    #[must_use]
    pub fn episodes(
        mut self,
        success_rate: f64,
        mean_reward: f64,
        completed: u32,
        failed: u32,
    ) -> Self {
        self.success_rate = success_rate;
        self.mean_reward = mean_reward;
        self.episodes_completed = completed;
        self.episodes_failed = failed;
        self
    }
}

/// The result of a cycle.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CycleResult {
    /// The scores, each miner and environment once.
    pub scores: Vec<MinerScore>,
    /// The miners whom no other miner dominates.
    pub frontier: Vec<MinerUid>,
    /// The weights, and the rule that computed them; empty when no miner earns anything.
    pub weights: WeightSet,
    /// Further information from the scheduler, for instance which episodes are missing.
    pub report: Value,
}

impl CycleResult {
    /// A result without a report.
    pub fn new(scores: Vec<MinerScore>, frontier: Vec<MinerUid>, weights: WeightSet) -> Self {
        Self { scores, frontier, weights, report: Value::Null }
    }

    /// Further information from the scheduler, for instance which episodes are missing.
    #[must_use]
    pub fn report(mut self, report: Value) -> Self {
        self.report = report;
        self
    }
}

/// The weights of a completed cycle.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PublishedWeights {
    /// The cycle, its block and its times.
    pub cycle: Cycle,
    /// When they were stored.
    pub created_at: Timestamp,
    /// The weights, and the rule that made them.
    pub weights: WeightSet,
    /// The miners whom no other miner dominates.
    pub frontier: Vec<MinerUid>,
    /// The hotkeys that held the slots when the cycle began.
    pub hotkeys: BTreeMap<MinerUid, Hotkey>,
}

impl PublishedWeights {
    /// The weights of a completed cycle with the hotkeys of its miners.
    pub fn new(
        cycle: Cycle,
        created_at: Timestamp,
        weights: WeightSet,
        frontier: Vec<MinerUid>,
        hotkeys: BTreeMap<MinerUid, Hotkey>,
    ) -> Self {
        Self { cycle, created_at, weights, frontier, hotkeys }
    }
}

/// The scores of a cycle.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CycleScores {
    /// The cycle.
    pub cycle: Cycle,
    /// The scores, by uid and environment; empty until it is completed.
    pub rows: Vec<MinerScore>,
    /// The miners whom no other miner dominates.
    pub frontier: Vec<MinerUid>,
}

impl CycleScores {
    /// The scores of a cycle, by uid and environment.
    pub fn new(cycle: Cycle, rows: Vec<MinerScore>, frontier: Vec<MinerUid>) -> Self {
        Self { cycle, rows, frontier }
    }
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
