//! Miners, environments and the state of the backend.

use std::time::Duration;

use kinitro_core::{BlockNumber, EnvId, Hotkey, MinerUid};

use super::super::Timestamp;
use super::cycle::Cycle;

/// A miner with a commitment, as the scheduler found it on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Miner {
    /// The miner's slot on the subnet.
    pub uid: MinerUid,
    /// The miner's key.
    pub hotkey: Hotkey,
    /// The URL of its policy; `None` when the commitment cannot be opened.
    pub endpoint: Option<String>,
    /// Whether the commitment hides the endpoint from all but the backend, so that it must not be
    /// shown.
    pub endpoint_sealed: bool,
    /// The repository with its model.
    pub repo: String,
    /// The revision of the repository.
    pub revision: String,
    /// The block of its first commitment to this policy that is known of. The earliest that was
    /// stored for the hotkey is kept as long as repository and revision stay the same, since the
    /// chain itself remembers the last only; with another policy it starts over.
    pub first_block: Option<BlockNumber>,
}

impl Miner {
    /// A miner with a commitment to that model, whose endpoint cannot be opened.
    pub fn new(
        uid: MinerUid,
        hotkey: Hotkey,
        repo: impl Into<String>,
        revision: impl Into<String>,
    ) -> Self {
        Self {
            uid,
            hotkey,
            endpoint: None,
            endpoint_sealed: false,
            repo: repo.into(),
            revision: revision.into(),
            first_block: None,
        }
    }

    /// The URL of its policy, and whether the commitment hides it from all but the backend.
    #[must_use]
    pub fn endpoint(mut self, endpoint: Option<String>, sealed: bool) -> Self {
        self.endpoint = endpoint;
        self.endpoint_sealed = sealed;
        self
    }

    /// The block of its first commitment to this policy.
    #[must_use]
    pub fn first_block(mut self, block: Option<BlockNumber>) -> Self {
        self.first_block = block;
        self
    }
}

/// A miner and its last evaluation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MinerStatus {
    /// The miner.
    pub miner: Miner,
    /// Whether it was on the chain when the scheduler last looked.
    pub active: bool,
    /// When the last completed cycle that judged it ended.
    pub last_evaluated: Option<Timestamp>,
    /// The block of that cycle.
    pub last_evaluated_block: Option<BlockNumber>,
    /// The mean of its success rates in that cycle, in `[0, 1]`.
    pub avg_success_rate: Option<f64>,
    /// The number of environments in which that cycle judged it.
    pub environments_evaluated: u32,
}

impl MinerStatus {
    /// A miner that was never judged.
    pub fn new(miner: Miner, active: bool) -> Self {
        Self {
            miner,
            active,
            last_evaluated: None,
            last_evaluated_block: None,
            avg_success_rate: None,
            environments_evaluated: 0,
        }
    }
}

/// An environment and the results of its episodes, over all completed cycles.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct EnvironmentStatus {
    /// The environment.
    pub env_id: EnvId,
    /// The number of episodes that counted.
    pub evaluations: u64,
    /// The share of them in which the robot succeeded, in `[0, 1]`; `None` when there is none.
    pub avg_success_rate: Option<f64>,
}

impl EnvironmentStatus {
    /// An environment without episodes.
    pub fn new(env_id: EnvId) -> Self {
        Self { env_id, evaluations: 0, avg_success_rate: None }
    }
}

/// The state that the scheduler reports from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Heartbeat {
    /// The newest block of the chain.
    pub current_block: BlockNumber,
    /// How long until the next cycle begins; `None` while one is running.
    pub next_cycle_in: Option<Duration>,
    /// The environments that miners are judged in.
    pub environments: Vec<EnvId>,
}

impl Heartbeat {
    /// A scheduler that has seen that block and judges in those environments.
    pub fn new(current_block: BlockNumber, environments: Vec<EnvId>) -> Self {
        Self { current_block, next_cycle_in: None, environments }
    }

    /// How long until the next cycle begins; `None` while one is running.
    #[must_use]
    pub fn next_cycle_in(mut self, time: Option<Duration>) -> Self {
        self.next_cycle_in = time;
        self
    }
}

/// The last [`Heartbeat`] and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchedulerState {
    /// The newest block of the chain then.
    pub current_block: BlockNumber,
    /// How long until the next cycle begins, now; zero when it should have begun.
    pub next_cycle_in: Option<Duration>,
    /// The environments that miners are judged in.
    pub environments: Vec<EnvId>,
    /// When the heartbeat came.
    pub updated_at: Timestamp,
}

impl SchedulerState {
    /// A heartbeat that came at that moment; the time until the next cycle is as it was then.
    pub fn new(heartbeat: Heartbeat, updated_at: Timestamp) -> Self {
        let Heartbeat { current_block, next_cycle_in, environments } = heartbeat;
        Self { current_block, next_cycle_in, environments, updated_at }
    }
}

/// The state of the backend.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Overview {
    /// The last heartbeat; `None` before the first.
    pub scheduler: Option<SchedulerState>,
    /// The running cycle.
    pub current_cycle: Option<Cycle>,
    /// The completed cycle that ended last.
    pub last_completed_cycle: Option<Cycle>,
    /// The number of cycles, the running one and failed ones included.
    pub total_cycles: u64,
    /// The number of failed cycles.
    pub failed_cycles: u64,
    /// The number of hotkeys with a score.
    pub total_miners_evaluated: u64,
    /// The number of miners on the chain when the scheduler last looked.
    pub active_miners: u64,
}

/// The state of a store's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// There are none.
    Missing,
    /// They are those of an older version.
    Old,
    /// They are those of this version.
    Current,
    /// They are those of a newer version, or were changed by hand.
    New,
}
