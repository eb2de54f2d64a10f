//! What the commands do: one file a command.

mod bench;
mod crypto;
mod demo;
mod env;
mod eval;
mod score;

use kinitro_eval::Registry;
use kinitro_eval::env::metaworld::{MetaWorld, Pictures};

use crate::args::{Arguments, BenchCommand, Command, CryptoCommand, EnvCommand, PicturesArgument};
use crate::failure::Failure;

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Env(EnvCommand::List(arguments)) => env::list(&arguments),
        Command::Env(EnvCommand::Show(arguments)) => env::show(&arguments),
        Command::Env(EnvCommand::Check(arguments)) => env::check(&arguments),
        Command::Env(EnvCommand::Fetch(arguments)) => env::fetch(&arguments),
        Command::Env(EnvCommand::Parity(arguments)) => env::parity(&arguments),
        Command::Bench(BenchCommand::Sim(arguments)) => bench::sim(&arguments),
        Command::Bench(BenchCommand::Rates(arguments)) => bench::rates(&arguments),
        Command::Score(arguments) => score::score(&arguments),
        Command::TestScoring(arguments) => score::test_scoring(&arguments),
        Command::Crypto(CryptoCommand::GenerateKeypair(arguments)) => {
            crypto::generate_keypair(&arguments)
        }
        Command::Crypto(CryptoCommand::ShowPublicKey(arguments)) => {
            crypto::show_public_key(&arguments)
        }
        Command::Crypto(CryptoCommand::TestEncryption(arguments)) => {
            crypto::test_encryption(&arguments)
        }
        Command::Crypto(CryptoCommand::Seal(arguments)) => crypto::seal(&arguments),
        Command::Crypto(CryptoCommand::Open(arguments)) => crypto::open(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}

/// The environments there are, with their pictures drawn as asked for.
fn registry(pictures: PicturesArgument) -> Registry {
    let pictures = match pictures {
        PicturesArgument::Fast => Pictures::Fast,
        PicturesArgument::Exact => Pictures::Exact,
    };
    let mut registry = Registry::builtin();
    registry.register(MetaWorld::default().pictures(pictures));
    registry
}
