use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kinitro_chain::Network;
use kinitro_core::{EnvId, NetUid};

use crate::output::log::{LogFormat, LogLevel};

/// Whose tasks share a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeedModeName {
    /// The same episode of an environment has the same seed for every miner
    Paired,
    /// Every task has a seed of its own
    PerTask,
}

/// Whether the softmax sees points as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PointsName {
    /// As they are
    Raw,
    /// As shares of all points
    Share,
}

/// Points of a set of environments by its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemeName {
    /// As many as there are environments in it
    Linear,
    /// Twice as many for each further environment
    Exponential,
    /// One
    Equal,
}

/// Makes evaluation cycles: reads the commitments on a subnet, stores the tasks, waits until
/// executors have run them, and stores scores and weights.
///
/// One scheduler works on a database at a time; a second one waits. It can be ended at any moment:
/// the next one goes on with the same cycle and the same tasks. The private key that opens sealed
/// endpoints can also be given, as 64 hex characters, in KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY.
#[derive(Debug, Args)]
pub(crate) struct SchedulerArguments {
    /// The database: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH` [default:
    /// $KINITRO_DATABASE_URL, or the file kinitro/kinitro.db in $XDG_DATA_HOME, ~/.local/share]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(
        long,
        value_name = "URL",
        env = "KINITRO_SCHEDULER_DATABASE_URL",
        hide_env_values = true
    )]
    pub(crate) database_url: Option<String>,
    /// The chain: finney, test, local, or the ws:// or wss:// address of a node
    #[arg(long, env = "KINITRO_SCHEDULER_NETWORK", default_value = "finney")]
    pub(crate) network: Network,
    /// The subnet
    #[arg(long, env = "KINITRO_SCHEDULER_NETUID", default_value_t = NetUid(1), value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// How long to wait for each answer of the chain, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_SCHEDULER_CHAIN_TIMEOUT_SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) timeout: u64,
    /// The file of the private key that opens sealed endpoints, which nobody but its owner may be
    /// able to read
    #[arg(long, value_name = "FILE", env = "KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY_FILE")]
    pub(crate) backend_private_key_file: Option<PathBuf>,

    /// Seconds from the beginning of a cycle to that of the next
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_SCHEDULER_EVAL_INTERVAL_SECONDS",
        default_value = "3600",
        value_parser = parse_duration
    )]
    pub(crate) eval_interval: Duration,
    /// Episodes of each miner in each environment
    #[arg(
        long,
        value_name = "COUNT",
        env = "KINITRO_SCHEDULER_EPISODES_PER_ENV",
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) episodes_per_env: u32,
    /// Families to judge miners in, separated by commas [default: all]
    #[arg(
        long,
        value_name = "FAMILY,...",
        env = "KINITRO_SCHEDULER_ENV_FAMILIES",
        value_delimiter = ','
    )]
    pub(crate) env_families: Option<Vec<String>>,
    /// Environments of those families to judge miners in; globs too: `metaworld/p*` [default: all]
    #[arg(long, value_name = "ENV,...", env = "KINITRO_SCHEDULER_ENV_IDS")]
    pub(crate) env: Vec<String>,
    /// Seconds after which a cycle ends with what there is
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_SCHEDULER_CYCLE_TIMEOUT_SECONDS",
        default_value = "7200",
        value_parser = parse_duration
    )]
    pub(crate) cycle_timeout: Duration,
    /// The share of its episodes in each environment that each miner must have: with less the
    /// cycle fails
    #[arg(
        long,
        value_name = "SHARE",
        env = "KINITRO_SCHEDULER_MIN_COVERAGE",
        default_value_t = 0.8
    )]
    pub(crate) min_coverage: f64,
    /// Whose tasks share a seed
    #[arg(
        long,
        value_name = "MODE",
        env = "KINITRO_SCHEDULER_SEED_MODE",
        default_value = "paired",
        ignore_case = true
    )]
    pub(crate) seed_mode: SeedModeName,
    /// Seconds between two looks for tasks whose lease ran out, should no API take them back
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_SCHEDULER_TASK_STALE_THRESHOLD_SECONDS",
        default_value = "900",
        value_parser = parse_duration
    )]
    pub(crate) task_stale_threshold: Duration,

    /// Temperature of the softmax over points, above 0
    #[arg(
        long,
        value_name = "TEMPERATURE",
        env = "KINITRO_SCHEDULER_PARETO_TEMPERATURE",
        default_value_t = 1.0,
        value_parser = parse_temperature
    )]
    pub(crate) pareto_temperature: f64,
    /// Whether the softmax sees points as they are
    #[arg(
        long,
        value_name = "SCALE",
        env = "KINITRO_SCHEDULER_POINTS",
        default_value = "raw",
        ignore_case = true
    )]
    pub(crate) points: PointsName,
    /// Points of a set of environments by its size
    #[arg(
        long,
        value_name = "SCHEME",
        env = "KINITRO_SCHEDULER_SCHEME",
        default_value = "linear",
        ignore_case = true
    )]
    pub(crate) scheme: SchemeName,

    /// Seconds between two looks at the state of things
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_SCHEDULER_POLL_INTERVAL_SECONDS",
        default_value = "5",
        value_parser = parse_duration
    )]
    pub(crate) poll_interval: Duration,
    /// See one cycle through, at once, and end: with 0 if it has weights
    #[arg(long)]
    pub(crate) once: bool,
    /// What to log: debug, info, warning or error
    #[arg(long, env = "KINITRO_SCHEDULER_LOG_LEVEL", default_value = "info", ignore_case = true)]
    pub(crate) log_level: LogLevel,
    /// How to log
    #[arg(long, env = "KINITRO_SCHEDULER_LOG_FORMAT", default_value = "text", ignore_case = true)]
    pub(crate) log_format: LogFormat,
}

/// Checks that a secret which was published after a cycle is the one whose hash was published at
/// its start, and prints the seeds that follow from it, to compare with those that a policy met.
#[derive(Debug, Args)]
pub(crate) struct VerifySeedsArguments {
    /// What was published at the start: `seed_commitment`, 64 hex characters
    #[arg(long, value_name = "HEX")]
    pub(crate) commitment: String,
    /// What was published at the end: `seed_secret`, 64 hex characters
    #[arg(long, value_name = "HEX")]
    pub(crate) secret: String,
    /// Environments whose seeds to print, separated by commas
    #[arg(long, value_name = "ENV,...", value_delimiter = ',')]
    pub(crate) env: Vec<EnvId>,
    /// Episodes in each
    #[arg(long, default_value_t = 50)]
    pub(crate) episodes: u32,
    /// Print them as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// From a millisecond to a month.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let longest = Duration::from_secs(31 * 24 * 3600);
    let sensible = duration.filter(|d| (Duration::from_millis(1)..=longest).contains(d));
    sensible.ok_or_else(|| "it must be a number of seconds from 0.001 to 2678400".to_owned())
}

fn parse_temperature(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "it must be a number above 0".to_owned())
}
