use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::PicturesArgument;

/// Judges a policy.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// The policy: the URL of a policy server, or `random`, `zero` or `expert`
    #[arg(long, value_name = "URL|NAME")]
    pub(crate) policy: String,
    /// Environments, separated by commas; groups and globs too: `metaworld/MT10`, `metaworld/p*`,
    /// `metaworld/{push,reach}-v3`. The groups are MT10, MT50, ML45-test and core
    #[arg(long, value_name = "ENV,...", required = true)]
    pub(crate) env: Vec<String>,
    /// Episodes in each environment
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) episodes: u32,
    /// Seed of each environment's first episode; the next episode has the next number
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Episodes that run at once [default: the machine's threads]
    #[arg(long, value_parser = parse_count)]
    pub(crate) workers: Option<usize>,
    /// Steps after which an episode is over [default: the environment's, 500 for MetaWorld]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_steps: Option<u32>,
    /// Seconds the policy may take over an action
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = super::parse_seconds)]
    pub(crate) action_timeout: Duration,
    /// Show the policy pictures [default: if it looks at them]
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "no_images")]
    pub(crate) images: bool,
    /// Show the policy no pictures
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "images", conflicts_with = "camera")]
    pub(crate) no_images: bool,
    /// Cameras, separated by commas [default: all]
    #[arg(long, value_name = "CAMERA,...", value_delimiter = ',')]
    pub(crate) camera: Vec<String>,
    /// How pictures are drawn
    #[arg(long, value_enum, default_value = "fast")]
    pub(crate) pictures: PicturesArgument,
    /// Film episodes: GIFs in the folder `videos` of the results
    #[arg(long, value_enum, requires = "out", num_args = 0..=1, default_missing_value = "all")]
    pub(crate) video: Option<VideoArgument>,
    /// Keep the results in this folder, and go on where an earlier run into it stopped
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which episodes are filmed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum VideoArgument {
    /// Every one
    All,
    /// Those that do not succeed
    Failures,
}

fn parse_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("it must be a number from 1 on".to_owned()),
        Ok(count) => Ok(count),
    }
}
