//! What the commands do: one file a command.

mod bench;
mod demo;
mod env;
mod eval;

use crate::args::{Arguments, BenchCommand, Command, EnvCommand};
use crate::failure::Failure;

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Env(EnvCommand::List(arguments)) => env::list(&arguments),
        Command::Env(EnvCommand::Fetch(arguments)) => env::fetch(&arguments),
        Command::Env(EnvCommand::Parity(arguments)) => env::parity(&arguments),
        Command::Bench(BenchCommand::Sim(arguments)) => bench::sim(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}
