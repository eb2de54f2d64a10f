//! Environments, evaluations and their results.

use kinitro_eval::EvaluationError;
use kinitro_eval::env::metaworld::parity::ParityError;
use kinitro_eval::env::{EnvironmentError, PoolError};
use kinitro_eval::isolation::SandboxError;
use kinitro_eval::report::FolderError;

use super::{Hint, Hinted, fixed, from_library};

impl Hinted for EnvironmentError {
    fn hint(&self) -> Hint {
        match self {
            Self::UnknownEnvironment { .. } => fixed("`kinitro env list` shows all environments"),
            error => from_library(Self::hint(error)),
        }
    }
}

impl Hinted for FolderError {
    fn hint(&self) -> Hint {
        fixed(Self::hint(self))
    }
}

impl Hinted for EvaluationError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            Self::Folder(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for PoolError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for ParityError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            _ => None,
        }
    }
}

impl Hinted for SandboxError {
    fn hint(&self) -> Hint {
        match self {
            Self::Environment(error) => Hinted::hint(error),
            error => from_library(Self::hint(error)),
        }
    }
}
