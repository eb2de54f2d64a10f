use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kinitro_chain::Network;
use kinitro_core::EnvId;
use serde::de::DeserializeOwned;

use crate::output::log::{LogFormat, LogLevel};

/// Where episodes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvalMode {
    /// In this process
    Local,
    /// In containers of Docker; not in this version
    Docker,
    /// In containers of Basilica; not in this version
    Basilica,
}

/// A JSON object from a family of environments to something.
pub(crate) type PerFamily<T> = BTreeMap<String, T>;

/// Names in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names<T>(pub(crate) Vec<T>);

#[derive(Debug, Args)]
pub(crate) struct ExecutorArguments {
    /// Where the API is
    #[arg(
        long,
        value_name = "URL",
        env = "KINITRO_EXECUTOR_API_URL",
        default_value = "http://localhost:8000"
    )]
    pub(crate) api_url: String,
    /// What this executor is called, unlike all others of the same API [default: a random name,
    /// kept in the folder of --spool]
    #[arg(long, value_name = "NAME", env = "KINITRO_EXECUTOR_EXECUTOR_ID")]
    pub(crate) executor_id: Option<String>,
    /// The folder of results that the API has not taken yet [default: kinitro/executor in
    /// $XDG_DATA_HOME, ~/.local/share]
    #[arg(long, value_name = "DIR", env = "KINITRO_EXECUTOR_SPOOL")]
    pub(crate) spool: Option<PathBuf>,
    /// Tasks to ask for at a time; no more are asked for than can begin at once
    #[arg(
        long,
        value_name = "COUNT",
        env = "KINITRO_EXECUTOR_BATCH_SIZE",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    pub(crate) batch_size: u32,
    /// Seconds between questions when there are no tasks
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_EXECUTOR_POLL_INTERVAL_SECONDS",
        default_value = "5",
        value_parser = super::parse_seconds
    )]
    pub(crate) poll_interval: Duration,
    /// Seconds that episodes may go on once the program was told to stop
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_EXECUTOR_DRAIN_TIMEOUT",
        default_value_t = 30
    )]
    pub(crate) drain_timeout: u64,

    /// Run several episodes at once
    #[arg(
        long,
        env = "KINITRO_EXECUTOR_USE_CONCURRENT_EXECUTOR",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) concurrent: bool,
    /// Episodes that run at once in each family, with --concurrent
    #[arg(
        long,
        value_name = "COUNT",
        env = "KINITRO_EXECUTOR_DEFAULT_MAX_CONCURRENT",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) max_concurrent: u32,
    /// Episodes that run at once in some families, as JSON: '{"metaworld": 50}'
    #[arg(
        long,
        value_name = "JSON",
        env = "KINITRO_EXECUTOR_MAX_CONCURRENT_PER_FAMILY",
        value_parser = parse_json::<PerFamily<usize>>
    )]
    pub(crate) max_concurrent_per_family: Option<PerFamily<usize>>,
    /// Families to run, separated by commas [default: all]
    #[arg(
        long,
        value_name = "FAMILY,...",
        env = "KINITRO_EXECUTOR_ENV_FAMILIES",
        value_parser = parse_names::<String>
    )]
    pub(crate) env_families: Option<Names<String>>,
    /// Environments to run, as a JSON list or separated by commas [default: all of the families]
    #[arg(
        long,
        value_name = "ENV,...",
        env = "KINITRO_EXECUTOR_ENV_IDS",
        value_parser = parse_names::<EnvId>
    )]
    pub(crate) env_ids: Option<Names<EnvId>>,

    /// Steps after which an episode is over
    #[arg(
        long,
        value_name = "COUNT",
        env = "KINITRO_EXECUTOR_MAX_TIMESTEPS",
        default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) max_timesteps: u32,
    /// Seconds a policy may take over an action
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_EXECUTOR_ACTION_TIMEOUT",
        default_value = "0.5",
        value_parser = super::parse_seconds
    )]
    pub(crate) action_timeout: Duration,
    /// Seconds an episode may take
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_EXECUTOR_EVAL_TIMEOUT",
        default_value = "300",
        value_parser = super::parse_seconds
    )]
    pub(crate) eval_timeout: Duration,
    /// Show policies the pictures of all cameras
    #[arg(
        long,
        value_name = "BOOL",
        env = "KINITRO_EXECUTOR_USE_IMAGES",
        default_value = "true",
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) use_images: bool,

    /// The network of the miners: on finney their policies must be behind HTTPS
    #[arg(long, env = "KINITRO_EXECUTOR_NETWORK", default_value = "finney")]
    pub(crate) network: Network,
    /// Ask policies at addresses that are not on the public internet too: those of this machine
    /// and its network
    #[arg(
        long,
        env = "KINITRO_EXECUTOR_ALLOW_PRIVATE_ENDPOINTS",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) allow_private_endpoints: bool,

    /// Where episodes run; `docker` is to become the default once there are containers
    #[arg(
        long,
        value_name = "MODE",
        env = "KINITRO_EXECUTOR_EVAL_MODE",
        default_value = "local",
        ignore_case = true
    )]
    pub(crate) eval_mode: EvalMode,
    /// For containers: the image of each family, as JSON
    #[arg(
        long,
        value_name = "JSON",
        env = "KINITRO_EXECUTOR_EVAL_IMAGES",
        value_parser = parse_json::<PerFamily<String>>
    )]
    pub(crate) eval_images: Option<PerFamily<String>>,
    /// For containers: how much memory one may use, as in `8g`
    #[arg(long, value_name = "SIZE", env = "KINITRO_EXECUTOR_EVAL_MEM_LIMIT")]
    pub(crate) eval_mem_limit: Option<String>,
    /// For containers: the hosts they run on, as a JSON list or separated by commas
    #[arg(
        long,
        value_name = "HOST,...",
        env = "KINITRO_EXECUTOR_EVAL_HOSTS",
        value_parser = parse_names::<String>
    )]
    pub(crate) eval_hosts: Option<Names<String>>,

    #[command(flatten)]
    pub(crate) verification: VerificationArguments,

    /// How much is logged
    #[arg(
        long,
        value_name = "LEVEL",
        env = "KINITRO_EXECUTOR_LOG_LEVEL",
        default_value = "info",
        ignore_case = true
    )]
    pub(crate) log_level: LogLevel,
    /// How the log is written
    #[arg(
        long,
        value_name = "FORMAT",
        env = "KINITRO_EXECUTOR_LOG_FORMAT",
        default_value = "text",
        ignore_case = true
    )]
    pub(crate) log_format: LogFormat,
}

/// Whether deployed policies are compared with the committed ones. That is not in this version: the
/// settings are read, and the program does not start where they ask for it.
#[derive(Debug, Args)]
pub(crate) struct VerificationArguments {
    /// Compare deployed policies with the committed ones; not in this version
    #[arg(
        long,
        value_name = "BOOL",
        env = "KINITRO_EXECUTOR_VERIFICATION_ENABLED",
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) verification_enabled: bool,
    /// The share of miners to look at
    #[arg(
        long,
        value_name = "SHARE",
        env = "KINITRO_EXECUTOR_VERIFICATION_RATE",
        default_value = "0.05",
        value_parser = parse_share
    )]
    pub(crate) verification_rate: f64,
    /// How far actions may lie apart
    #[arg(
        long,
        value_name = "DISTANCE",
        env = "KINITRO_EXECUTOR_VERIFICATION_TOLERANCE",
        default_value = "0.001",
        value_parser = parse_positive
    )]
    pub(crate) verification_tolerance: f64,
    /// Observations to compare actions for
    #[arg(
        long,
        value_name = "COUNT",
        env = "KINITRO_EXECUTOR_VERIFICATION_SAMPLES",
        default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) verification_samples: u32,
    /// The largest repository to fetch, in GB
    #[arg(
        long,
        value_name = "GB",
        env = "KINITRO_EXECUTOR_VERIFICATION_MAX_REPO_SIZE_GB",
        default_value = "5.0",
        value_parser = parse_positive
    )]
    pub(crate) verification_max_repo_size_gb: f64,
}

fn parse_json<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("it must be JSON: {error}"))
}

/// A JSON list, or names that are separated by commas.
fn parse_names<T>(text: &str) -> Result<Names<T>, String>
where
    T: DeserializeOwned + std::str::FromStr<Err: std::fmt::Display>,
{
    if text.trim_start().starts_with('[') {
        return parse_json(text).map(Names);
    }
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    let names = names.map(|name| name.parse::<T>().map_err(|error| error.to_string()));
    names.collect::<Result<Vec<T>, String>>().map(Names)
}

fn parse_share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it must be a number from 0 to 1".to_owned())
}

fn parse_positive(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.parse().ok().filter(|n: &f64| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "it must be a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_json_or_separated_by_commas() {
        let ids = |text: &str| {
            parse_names::<EnvId>(text).map(|Names(ids)| ids.iter().map(EnvId::to_string).collect())
        };
        let both: Vec<String> = vec!["a/b-v3".to_owned(), "c/d".to_owned()];
        assert_eq!(ids(r#"["a/b-v3", "c/d"]"#), Ok(both.clone()));
        assert_eq!(ids("a/b-v3, c/d,"), Ok(both));
        for bad in [r#"["a"]"#, "[", "a", r#"{"a": 1}"#] {
            assert!(ids(bad).is_err(), "{bad}");
        }
    }
}
