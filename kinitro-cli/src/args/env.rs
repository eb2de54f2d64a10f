use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DatabaseArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// List the environments.
    List(ListArguments),
    /// Show what an environment is, and what it looks like.
    Show(ShowArguments),
    /// Try whether environments do what they must.
    Check(CheckArguments),
    /// Get the model files of a family.
    Fetch(FetchArguments),
    /// Run recorded episodes again and compare them step by step.
    Parity(ParityArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only these; groups and globs too: `metaworld/MT10`, `metaworld/p*`
    #[arg(value_name = "ENV")]
    pub(crate) pattern: Option<String>,
    /// Print the full specifications as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PicturesArgument {
    /// Without shadows and multisampling
    Fast,
    /// With MetaWorld's own settings, pixel for pixel, and about twenty times as slow in software
    Exact,
}

/// Shows what an environment is: what a policy sees and what it may do.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The environment
    #[arg(value_name = "ENV")]
    pub(crate) env: String,
    /// Draw the beginning of an episode into this file, as a policy would see it
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// The camera of the picture [default: the environment's first]
    #[arg(long, requires = "png")]
    pub(crate) camera: Option<String>,
    /// The seed of the episode in the picture
    #[arg(long, default_value_t = 0, requires = "png")]
    pub(crate) seed: u64,
    /// How the picture is drawn
    #[arg(long, value_enum, default_value = "fast", requires = "png")]
    pub(crate) pictures: PicturesArgument,
    /// Print the specification as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Tries environments. Each seed is run twice, with the scripted expert at the controls or, where
/// there is none, at random. The answer is no where the two runs of a seed differ, where two seeds
/// are the same task, or where the expert solves fewer than four of five seeds.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Environments; groups and globs too: `metaworld/MT10`, `metaworld/p*`
    #[arg(value_name = "ENV", required = true)]
    pub(crate) env: Vec<String>,
    /// How many seeds of each
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: u32,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print what came of it as JSON
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
    /// Plain rates of one task, for scripts that measure something else in turn with them.
    Rates(RatesArguments),
    /// The storage of a backend: tasks made, claimed and answered.
    Store(StoreArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RatesArguments {
    /// The task of MetaWorld
    #[arg(value_name = "TASK", default_value = "reach-v3")]
    pub(crate) task: String,
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
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) episodes: u32,
    /// Leave the API up until ctrl-C, to look at it
    #[arg(long)]
    pub(crate) keep: bool,
    /// The port of the API; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
}
