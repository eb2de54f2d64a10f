//! The services of a backend, and validators.

use kinitro_eval::backend::executor::{ExecutorError, SpoolError};
use kinitro_eval::backend::scheduler::{SchedulerError, SeedProofError, SettingsError};
use kinitro_eval::backend::up::UpError;
use kinitro_eval::validator::ValidatorError;

use super::{Hint, Hinted, fixed};

impl Hinted for ExecutorError {
    fn hint(&self) -> Hint {
        match self {
            Self::Settings(_) => fixed("`kinitro env list` shows all environments"),
            Self::Key => fixed("set KINITRO_EXECUTOR_API_KEY again"),
            Self::Unauthorized => fixed(
                "set KINITRO_EXECUTOR_API_KEY to the key of the API, which is its \
                 KINITRO_API_API_KEY",
            ),
            Self::Spool(SpoolError::ExecutorId(_)) => None,
            Self::Spool(SpoolError::InUse { .. }) => {
                fixed("give each executor an id of its own with --executor-id")
            }
            Self::Spool(_) => fixed("name a folder that can be written to with --spool"),
            Self::Sandbox(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for SettingsError {
    fn hint(&self) -> Hint {
        match self {
            Self::TooManyEnvironments(_) => fixed("choose some with --env-families or --env"),
            _ => None,
        }
    }
}

impl Hinted for SchedulerError {
    fn hint(&self) -> Hint {
        match self {
            Self::Store(error) | Self::LockLost(error) => Hinted::hint(error),
            Self::Chain(error) => Hinted::hint(error),
            Self::NobodyToJudge { .. } => {
                fixed("`kinitro chain commitments` lists what was published, good or not")
            }
            Self::Weighting(_) => fixed("use the version of kinitro that began the cycle"),
            _ => None,
        }
    }
}

/// The hint on an error that a scheduler writes into its log.
pub(crate) fn of_scheduler(error: &SchedulerError) -> Option<String> {
    Hinted::hint(error).map(String::from)
}

impl Hinted for SeedProofError {
    fn hint(&self) -> Hint {
        None
    }
}

impl Hinted for UpError {
    fn hint(&self) -> Hint {
        match self {
            Self::Settings(error) => Hinted::hint(error),
            Self::Scheduler(error) => Hinted::hint(error),
            // Its folder and id are not the user's to choose here.
            Self::Executor(ExecutorError::Sandbox(error)) => Hinted::hint(error),
            Self::Listen { .. } => fixed("choose another with --host and --port"),
            _ => None,
        }
    }
}

impl Hinted for ValidatorError {
    fn hint(&self) -> Hint {
        match self {
            Self::Chain(error) => Hinted::hint(error),
            Self::Ledger(_) => fixed("name another file with --ledger, or end the other validator"),
            _ => None,
        }
    }
}
