//! The command-line arguments. Only definitions: what they do is in `commands`.

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

/// Evaluates robot policies in simulation.
#[derive(Debug, Parser)]
#[command(name = "kinitro", version, about, long_about = None, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Eval(EvalArguments),
    /// List, check and set up environments.
    #[command(subcommand)]
    Env(EnvCommand),
    /// Benchmark this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
    Score(ScoreArguments),
    TestScoring(TestScoringArguments),
    /// Generate keys, and seal and open endpoints.
    #[command(subcommand)]
    Crypto(CryptoCommand),
    /// List, check and create Bittensor keys.
    #[command(subcommand)]
    Wallet(WalletCommand),
    /// Inspect a chain, set weights, or run a local chain.
    #[command(subcommand)]
    Chain(ChainCommand),
    /// Publish a miner's policy.
    #[command(subcommand)]
    Miner(MinerCommand),
    Validate(ValidateArguments),
    Api(ApiArguments),
    /// Manage a backend's database.
    #[command(subcommand)]
    Db(DbCommand),
    Scheduler(Box<SchedulerArguments>),
    Up(UpArguments),
    VerifySeeds(VerifySeedsArguments),
    /// Run a backend's jobs.
    ///
    /// Fetches jobs from the API, runs their episodes and submits the results until it is stopped.
    /// On the first ctrl-C or SIGTERM, running episodes have a limited time to finish, the other
    /// jobs are returned and all results are sent; the second ends the program at once. Results
    /// that the API has not accepted are kept on disk and sent by the next run. The API key is read
    /// from KINITRO_EXECUTOR_API_KEY.
    Executor(Box<ExecutorArguments>),
    /// Run a miniature subnet: four miners, one cycle in real simulation, and its weights.
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
