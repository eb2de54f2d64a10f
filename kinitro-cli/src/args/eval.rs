use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::PicturesArgument;

/// Evaluate a policy.
///
/// Runs episodes and reports the success rate in each environment with a 95 % confidence interval.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// The policy: the URL of a policy server, or the built-in `random`, `zero` or `expert`
    #[arg(long, value_name = "URL|NAME")]
    pub(crate) policy: String,
    /// Environments, separated by commas: names, groups or globs, such as `metaworld/MT10`,
    /// `metaworld/p*` or `metaworld/{push,reach}-v3`. The groups are MT10, MT50, ML45-test and core
    #[arg(long, value_name = "ENV,...", required = true)]
    pub(crate) env: Vec<String>,
    /// Episodes in each environment
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) episodes: u32,
    /// Seed of the first episode in each environment; each further episode adds 1
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Episodes that run at once [default: the number of CPU threads]
    #[arg(long, value_parser = parse_count)]
    pub(crate) workers: Option<usize>,
    /// Steps after which an episode ends [default: the environment's limit, 500 for MetaWorld]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_steps: Option<u32>,
    /// Seconds the policy may take for an action
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = super::parse_seconds)]
    pub(crate) action_timeout: Duration,
    /// Send camera pictures to the policy [default: only if it uses them]
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "no_images")]
    pub(crate) images: bool,
    /// Send no camera pictures to the policy
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "images", conflicts_with = "camera")]
    pub(crate) no_images: bool,
    /// Cameras to send, separated by commas [default: all]
    #[arg(long, value_name = "CAMERA,...", value_delimiter = ',')]
    pub(crate) camera: Vec<String>,
    /// How pictures are drawn
    #[arg(long, value_enum, default_value = "fast")]
    pub(crate) pictures: PicturesArgument,
    /// Record videos: GIFs in the subfolder `videos` of the results
    #[arg(long, value_enum, requires = "out", num_args = 0..=1, default_missing_value = "all")]
    pub(crate) video: Option<VideoArgument>,
    /// Save the results in this folder; if it holds an unfinished run, resume it
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which episodes are recorded.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VideoArgument {
    /// All episodes
    All,
    /// Episodes that do not succeed
    Failures,
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("it must be a number of at least 1".to_owned()),
        Ok(count) => Ok(count),
    }
}
