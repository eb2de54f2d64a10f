use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kinitro_chain::Network;
use kinitro_core::{EnvId, NetUid};

use crate::output::log::{LogFormat, LogLevel};
use crate::variables;

/// Which episodes share a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeedModeName {
    /// Every miner gets the same seeds in an environment
    Paired,
    /// Every episode has its own seed
    PerTask,
}

/// How points enter the softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PointsName {
    /// As they are
    Raw,
    /// As shares of all points
    Share,
}

/// How many points a set of environments is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemeName {
    /// As many points as environments in the set
    Linear,
    /// Twice as many points for each additional environment
    Exponential,
    /// One point
    Equal,
}

/// Run a backend's evaluation cycles.
///
/// Reads the commitments on a subnet, queues jobs, waits until executors have run them, and stores
/// scores and weights.
///
/// Only one scheduler works on a database at a time; others wait. It can be stopped at any moment:
/// the next one resumes the same cycle with the same jobs. The private key that opens sealed
/// endpoints can also be given in KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY, as 64 hex characters.
#[derive(Debug, Args)]
pub(crate) struct SchedulerArguments {
    /// The database: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH` [default:
    /// $KINITRO_DATABASE_URL, else kinitro/kinitro.db in $XDG_DATA_HOME or ~/.local/share]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(
        long,
        value_name = "URL",
        env = variables::KINITRO_SCHEDULER_DATABASE_URL.name,
        hide_env_values = true
    )]
    pub(crate) database_url: Option<String>,
    /// The network: finney, test, local, or the ws:// or wss:// URL of a node
    #[arg(long, env = variables::KINITRO_SCHEDULER_NETWORK.name, default_value = "finney")]
    pub(crate) network: Network,
    /// The subnet's netuid
    #[arg(long, env = variables::KINITRO_SCHEDULER_NETUID.name, default_value_t = NetUid(1), value_parser = super::netuid())]
    pub(crate) netuid: NetUid,
    /// Seconds to wait for each answer of the chain
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_SCHEDULER_CHAIN_TIMEOUT_SECONDS.name,
        default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) timeout: u64,
    /// The file of the private key that opens sealed endpoints, readable by its owner only
    #[arg(long, value_name = "FILE", env = variables::KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY_FILE.name)]
    pub(crate) backend_private_key_file: Option<PathBuf>,

    /// Seconds from the start of one cycle to the start of the next
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_SCHEDULER_EVAL_INTERVAL_SECONDS.name,
        default_value = "3600",
        value_parser = parse_duration
    )]
    pub(crate) eval_interval: Duration,
    /// Episodes of each miner in each environment
    #[arg(
        long,
        value_name = "COUNT",
        env = variables::KINITRO_SCHEDULER_EPISODES_PER_ENV.name,
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) episodes_per_env: u32,
    /// Families to evaluate miners in, separated by commas [default: all]
    #[arg(
        long,
        value_name = "FAMILY,...",
        env = variables::KINITRO_SCHEDULER_ENV_FAMILIES.name,
        value_delimiter = ','
    )]
    pub(crate) env_families: Option<Vec<String>>,
    /// Environments of these families to evaluate miners in; globs are allowed: `metaworld/p*`
    /// [default: all]
    #[arg(long, value_name = "ENV,...", env = variables::KINITRO_SCHEDULER_ENV_IDS.name)]
    pub(crate) env: Vec<String>,
    /// Seconds after which a cycle ends with the results it has
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_SCHEDULER_CYCLE_TIMEOUT_SECONDS.name,
        default_value = "7200",
        value_parser = parse_duration
    )]
    pub(crate) cycle_timeout: Duration,
    /// The share of episodes, above 0 and up to 1, that every miner must have completed in each
    /// environment; otherwise the cycle fails
    #[arg(
        long,
        value_name = "SHARE",
        env = variables::KINITRO_SCHEDULER_MIN_COVERAGE.name,
        default_value_t = 0.8
    )]
    pub(crate) min_coverage: f64,
    /// Which episodes share a seed
    #[arg(
        long,
        value_name = "MODE",
        env = variables::KINITRO_SCHEDULER_SEED_MODE.name,
        default_value = "paired",
        ignore_case = true
    )]
    pub(crate) seed_mode: SeedModeName,
    /// Seconds between searches for jobs whose lease has expired, in case no API does it
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_SCHEDULER_TASK_STALE_THRESHOLD_SECONDS.name,
        default_value = "900",
        value_parser = parse_duration
    )]
    pub(crate) task_stale_threshold: Duration,

    /// Temperature of the softmax over points, above 0
    #[arg(
        long,
        value_name = "TEMPERATURE",
        env = variables::KINITRO_SCHEDULER_PARETO_TEMPERATURE.name,
        default_value_t = 1.0,
        value_parser = parse_temperature
    )]
    pub(crate) pareto_temperature: f64,
    /// How points enter the softmax
    #[arg(
        long,
        value_name = "SCALE",
        env = variables::KINITRO_SCHEDULER_POINTS.name,
        default_value = "raw",
        ignore_case = true
    )]
    pub(crate) points: PointsName,
    /// How many points a set of environments is worth
    #[arg(
        long,
        value_name = "SCHEME",
        env = variables::KINITRO_SCHEDULER_SCHEME.name,
        default_value = "linear",
        ignore_case = true
    )]
    pub(crate) scheme: SchemeName,

    /// Seconds between checks of the cycle's progress
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_SCHEDULER_POLL_INTERVAL_SECONDS.name,
        default_value = "5",
        value_parser = parse_duration
    )]
    pub(crate) poll_interval: Duration,
    /// Run one cycle at once and exit, with code 0 if it produced weights
    #[arg(long)]
    pub(crate) once: bool,
    /// The least serious messages to log: debug, info, warning or error
    #[arg(long, env = variables::KINITRO_SCHEDULER_LOG_LEVEL.name, default_value = "info", ignore_case = true)]
    pub(crate) log_level: LogLevel,
    /// The format of the log
    #[arg(long, env = variables::KINITRO_SCHEDULER_LOG_FORMAT.name, default_value = "text", ignore_case = true)]
    pub(crate) log_format: LogFormat,
}

/// Check the seeds of a finished cycle.
///
/// Checks that the secret published after the cycle matches the hash published at its start, and
/// prints the seeds derived from it, to compare with those a policy was given.
#[derive(Debug, Args)]
pub(crate) struct VerifySeedsArguments {
    /// The hash published at the start, `seed_commitment`: 64 hex characters
    #[arg(long, value_name = "HEX")]
    pub(crate) commitment: String,
    /// The secret published at the end, `seed_secret`: 64 hex characters
    #[arg(long, value_name = "HEX")]
    pub(crate) secret: String,
    /// Environments to print the seeds of, separated by commas
    #[arg(long, value_name = "ENV,...", value_delimiter = ',')]
    pub(crate) env: Vec<EnvId>,
    /// Episodes in each environment
    #[arg(long, default_value_t = 50)]
    pub(crate) episodes: u32,
    /// Print JSON
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
