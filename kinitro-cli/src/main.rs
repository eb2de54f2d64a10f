//! The `kinitro` program: arguments in, library calls, words out.

#![forbid(unsafe_code)]

mod args;
mod backend;
mod chain;
mod commands;
mod database;
mod environments;
mod failure;
mod hints;
mod output;
mod session;
mod variables;

fn main() -> std::process::ExitCode {
    failure::exit_code(commands::run(clap::Parser::parse()))
}
