use std::path::PathBuf;

use clap::Args;
use kinitro_core::scoring::ParetoSubsets;
use serde_json::Value;

/// Turn success rates into points and weights.
#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// The file of scores, .json or .csv; `-` reads JSON from standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) options: ScoringArguments,
}

/// Score a simulated subnet.
///
/// Shows how the scoring rule behaves.
#[derive(Debug, Args)]
pub(crate) struct TestScoringArguments {
    /// The number of miners
    #[arg(long, default_value_t = 5)]
    pub(crate) n_miners: u16,
    /// The number of environments
    #[arg(long, default_value_t = 3)]
    pub(crate) n_envs: usize,
    /// The seed of the simulation
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) options: ScoringArguments,
}

/// The scoring rule and its options. An option that is not given is taken from the file of scores,
/// else the default.
#[derive(Debug, Args)]
pub(crate) struct ScoringArguments {
    /// The rule that turns success rates into weights: pareto-subsets or uniform
    #[arg(long, value_name = "NAME", default_value = ParetoSubsets::NAME)]
    pub(crate) method: String,
    /// Options of the rule as a JSON object, such as '{"temperature": 0.5}'
    #[arg(long, value_name = "JSON", value_parser = parse_options)]
    pub(crate) options: Option<Value>,
    /// Episodes behind each success rate [default: the file's value, else 50]
    #[arg(long)]
    pub(crate) episodes_per_env: Option<u32>,
    /// How many points a set of environments is worth [default: the file's value, else linear]
    #[arg(long, value_parser = ["linear", "exponential", "equal"])]
    pub(crate) scheme: Option<String>,
    /// Whether points enter the softmax as they are or as shares of all points [default: the file's
    /// value, else raw]
    #[arg(long, value_parser = ["raw", "share"])]
    pub(crate) points: Option<String>,
    /// Temperature of the softmax, above 0 [default: the file's value, else 1]
    #[arg(long)]
    pub(crate) temperature: Option<f64>,
    /// The number of steps after which exact counting is given up
    #[arg(long, value_name = "STEPS")]
    pub(crate) work_limit: Option<u64>,
    /// Explain each miner's points
    #[arg(long)]
    pub(crate) explain: bool,
    /// Print all intermediate results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_options(text: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if value.is_object() { Ok(value) } else { Err("it must be a JSON object".to_owned()) }
}
