//! Which exit code an error of a library becomes. What the user can do about it is in
//! [`hints`](crate::hints).

use std::fmt;

use kinitro_chain::commitment::TooLong;
use kinitro_chain::local::{LocalChainError, RemoteError};
use kinitro_chain::published::BackendKeyError;
use kinitro_chain::wallet::{self, KeypairError, WalletError};
use kinitro_chain::{ChainError, ChainErrorKind};
use kinitro_core::crypto::{CryptoError, KeyError, KeyFileError};
use kinitro_core::scoring::{ScoringError, WeightingError};
use kinitro_eval::EvaluationError;
use kinitro_eval::backend::executor::{ExecutorError, SpoolError};
use kinitro_eval::backend::scheduler::{SchedulerError, SeedProofError, SettingsError};
use kinitro_eval::backend::storage::{StoreError, StoreErrorKind};
use kinitro_eval::backend::up::UpError;
use kinitro_eval::env::metaworld::parity::ParityError;
use kinitro_eval::env::{EnvironmentError, PoolError};
use kinitro_eval::isolation::SandboxError;
use kinitro_eval::report::FolderError;
use kinitro_eval::validator::ValidatorError;

use crate::environments::fetch::FetchError;
use crate::hints::Hinted;

/// What an exit code means. Documented in `docs/CLI.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The job was done and its answer is no, or it could not be finished.
    Failed = 1,
    /// The arguments or settings are wrong.
    Usage = 2,
    /// This machine lacks something: files, a driver, space.
    Environment = 3,
    /// Stopped by a signal; what was done is kept.
    Interrupted = 130,
}

/// An error that ends a command.
pub(crate) trait Fails: fmt::Display + Hinted {
    /// The exit code.
    fn code(&self) -> Code;

    /// The words after `error:`.
    fn message(&self) -> String {
        self.to_string()
    }
}

impl Fails for EnvironmentError {
    fn code(&self) -> Code {
        match self {
            Self::UnknownEnvironment { .. } | Self::UnknownCamera { .. } => Code::Usage,
            Self::Assets(_) | Self::Render { .. } => Code::Environment,
            _ => Code::Failed,
        }
    }
}

impl Fails for FetchError {
    fn code(&self) -> Code {
        match self {
            Self::Interrupted => Code::Interrupted,
            _ => Code::Environment,
        }
    }
}

impl Fails for FolderError {
    fn code(&self) -> Code {
        match self {
            Self::Io { .. } => Code::Environment,
            Self::OtherEvaluation { .. } | Self::NotResults { .. } => Code::Usage,
            _ => Code::Failed,
        }
    }
}

impl Fails for EvaluationError {
    fn code(&self) -> Code {
        match self {
            Self::Settings(_) | Self::NoExpert(_) => Code::Usage,
            Self::Environment(error) => error.code(),
            Self::Folder(error) => error.code(),
            _ => Code::Failed,
        }
    }
}

impl Fails for PoolError {
    fn code(&self) -> Code {
        match self {
            Self::Environment(error) => error.code(),
            _ => Code::Usage,
        }
    }
}

impl Fails for ParityError {
    fn code(&self) -> Code {
        match self {
            Self::Environment(error) => error.code(),
            _ => Code::Usage,
        }
    }
}

impl Fails for SandboxError {
    fn code(&self) -> Code {
        match self {
            Self::Environment(error) => error.code(),
            _ => Code::Environment,
        }
    }
}

impl Fails for StoreError {
    fn code(&self) -> Code {
        match self.kind() {
            StoreErrorKind::Invalid => Code::Usage,
            StoreErrorKind::Conflict | StoreErrorKind::NotFound | StoreErrorKind::Other => {
                Code::Failed
            }
            _ => Code::Environment,
        }
    }
}

impl Fails for ExecutorError {
    fn code(&self) -> Code {
        match self {
            Self::Url(_) | Self::Settings(_) | Self::Key => Code::Usage,
            Self::Spool(SpoolError::ExecutorId(_)) => Code::Usage,
            Self::Spool(SpoolError::InUse { .. }) => Code::Failed,
            Self::Sandbox(error) => error.code(),
            Self::Spool(_) | Self::Client(_) => Code::Environment,
            _ => Code::Failed,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Sandbox(SandboxError::Environment(error)) => error.to_string(),
            error => error.to_string(),
        }
    }
}

impl Fails for SettingsError {
    fn code(&self) -> Code {
        Code::Usage
    }
}

impl Fails for SchedulerError {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Chain(error) => error.code(),
            _ => Code::Failed,
        }
    }
}

impl Fails for SeedProofError {
    fn code(&self) -> Code {
        match self {
            Self::NotASecret => Code::Usage,
            _ => Code::Failed,
        }
    }
}

impl Fails for UpError {
    fn code(&self) -> Code {
        match self {
            Self::Settings(error) => error.code(),
            Self::Scheduler(error) => error.code(),
            _ => Code::Environment,
        }
    }
}

impl Fails for ValidatorError {
    fn code(&self) -> Code {
        match self {
            Self::Chain(error) => error.code(),
            Self::Ledger(_) => Code::Environment,
            _ => Code::Failed,
        }
    }
}

impl Fails for ChainError {
    fn code(&self) -> Code {
        match self.kind() {
            ChainErrorKind::Connection | ChainErrorKind::Timeout => Code::Environment,
            ChainErrorKind::WrongChain
            | ChainErrorKind::UnknownSubnet
            | ChainErrorKind::Invalid => Code::Usage,
            _ => Code::Failed,
        }
    }
}

impl Fails for BackendKeyError {
    fn code(&self) -> Code {
        match self {
            Self::Chain(error) => error.code(),
            _ => Code::Failed,
        }
    }
}

impl Fails for TooLong {
    fn code(&self) -> Code {
        Code::Usage
    }
}

impl Fails for KeypairError {
    fn code(&self) -> Code {
        Code::Environment
    }
}

impl Fails for WalletError {
    fn code(&self) -> Code {
        use wallet::KeyFileError;
        match self {
            Self::InvalidName { .. } | Self::Exists(_) => Code::Usage,
            Self::KeyFile {
                source: KeyFileError::NoPassword(_) | KeyFileError::Memory, ..
            } => Code::Environment,
            Self::KeyFile { .. } => Code::Failed,
            _ => Code::Environment,
        }
    }
}

impl Fails for LocalChainError {
    fn code(&self) -> Code {
        match self {
            Self::Listen { .. } => Code::Environment,
            Self::Netuid(_) => Code::Usage,
            _ => Code::Failed,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Listen { source, .. } => format!("{self}: {source}"),
            error => error.to_string(),
        }
    }
}

impl Fails for RemoteError {
    fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } => Code::Environment,
            Self::NotLocal { .. } => Code::Usage,
            _ => Code::Failed,
        }
    }
}

impl Fails for KeyError {
    fn code(&self) -> Code {
        Code::Environment
    }
}

impl Fails for CryptoError {
    fn code(&self) -> Code {
        Code::Failed
    }
}

impl Fails for KeyFileError {
    fn code(&self) -> Code {
        match self {
            Self::Exists(_) | Self::InvalidName(_) => Code::Usage,
            Self::Io { .. } | Self::NoDirectory => Code::Environment,
            _ => Code::Failed,
        }
    }
}

impl Fails for WeightingError {
    fn code(&self) -> Code {
        Code::Usage
    }
}

impl Fails for ScoringError {
    fn code(&self) -> Code {
        match self {
            Self::Count(_) => Code::Failed,
            _ => Code::Usage,
        }
    }
}
