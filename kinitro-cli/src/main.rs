//! The `kinitro` program: arguments in, library calls, words out.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod failure;
mod hints;
mod output;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match commands::run(args::Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
