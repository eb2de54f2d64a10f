use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kinitro_chain::Network;
use kinitro_core::EnvId;
use serde::de::DeserializeOwned;

use crate::output::log::{LogFormat, LogLevel};
use crate::variables;

/// Where episodes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EvalMode {
    /// In this process
    Local,
    /// In Docker containers; not supported yet
    Docker,
    /// In Basilica containers; not supported yet
    Basilica,
}

/// A JSON object with a value for each family of environments.
pub(crate) type PerFamily<T> = BTreeMap<String, T>;

/// Names in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names<T>(pub(crate) Vec<T>);

#[derive(Debug, Args)]
pub(crate) struct ExecutorArguments {
    /// The URL of the API
    #[arg(
        long,
        value_name = "URL",
        env = variables::KINITRO_EXECUTOR_API_URL.name,
        default_value = "http://localhost:8000"
    )]
    pub(crate) api_url: String,
    /// The executor's name, unique among those of the API [default: a random name, kept in the
    /// --spool folder]
    #[arg(long, value_name = "NAME", env = variables::KINITRO_EXECUTOR_EXECUTOR_ID.name)]
    pub(crate) executor_id: Option<String>,
    /// The folder for results that the API has not accepted yet [default: kinitro/executor in
    /// $XDG_DATA_HOME or ~/.local/share]
    #[arg(long, value_name = "DIR", env = variables::KINITRO_EXECUTOR_SPOOL.name)]
    pub(crate) spool: Option<PathBuf>,
    /// Jobs to fetch at a time, never more than can start at once
    #[arg(
        long,
        value_name = "COUNT",
        env = variables::KINITRO_EXECUTOR_BATCH_SIZE.name,
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=100)
    )]
    pub(crate) batch_size: u32,
    /// Seconds between requests while there are no jobs
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_EXECUTOR_POLL_INTERVAL_SECONDS.name,
        default_value = "5",
        value_parser = super::parse_seconds
    )]
    pub(crate) poll_interval: Duration,
    /// Seconds that running episodes may continue after the program is told to stop
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_EXECUTOR_DRAIN_TIMEOUT.name,
        default_value_t = 30
    )]
    pub(crate) drain_timeout: u64,

    /// Run several episodes at once
    #[arg(
        long,
        env = variables::KINITRO_EXECUTOR_USE_CONCURRENT_EXECUTOR.name,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) concurrent: bool,
    /// Episodes that run at once in each family, with --concurrent
    #[arg(
        long,
        value_name = "COUNT",
        env = variables::KINITRO_EXECUTOR_DEFAULT_MAX_CONCURRENT.name,
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub(crate) max_concurrent: u32,
    /// Episodes that run at once in particular families, as JSON: '{"metaworld": 50}'
    #[arg(
        long,
        value_name = "JSON",
        env = variables::KINITRO_EXECUTOR_MAX_CONCURRENT_PER_FAMILY.name,
        value_parser = parse_json::<PerFamily<usize>>
    )]
    pub(crate) max_concurrent_per_family: Option<PerFamily<usize>>,
    /// Families to run, separated by commas [default: all]
    #[arg(
        long,
        value_name = "FAMILY,...",
        env = variables::KINITRO_EXECUTOR_ENV_FAMILIES.name,
        value_parser = parse_names::<String>
    )]
    pub(crate) env_families: Option<Names<String>>,
    /// Environments to run, as a JSON list or separated by commas [default: all of these families]
    #[arg(
        long,
        value_name = "ENV,...",
        env = variables::KINITRO_EXECUTOR_ENV_IDS.name,
        value_parser = parse_names::<EnvId>
    )]
    pub(crate) env_ids: Option<Names<EnvId>>,

    /// Steps after which an episode ends
    #[arg(
        long,
        value_name = "COUNT",
        env = variables::KINITRO_EXECUTOR_MAX_TIMESTEPS.name,
        default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) max_timesteps: u32,
    /// Seconds a policy may take for an action
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_EXECUTOR_ACTION_TIMEOUT.name,
        default_value = "0.5",
        value_parser = super::parse_seconds
    )]
    pub(crate) action_timeout: Duration,
    /// Seconds an episode may take
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_EXECUTOR_EVAL_TIMEOUT.name,
        default_value = "300",
        value_parser = super::parse_seconds
    )]
    pub(crate) eval_timeout: Duration,
    /// Send the pictures of all cameras to policies
    #[arg(
        long,
        value_name = "BOOL",
        env = variables::KINITRO_EXECUTOR_USE_IMAGES.name,
        default_value = "true",
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) use_images: bool,

    /// The miners' network; on finney their policies must use HTTPS
    #[arg(long, env = variables::KINITRO_EXECUTOR_NETWORK.name, default_value = "finney")]
    pub(crate) network: Network,
    /// Also call policies at private addresses, such as this machine and its local network
    #[arg(
        long,
        env = variables::KINITRO_EXECUTOR_ALLOW_PRIVATE_ENDPOINTS.name,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) allow_private_endpoints: bool,

    /// Where episodes run; only `local` is supported
    #[arg(
        long,
        value_name = "MODE",
        env = variables::KINITRO_EXECUTOR_EVAL_MODE.name,
        hide = true,
        default_value = "local",
        ignore_case = true
    )]
    pub(crate) eval_mode: EvalMode,
    /// Not supported yet: the container image of each family, as JSON
    #[arg(
        long,
        value_name = "JSON",
        env = variables::KINITRO_EXECUTOR_EVAL_IMAGES.name,
        hide = true,
        value_parser = parse_json::<PerFamily<String>>
    )]
    pub(crate) eval_images: Option<PerFamily<String>>,
    /// Not supported yet: the memory limit of a container, such as `8g`
    #[arg(long, value_name = "SIZE", env = variables::KINITRO_EXECUTOR_EVAL_MEM_LIMIT.name,
        hide = true)]
    pub(crate) eval_mem_limit: Option<String>,
    /// Not supported yet: the hosts of the containers, as a JSON list or separated by commas
    #[arg(
        long,
        value_name = "HOST,...",
        env = variables::KINITRO_EXECUTOR_EVAL_HOSTS.name,
        hide = true,
        value_parser = parse_names::<String>
    )]
    pub(crate) eval_hosts: Option<Names<String>>,

    #[command(flatten)]
    pub(crate) verification: VerificationArguments,

    /// The least serious messages to log: debug, info, warning or error
    #[arg(
        long,
        value_name = "LEVEL",
        env = variables::KINITRO_EXECUTOR_LOG_LEVEL.name,
        default_value = "info",
        ignore_case = true
    )]
    pub(crate) log_level: LogLevel,
    /// The format of the log
    #[arg(
        long,
        value_name = "FORMAT",
        env = variables::KINITRO_EXECUTOR_LOG_FORMAT.name,
        default_value = "text",
        ignore_case = true
    )]
    pub(crate) log_format: LogFormat,
}

/// Whether deployed policies are compared with the committed ones. This version cannot do that: the
/// settings are parsed, and the program refuses to start if verification is enabled.
#[derive(Debug, Args)]
pub(crate) struct VerificationArguments {
    /// Not supported yet: compare deployed policies with the committed ones
    #[arg(
        long,
        value_name = "BOOL",
        env = variables::KINITRO_EXECUTOR_VERIFICATION_ENABLED.name,
        hide = true,
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
        action = clap::ArgAction::Set,
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub(crate) verification_enabled: bool,
    /// Not supported yet: the share of miners to verify, from 0 to 1
    #[arg(
        long,
        value_name = "SHARE",
        env = variables::KINITRO_EXECUTOR_VERIFICATION_RATE.name,
        hide = true,
        default_value = "0.05",
        value_parser = parse_share
    )]
    pub(crate) verification_rate: f64,
    /// Not supported yet: how far actions may differ
    #[arg(
        long,
        value_name = "DISTANCE",
        env = variables::KINITRO_EXECUTOR_VERIFICATION_TOLERANCE.name,
        hide = true,
        default_value = "0.001",
        value_parser = parse_positive
    )]
    pub(crate) verification_tolerance: f64,
    /// Not supported yet: observations to compare in each verification
    #[arg(
        long,
        value_name = "COUNT",
        env = variables::KINITRO_EXECUTOR_VERIFICATION_SAMPLES.name,
        hide = true,
        default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) verification_samples: u32,
    /// Not supported yet: the largest repository to download, in GB
    #[arg(
        long,
        value_name = "GB",
        env = variables::KINITRO_EXECUTOR_VERIFICATION_MAX_REPO_SIZE_GB.name,
        hide = true,
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
