use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DatabaseArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// List the environments.
    List(ListArguments),
    /// Get the model files of a family.
    Fetch(FetchArguments),
    /// Run recorded episodes again and compare them step by step.
    Parity(ParityArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only these; globs too: `metaworld/p*`
    #[arg(value_name = "ENV")]
    pub(crate) pattern: Option<String>,
    /// Print the full specifications as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    /// The family
    #[arg(value_parser = ["metaworld"])]
    pub(crate) family: String,
    /// Get them anew even if they are there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Runs recorded episodes again and compares them step by step: does this machine judge as the
/// one did that they were recorded on?
#[derive(Debug, Args)]
pub(crate) struct ParityArguments {
    /// A folder of recordings, named TASK__KIND_SEED.npz
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Only files whose name matches
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
    /// Compare only so many steps of each
    #[arg(long)]
    pub(crate) steps: Option<usize>,
    /// How far a number of state or observation may be off
    #[arg(long, default_value_t = 0.0)]
    pub(crate) tolerance: f64,
    /// Print the reports as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// The simulator against the bare physics, two threads against one, and the way to a policy.
    Sim(SimArguments),
    /// The storage of a backend: tasks made, claimed and answered.
    Store(StoreArguments),
}

/// Measures a database, in which there must be no cycle yet. Without a name it is an SQLite file that
/// is made for it and deleted afterwards, in the current folder.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// Executors that work at once
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) workers: u32,
    /// Tasks that each takes at a time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) batch: u32,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimArguments {
    /// Rounds of each measurement; the median is given
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..))]
    pub(crate) rounds: u32,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Episodes for each policy in each environment
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) episodes: u32,
}
