//! What the commands do: one file a command.

mod api;
mod bench;
mod crypto;
mod db;
mod demo;
mod env;
mod eval;
mod score;

use crate::args::{Arguments, BenchCommand, Command, CryptoCommand, DbCommand, EnvCommand};
use crate::failure::Failure;

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Env(EnvCommand::List(arguments)) => env::list(&arguments),
        Command::Env(EnvCommand::Fetch(arguments)) => env::fetch(&arguments),
        Command::Env(EnvCommand::Parity(arguments)) => env::parity(&arguments),
        Command::Bench(BenchCommand::Sim(arguments)) => bench::sim(&arguments),
        Command::Bench(BenchCommand::Store(arguments)) => bench::store(&arguments),
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
        Command::Api(arguments) => api::run(&arguments),
        Command::Db(DbCommand::Create(arguments)) => db::create(&arguments),
        Command::Db(DbCommand::Init(arguments)) => db::init(&arguments),
        Command::Db(DbCommand::Status(arguments)) => db::status(&arguments),
        Command::Db(DbCommand::Reset(arguments)) => db::reset(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}
