//! Words and tables. Data goes to standard output, everything else to standard error.

pub(crate) mod log;
pub(crate) mod progress;
pub(crate) mod table;

use std::fmt;
use std::io::{self, Write};

use serde::Serialize;

use crate::failure::{Code, Failure};

/// A line of data. A reader that has seen enough (`| head`) is no failure.
pub(crate) fn to_stdout(line: impl fmt::Display) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
            Code::Environment,
            format_args!("standard output cannot be written to: {error}"),
        )),
        _ => Ok(()),
    }
}

/// A line for the person at the keyboard.
pub(crate) fn to_stderr(line: impl fmt::Display) {
    // Nowhere is left to say that nothing can be said.
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// An object as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    match serde_json::to_string_pretty(value) {
        Ok(text) => to_stdout(text),
        Err(error) => Err(Failure::new(Code::Failed, error)),
    }
}
