//! The scheduler turns the commitments on a subnet into jobs, and their results into weights.
//!
//! A cycle begins with a reading of the chain, which says which miners are judged and by which
//! policies. All its jobs are stored in one transaction, together with the rules it is judged by; from
//! then on everything is in the store. So a scheduler may be killed at any moment: the next one
//! resumes the same cycle with the same jobs, and comes to the same weights.
//!
//! Only one scheduler works on a store at a time. Others wait until it is gone.
//!
//! # Weights
//! Any [`Weighting`](kinitro_core::scoring::Weighting) can be given in [`SchedulerSettings`]. A cycle
//! is stored with the name and options of the rule it was begun with, and is finished by that rule,
//! which [`SchedulerSettings::weightings`] makes again.
//!
//! # Seeds
//! All miners meet the same seeds, so that they are compared like with like. They are derived from a
//! secret that is drawn when the cycle begins ([`Seed::of_episode`](kinitro_core::Seed::of_episode)). Its
//! SHA-256 is public from then on, and the secret itself once the cycle is over; [`SeedProof`] checks
//! one against the other. `docs/SCHEDULER.md` explains what that proves and what it costs.
//!
//! # Who was first
//! A miner's priority is the block of its commitment to the policy it has now. Committing to the same
//! repository and revision again, with another endpoint for instance, keeps the block at which the
//! scheduler first saw it; committing to anything else gives it up.
//!
//! ```
//! use std::sync::Arc;
//!
//! use kinitro_chain::MemoryChain;
//! use kinitro_eval::backend::scheduler::{Scheduler, SchedulerSettings};
//! use kinitro_eval::backend::storage::{DatabaseUrl, Store, connect};
//! use kinitro_core::NetUid;
//! use kinitro_eval::{Registry, CancellationToken};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store: Arc<dyn Store> = connect(&DatabaseUrl::IN_MEMORY).await?.into();
//! store.init().await?;
//! let settings = SchedulerSettings::new(NetUid(26), Registry::builtin().env_ids());
//! let scheduler = Scheduler::new(settings, Arc::new(MemoryChain::new()), store)?;
//! // Until somebody stops it; `run_cycle` does one cycle only.
//! let stop = CancellationToken::new();
//! scheduler.run(&stop).await;
//! # Ok(())
//! # }
//! ```

mod judge;
mod plan;
mod roster;
mod run;
mod seeds;
mod settings;

use std::fmt;
use std::sync::Arc;

use kinitro_chain::{Chain, ChainError, ChainErrorKind};
use kinitro_core::CycleId;
use kinitro_core::scoring::WeightingError;

pub use self::judge::{CycleReport, MissingEpisodes};
pub use self::roster::Rejected;
use self::run::Run;
pub use self::seeds::{SeedProof, SeedProofError};
pub use self::settings::{SchedulerSettings, SettingsError};
use super::storage::{Store, StoreError};
use crate::CancellationToken;

/// How a cycle ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleEnd {
    /// The cycle.
    pub id: CycleId,
    /// Why it has no weights; `None` when it has.
    pub failure: Option<String>,
}

/// Why there is no cycle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchedulerError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Nobody on the subnet has a commitment to be judged by.
    #[error("no miner on the subnet can be judged: {rejected} commitments are no good")]
    NobodyToJudge {
        /// How many commitments were looked at in vain.
        rejected: usize,
    },
    /// Another scheduler may have taken over.
    #[error("this is not the scheduler of the database any more: {0}")]
    LockLost(#[source] StoreError),
    /// The operating system has no random numbers to give.
    #[error("the operating system gave no random numbers: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A cycle was begun under a rule that this scheduler cannot make: it runs on, and a scheduler
    /// that knows the rule can finish it.
    #[error("the cycle cannot be judged by the rule it was begun with: {0}")]
    Weighting(#[from] WeightingError),
    /// A cycle's rules have no form in JSON.
    #[error("a cycle cannot be written down: {0}")]
    Rules(#[from] serde_json::Error),
}

impl SchedulerError {
    /// Whether trying again in a moment may well succeed.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Chain(error) => {
                matches!(error.kind(), ChainErrorKind::Connection | ChainErrorKind::Timeout)
            }
            Self::LockLost(_) => true,
            _ => false,
        }
    }
}

/// Runs cycles, one after the other.
pub struct Scheduler {
    settings: SchedulerSettings,
    chain: Arc<dyn Chain>,
    store: Arc<dyn Store>,
}

impl Scheduler {
    /// A scheduler for a subnet of that chain on that storage, which must have its tables.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(
        settings: SchedulerSettings,
        chain: Arc<dyn Chain>,
        store: Arc<dyn Store>,
    ) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self { settings, chain, store })
    }

    /// Goes on with the cycle that runs, if one does, and then makes one each interval, until it is
    /// stopped. A cycle that runs then goes on at the next start.
    ///
    /// Whatever goes wrong is logged and tried again, later each time.
    pub async fn run(&self, stop: &CancellationToken) {
        let mut run = Run::new(self);
        tokio::select! {
            biased;
            () = stop.cancelled() => run.say_stopped(),
            () = run.cycles() => {}
        }
    }

    /// Sees one cycle through: the one that runs, or else a new one, at once. `None` when it was
    /// stopped before the end.
    ///
    /// # Errors
    /// [`SchedulerError`] where trying again does not help; what is transient is tried again.
    pub async fn run_cycle(
        &self,
        stop: &CancellationToken,
    ) -> Result<Option<CycleEnd>, SchedulerError> {
        let mut run = Run::new(self);
        tokio::select! {
            biased;
            () = stop.cancelled() => {
                run.say_stopped();
                Ok(None)
            }
            end = run.one_cycle() => end.map(Some),
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduler").field("settings", &self.settings).finish_non_exhaustive()
    }
}
