use std::path::PathBuf;

use clap::Args;

/// Turns success rates into points and weights.
#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// The scores: .json or .csv, or `-` for JSON on standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) options: ScoringArguments,
}

/// Scores a simulated subnet, to see what the rule does.
#[derive(Debug, Args)]
pub(crate) struct TestScoringArguments {
    /// Miners
    #[arg(long, default_value_t = 5)]
    pub(crate) n_miners: u16,
    /// Environments
    #[arg(long, default_value_t = 3)]
    pub(crate) n_envs: usize,
    /// What the subnet grows from
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) options: ScoringArguments,
}

/// The options of the rule. What is not said here is as the file of scores says, else the default.
#[derive(Debug, Args)]
pub(crate) struct ScoringArguments {
    /// Episodes behind each success rate [default: the file's, 50]
    #[arg(long)]
    pub(crate) episodes_per_env: Option<u32>,
    /// Points of a set of environments by its size [default: the file's, linear]
    #[arg(long, value_parser = ["linear", "exponential", "equal"])]
    pub(crate) scheme: Option<String>,
    /// Whether the softmax sees points as they are or as shares of all [default: the file's, raw]
    #[arg(long, value_parser = ["raw", "share"])]
    pub(crate) points: Option<String>,
    /// Temperature of the softmax, above 0 [default: the file's, 1]
    #[arg(long)]
    pub(crate) temperature: Option<f64>,
    /// Steps after which an exact count is given up
    #[arg(long, value_name = "STEPS")]
    pub(crate) work_limit: Option<u64>,
    /// Say why each miner has its points
    #[arg(long)]
    pub(crate) explain: bool,
    /// Print all intermediate results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}
