use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DatabaseArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum EnvCommand {
    /// List the environments.
    List(ListArguments),
    Show(ShowArguments),
    Check(CheckArguments),
    /// Download the model files of a family.
    Fetch(FetchArguments),
    Parity(ParityArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only these environments; a name, a group or a glob: `metaworld/MT10`, `metaworld/p*`
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
    /// With MetaWorld's own settings, pixel for pixel; about twenty times slower in software
    Exact,
}

/// Describe an environment and draw a picture of it.
///
/// Shows what a policy observes and how it can act.
#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The environment
    #[arg(value_name = "ENV")]
    pub(crate) env: String,
    /// Save a picture of the start of an episode, as a policy would see it
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    /// The camera to draw from [default: the environment's first]
    #[arg(long, requires = "png")]
    pub(crate) camera: Option<String>,
    /// The seed of the episode
    #[arg(long, default_value_t = 0, requires = "png")]
    pub(crate) seed: u64,
    /// How the picture is drawn
    #[arg(long, value_enum, default_value = "fast", requires = "png")]
    pub(crate) pictures: PicturesArgument,
    /// Print the specification as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check that environments work as they must.
///
/// Each seed is run twice, by the scripted expert or, where there is none, with random actions. The
/// check fails if the two runs of a seed differ, if two seeds give the same scenario, or if the
/// expert solves fewer than four in five seeds.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Environments: names, groups or globs, such as `metaworld/MT10` or `metaworld/p*`
    #[arg(value_name = "ENV", required = true)]
    pub(crate) env: Vec<String>,
    /// How many seeds to run in each environment
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) seeds: u32,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArguments {
    /// The family of environments
    #[arg(value_parser = ["metaworld"])]
    pub(crate) family: String,
    /// Download them again even if they are there
    #[arg(long)]
    pub(crate) force: bool,
}

/// Replay recorded episodes and compare them step by step.
///
/// Shows whether this machine computes the same as the one they were recorded on.
#[derive(Debug, Args)]
pub(crate) struct ParityArguments {
    /// A folder of recordings named TASK__KIND_SEED.npz
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Only files whose names match this glob
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Option<String>,
    /// Compare only this many steps of each recording
    #[arg(long)]
    pub(crate) steps: Option<usize>,
    /// How far a number in the state or observation may differ
    #[arg(long, default_value_t = 0.0)]
    pub(crate) tolerance: f64,
    /// Print the reports as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Compare the simulator with bare physics and two threads with one, and time a policy call.
    Sim(SimArguments),
    /// Print the rates of one MetaWorld task, for scripts that compare them with another program.
    Rates(RatesArguments),
    Store(StoreArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RatesArguments {
    /// The name of the MetaWorld task
    #[arg(value_name = "TASK", default_value = "reach-v3")]
    pub(crate) task: String,
}

/// Measure a backend's storage: creating, claiming and completing jobs.
///
/// The database must not hold any cycle yet. If none is named, an SQLite file in the current folder
/// is used and deleted afterwards.
#[derive(Debug, Args)]
pub(crate) struct StoreArguments {
    #[command(flatten)]
    pub(crate) database: DatabaseArguments,
    /// How many executors work at once
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) workers: u32,
    /// How many jobs each executor claims at a time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) batch: u32,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SimArguments {
    /// Rounds of each measurement; the median is reported
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(3..))]
    pub(crate) rounds: u32,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Episodes of each policy in each environment
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) episodes: u32,
    /// Keep the API running afterwards until ctrl-C
    #[arg(long)]
    pub(crate) keep: bool,
    /// The API's port; 0 picks a free one
    #[arg(long, default_value_t = 0)]
    pub(crate) port: u16,
}
