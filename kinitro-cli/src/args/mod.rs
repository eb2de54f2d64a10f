//! What can be typed. Only definitions: what happens then is in `commands`.

mod api;
mod chain;
mod chain_local;
mod crypto;
mod db;
mod env;
mod eval;
mod executor;
mod miner;
#[cfg(test)]
mod reference;
mod scheduler;
mod score;
mod up;
mod validate;
mod wallet;

use std::time::Duration;

use clap::builder::TypedValueParser;
use clap::{Parser, Subcommand};
use kinitro_core::NetUid;

pub(crate) use api::ApiArguments;
pub(crate) use chain::{
    ChainCommand, ChainInfoArguments, FetchKeyArguments, NetworkArguments, PublishKeyArguments,
    SetWeightsArguments, SubnetArguments, WeightsArguments,
};
pub(crate) use chain_local::{
    AdvanceArguments, ChainStatusArguments, LocalChainArguments, LocalNetworkArguments,
    RegisterArguments, SetHyperparameterArguments, SetPermitArguments, SetStakeArguments,
};
pub(crate) use crypto::{
    CryptoCommand, GenerateArguments, OpenArguments, PrivateKeyArguments, SealArguments,
    SealingArguments,
};
pub(crate) use db::{
    DatabaseArguments, DbCommand, DbPruneArguments, DbResetArguments, DbStatusArguments,
};
pub(crate) use env::{
    BenchCommand, CheckArguments, DemoArguments, EnvCommand, FetchArguments, ListArguments,
    ParityArguments, PicturesArgument, RatesArguments, ShowArguments, SimArguments, StoreArguments,
};
pub(crate) use eval::{EvalArguments, VideoArgument};
pub(crate) use executor::{EvalMode, ExecutorArguments};
pub(crate) use miner::{CommitArguments, MinerCommand, ShowCommitmentArguments};
pub(crate) use scheduler::{
    PointsName, SchedulerArguments, SchemeName, SeedModeName, VerifySeedsArguments,
};
pub(crate) use score::{ScoreArguments, ScoringArguments, TestScoringArguments};
pub(crate) use up::{NamedPolicy, UpArguments};
pub(crate) use validate::ValidateArguments;
pub(crate) use wallet::{
    ListWalletsArguments, NewHotkeyArguments, ShowWalletArguments, WalletArguments, WalletCommand,
    WalletFolderArguments,
};

/// Judges robot policies in simulation.
#[derive(Debug, Parser)]
#[command(name = "kinitro", version, about, long_about = None, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Judge a policy.
    Eval(EvalArguments),
    /// Look at environments and get what they need.
    #[command(subcommand)]
    Env(EnvCommand),
    /// Measure this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Turn success rates into points and weights.
    Score(ScoreArguments),
    /// Score a simulated subnet.
    TestScoring(TestScoringArguments),
    /// Make keys, and seal and open endpoints.
    #[command(subcommand)]
    Crypto(CryptoCommand),
    /// List, check and make keys of Bittensor.
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Look at a chain, set weights, and run a chain of one's own.
    #[command(subcommand)]
    Chain(ChainCommand),
    /// Publish a miner's policy.
    #[command(subcommand)]
    Miner(MinerCommand),
    /// Take the weights of a backend to the chain.
    Validate(ValidateArguments),
    /// Serve the REST API of a backend.
    Api(ApiArguments),
    /// Look after the database of a backend.
    #[command(subcommand)]
    Db(DbCommand),
    /// Make the evaluation cycles of a backend.
    Scheduler(Box<SchedulerArguments>),
    /// Run a whole backend in this process, for a laptop.
    Up(UpArguments),
    /// Check the seeds of a cycle that is over.
    VerifySeeds(VerifySeedsArguments),
    /// Run the tasks of a backend.
    ///
    /// Takes tasks from the API, runs their episodes and sends back the results, until it is
    /// stopped. The first ctrl-C or TERM lets what runs come to its end within a time, gives back
    /// the rest and sends all results; the second ends the program at once. Results that the API
    /// has not taken are kept on the disk, and sent by the next run. The key of the API is read from
    /// KINITRO_EXECUTOR_API_KEY.
    Executor(Box<ExecutorArguments>),
    /// Run a subnet in small: four miners, one cycle in real simulation, and their weights.
    Demo(DemoArguments),
}

/// Reads the number of a subnet, and says which numbers there are.
fn netuid() -> impl TypedValueParser<Value = NetUid> {
    clap::value_parser!(u16).map(NetUid)
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let sensible = duration.filter(|d| !d.is_zero() && *d <= Duration::from_secs(3600));
    sensible.ok_or_else(|| "it must be a number of seconds above 0 and up to 3600".to_owned())
}
