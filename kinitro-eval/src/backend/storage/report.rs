//! What is known of the whole: miners, environments, the state of the backend.

use std::time::Duration;

use kinitro_core::{BlockNumber, EnvId, Hotkey, MinerUid};

use super::super::Timestamp;
use super::cycle::Cycle;

/// A miner with a commitment, as the scheduler found it on the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Miner {
    /// Its slot.
    pub uid: MinerUid,
    /// Its key.
    pub hotkey: Hotkey,
    /// Where its policy answers; `None` when the commitment cannot be opened.
    pub endpoint: Option<String>,
    /// The commitment hides the endpoint from all but the backend, so it must not be shown.
    pub endpoint_sealed: bool,
    /// The repository with its model.
    pub repo: String,
    /// The revision of the repository.
    pub revision: String,
    /// The block of its first commitment that is known of. The earliest that was ever stored for
    /// the hotkey is kept, since the chain itself remembers the last only.
    pub first_block: Option<BlockNumber>,
}

/// A miner and how it was judged last.
#[derive(Debug, Clone, PartialEq)]
pub struct MinerStatus {
    /// The miner.
    pub miner: Miner,
    /// It was on the chain when the scheduler last looked.
    pub active: bool,
    /// When the last completed cycle that judged it was over.
    pub last_evaluated: Option<Timestamp>,
    /// The block of that cycle.
    pub last_evaluated_block: Option<BlockNumber>,
    /// The mean of its success rates in that cycle.
    pub avg_success_rate: Option<f64>,
    /// In how many environments that cycle judged it.
    pub environments_evaluated: u32,
}

/// An environment and what came of its episodes, over all completed cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct EnvironmentStatus {
    /// The environment.
    pub env_id: EnvId,
    /// How many episodes counted.
    pub evaluations: u64,
    /// The share of them in which the robot did it; `None` when there is none.
    pub avg_success_rate: Option<f64>,
}

/// What the scheduler says of itself from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The newest block of the chain.
    pub current_block: BlockNumber,
    /// How long until the next cycle begins; `None` while one runs.
    pub next_cycle_in: Option<Duration>,
    /// The environments that miners are judged in.
    pub environments: Vec<EnvId>,
}

/// The last [`Heartbeat`], and when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchedulerState {
    /// The newest block of the chain then.
    pub current_block: BlockNumber,
    /// How long until the next cycle begins, now; zero when it should have begun.
    pub next_cycle_in: Option<Duration>,
    /// The environments that miners are judged in.
    pub environments: Vec<EnvId>,
    /// When the scheduler said so.
    pub updated_at: Timestamp,
}

/// The state of the backend.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overview {
    /// What the scheduler last said; `None` before the first time.
    pub scheduler: Option<SchedulerState>,
    /// The cycle that runs.
    pub current_cycle: Option<Cycle>,
    /// The completed cycle that ended last.
    pub last_completed_cycle: Option<Cycle>,
    /// How many cycles there were, the running one and failed ones included.
    pub total_cycles: u64,
    /// How many of them failed.
    pub failed_cycles: u64,
    /// How many hotkeys have a score.
    pub total_miners_evaluated: u64,
    /// How many miners were on the chain when the scheduler last looked.
    pub active_miners: u64,
}

/// What there is in the database in the way of tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// None.
    Missing,
    /// Those of an older version of this program.
    Old,
    /// Those of this version.
    Current,
    /// Those of a newer version, or changed by hand.
    New,
}
