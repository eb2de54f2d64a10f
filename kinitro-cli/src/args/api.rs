use std::time::Duration;

use clap::{ArgAction, Args};

use crate::output::log::{LogFormat, LogLevel};
use crate::variables;

/// Serve a backend's REST API.
///
/// Validators, executors and people use it. The key that executors must present is read from
/// KINITRO_API_API_KEY.
#[derive(Debug, Args)]
pub(crate) struct ApiArguments {
    /// The address to listen on
    #[arg(long, env = variables::KINITRO_API_HOST.name, default_value = "0.0.0.0")]
    pub(crate) host: String,
    /// The port to listen on; 0 picks a free one
    #[arg(long, env = variables::KINITRO_API_PORT.name, default_value_t = 8000)]
    pub(crate) port: u16,
    /// The database: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH` [default:
    /// $KINITRO_DATABASE_URL, else kinitro/kinitro.db in $XDG_DATA_HOME or ~/.local/share]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(long, value_name = "URL", env = variables::KINITRO_API_DATABASE_URL.name, hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Let anyone fetch and submit jobs, without a key; for development
    #[arg(long)]
    pub(crate) no_auth: bool,
    /// Seconds without news from an executor after which its jobs are given to others
    #[arg(
        long,
        value_name = "SECONDS",
        env = variables::KINITRO_API_TASK_STALE_THRESHOLD_SECONDS.name,
        default_value = "300",
        value_parser = parse_threshold
    )]
    pub(crate) task_stale_threshold: Duration,
    /// Requests per second allowed from a client without the key; 0 means no limit
    #[arg(long, value_name = "REQUESTS", env = variables::KINITRO_API_RATE_LIMIT.name, default_value_t = 50)]
    pub(crate) rate_limit: u32,
    /// Take the client's address from the last entry of X-Forwarded-For; only safe behind a proxy
    /// that clients cannot bypass
    #[arg(long, env = variables::KINITRO_API_TRUST_PROXY.name, action = ArgAction::SetTrue)]
    pub(crate) trust_proxy: bool,
    /// The least serious messages to log: debug, info, warning or error
    #[arg(long, env = variables::KINITRO_API_LOG_LEVEL.name, default_value = "info", ignore_case = true)]
    pub(crate) log_level: LogLevel,
    /// The format of the log
    #[arg(long, env = variables::KINITRO_API_LOG_FORMAT.name, default_value = "text", ignore_case = true)]
    pub(crate) log_format: LogFormat,
}

fn parse_threshold(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let sensible = duration.filter(|d| (1..=24 * 3600).contains(&d.as_secs()));
    sensible.ok_or_else(|| "it must be a number of seconds from 1 to 86400".to_owned())
}
