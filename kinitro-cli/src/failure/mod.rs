//! How commands fail: a message, a hint, an exit code.

mod codes;

use std::fmt;
use std::process::ExitCode;

pub(crate) use codes::{Code, Fails};

use crate::output::to_stderr;

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
    fn report(&self) -> ExitCode {
        to_stderr(format_args!("error: {}", self.message));
        if let Some(hint) = &self.hint {
            to_stderr(format_args!("hint: {hint}"));
        }
        ExitCode::from(self.code as u8)
    }
}

/// The exit code of the program. A failure says what happened first.
pub(crate) fn exit_code(done: Result<(), Failure>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

impl<E: Fails> From<E> for Failure {
    fn from(error: E) -> Self {
        let hint = error.hint().map(|hint| hint.into_owned());
        Self { message: error.message(), hint, code: error.code() }
    }
}
