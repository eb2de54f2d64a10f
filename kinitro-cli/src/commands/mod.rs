//! What the commands do: one file a command.

mod bench;
mod crypto;
mod demo;
mod env;
mod eval;
mod score;
mod wallet;

use crate::args::{Arguments, BenchCommand, Command, CryptoCommand, EnvCommand, WalletCommand};
use crate::failure::Failure;

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Env(EnvCommand::List(arguments)) => env::list(&arguments),
        Command::Env(EnvCommand::Fetch(arguments)) => env::fetch(&arguments),
        Command::Env(EnvCommand::Parity(arguments)) => env::parity(&arguments),
        Command::Bench(BenchCommand::Sim(arguments)) => bench::sim(&arguments),
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
        Command::Wallet(WalletCommand::List(arguments)) => wallet::list(&arguments),
        Command::Wallet(WalletCommand::Show(arguments)) => wallet::show(&arguments),
        Command::Wallet(WalletCommand::NewHotkey(arguments)) => wallet::new_hotkey(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}
