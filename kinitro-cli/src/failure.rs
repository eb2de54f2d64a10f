//! How commands fail: a message, a hint, an exit code.

use std::fmt;
use std::process::ExitCode;

use kinitro_eval::EvaluationError;
use kinitro_eval::env::metaworld::parity::ParityError;
use kinitro_eval::env::{EnvironmentError, PoolError};
use kinitro_eval::report::FolderError;

use crate::output::to_stderr;

/// What an exit code means. Documented in `docs/CLI.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The job was done and its answer is no, or it could not be finished.
    Failed = 1,
    /// What was asked for makes no sense.
    Usage = 2,
    /// This machine lacks something: files, a driver, space.
    Environment = 3,
    /// Stopped by a signal; what was done is kept.
    Interrupted = 130,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    hint: Option<String>,
    code: Code,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl fmt::Display) -> Self {
        Self { message: message.to_string(), hint: None, code }
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(Code::Usage, message)
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Says what happened and gives the exit code for it.
    pub(crate) fn report(&self) -> ExitCode {
        to_stderr(format_args!("error: {}", self.message));
        if let Some(hint) = &self.hint {
            to_stderr(format_args!("hint: {hint}"));
        }
        ExitCode::from(self.code as u8)
    }
}

impl From<EnvironmentError> for Failure {
    fn from(error: EnvironmentError) -> Self {
        let code = match error {
            EnvironmentError::UnknownEnvironment { .. }
            | EnvironmentError::UnknownCamera { .. } => Code::Usage,
            EnvironmentError::Assets { .. } | EnvironmentError::Render { .. } => Code::Environment,
            _ => Code::Failed,
        };
        let hint = error.hint().map(str::to_owned);
        Self { message: error.to_string(), hint, code }
    }
}

impl From<FolderError> for Failure {
    fn from(error: FolderError) -> Self {
        let code = match error {
            FolderError::Io { .. } => Code::Environment,
            FolderError::OtherEvaluation { .. } | FolderError::NotResults { .. } => Code::Usage,
            _ => Code::Failed,
        };
        Self::new(code, &error).hint(error.hint())
    }
}

impl From<EvaluationError> for Failure {
    fn from(error: EvaluationError) -> Self {
        match error {
            EvaluationError::Settings(_) => Self::usage(error),
            EvaluationError::Environment(error) => error.into(),
            EvaluationError::Folder(error) => error.into(),
            error => Self::new(Code::Failed, error),
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Environment(error) => error.into(),
            error => Self::usage(error),
        }
    }
}

impl From<ParityError> for Failure {
    fn from(error: ParityError) -> Self {
        match error {
            ParityError::Environment(error) => error.into(),
            error => Self::usage(error),
        }
    }
}
