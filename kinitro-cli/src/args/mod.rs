//! What can be typed. Only definitions: what happens then is in `commands`.

mod api;
mod crypto;
mod db;
mod env;
mod eval;
#[cfg(test)]
mod reference;
mod score;

use clap::{Parser, Subcommand};

pub(crate) use api::ApiArguments;
pub(crate) use crypto::{
    CryptoCommand, GenerateArguments, OpenArguments, PrivateKeyArguments, SealArguments,
    SealingArguments,
};
pub(crate) use db::{DatabaseArguments, DbCommand, DbResetArguments, DbStatusArguments};
pub(crate) use env::{BenchCommand, EnvCommand, FetchArguments, ListArguments, ParityArguments};
pub(crate) use env::{DemoArguments, SimArguments, StoreArguments};
pub(crate) use eval::EvalArguments;
pub(crate) use score::{ScoreArguments, ScoringArguments, TestScoringArguments};

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
    /// Serve the REST API of a backend.
    Api(ApiArguments),
    /// Look after the database of a backend.
    #[command(subcommand)]
    Db(DbCommand),
    /// Judge three policies in real simulation and compare them.
    Demo(DemoArguments),
}
