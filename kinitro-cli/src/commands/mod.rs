//! What the commands do: one file a command.

mod api;
mod bench;
mod chain;
mod chain_local;
mod crypto;
mod db;
mod demo;
mod env;
mod eval;
mod executor;
mod miner;
mod scheduler;
mod score;
mod up;
mod validate;
mod wallet;

use crate::args::{
    Arguments, BenchCommand, ChainCommand, Command, CryptoCommand, DbCommand, EnvCommand,
    MinerCommand, WalletCommand,
};
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
        Command::Wallet(WalletCommand::List(arguments)) => wallet::list(&arguments),
        Command::Wallet(WalletCommand::Show(arguments)) => wallet::show(&arguments),
        Command::Wallet(WalletCommand::NewHotkey(arguments)) => wallet::new_hotkey(&arguments),
        Command::Crypto(CryptoCommand::PublishPublicKey(arguments)) => {
            crypto::publish_public_key(&arguments)
        }
        Command::Crypto(CryptoCommand::FetchPublicKey(arguments)) => {
            crypto::fetch_public_key(&arguments)
        }
        Command::Chain(ChainCommand::Info(arguments)) => chain::info(&arguments),
        Command::Chain(ChainCommand::Neurons(arguments)) => chain::neurons(&arguments),
        Command::Chain(ChainCommand::Commitments(arguments)) => chain::commitments(&arguments),
        Command::Chain(ChainCommand::Weights(arguments)) => chain::weights(&arguments),
        Command::Chain(ChainCommand::SetWeights(arguments)) => chain::set_weights(&arguments),
        Command::Chain(ChainCommand::Local(arguments)) => chain_local::local(&arguments),
        Command::Chain(ChainCommand::Status(arguments)) => chain_local::status(&arguments),
        Command::Chain(ChainCommand::Register(arguments)) => chain_local::register(&arguments),
        Command::Chain(ChainCommand::SetPermit(arguments)) => chain_local::set_permit(&arguments),
        Command::Chain(ChainCommand::SetStake(arguments)) => chain_local::set_stake(&arguments),
        Command::Chain(ChainCommand::SetHyperparameter(arguments)) => {
            chain_local::set_hyperparameter(&arguments)
        }
        Command::Chain(ChainCommand::Advance(arguments)) => chain_local::advance(&arguments),
        Command::Miner(MinerCommand::Commit(arguments)) => miner::commit(&arguments),
        Command::Miner(MinerCommand::ShowCommitment(arguments)) => {
            miner::show_commitment(&arguments)
        }
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Api(arguments) => api::run(&arguments),
        Command::Db(DbCommand::Create(arguments)) => db::create(&arguments),
        Command::Db(DbCommand::Init(arguments)) => db::init(&arguments),
        Command::Db(DbCommand::Status(arguments)) => db::status(&arguments),
        Command::Db(DbCommand::Prune(arguments)) => db::prune(&arguments),
        Command::Db(DbCommand::Reset(arguments)) => db::reset(&arguments),
        Command::Scheduler(arguments) => scheduler::run(&arguments),
        Command::Up(arguments) => up::run(&arguments),
        Command::VerifySeeds(arguments) => scheduler::verify_seeds(&arguments),
        Command::Executor(arguments) => executor::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
    }
}
