use std::time::Duration;

use clap::{ArgAction, Args};

use crate::output::log::{LogFormat, LogLevel};

/// Serves the REST API for validators, executors and people. The key that executors must show is
/// read from `KINITRO_API_API_KEY`.
#[derive(Debug, Args)]
pub(crate) struct ApiArguments {
    /// The address to listen on
    #[arg(long, env = "KINITRO_API_HOST", default_value = "0.0.0.0")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one
    #[arg(long, env = "KINITRO_API_PORT", default_value_t = 8000)]
    pub(crate) port: u16,
    /// The database: `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH` [default:
    /// $KINITRO_DATABASE_URL, or the file kinitro/kinitro.db in $XDG_DATA_HOME, ~/.local/share]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(long, value_name = "URL", env = "KINITRO_API_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Let everybody fetch and submit tasks. For development
    #[arg(long)]
    pub(crate) no_auth: bool,
    /// Seconds after which a task is taken back whose executor is not heard of
    #[arg(
        long,
        value_name = "SECONDS",
        env = "KINITRO_API_TASK_STALE_THRESHOLD_SECONDS",
        default_value = "300",
        value_parser = parse_threshold
    )]
    pub(crate) task_stale_threshold: Duration,
    /// Requests a second that a client without the key may send; 0 for any number
    #[arg(long, value_name = "REQUESTS", env = "KINITRO_API_RATE_LIMIT", default_value_t = 50)]
    pub(crate) rate_limit: u32,
    /// Take the last address in X-Forwarded-For for the client's. Only behind a proxy that nobody
    /// gets past
    #[arg(long, env = "KINITRO_API_TRUST_PROXY", action = ArgAction::SetTrue)]
    pub(crate) trust_proxy: bool,
    /// What to log: debug, info, warning or error
    #[arg(long, env = "KINITRO_API_LOG_LEVEL", default_value = "info", ignore_case = true)]
    pub(crate) log_level: LogLevel,
    /// How to log
    #[arg(long, env = "KINITRO_API_LOG_FORMAT", default_value = "text", ignore_case = true)]
    pub(crate) log_format: LogFormat,
}

fn parse_threshold(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let sensible = duration.filter(|d| (1..=24 * 3600).contains(&d.as_secs()));
    sensible.ok_or_else(|| "it must be a number of seconds from 1 to 86400".to_owned())
}
