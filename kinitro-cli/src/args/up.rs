use std::time::Duration;

use clap::Args;

use super::scheduler::parse_duration;
use crate::output::log::{LogFormat, LogLevel};

/// A policy that takes part, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedPolicy {
    pub(crate) name: String,
    pub(crate) url: String,
}

/// Run a whole backend in one process.
///
/// Runs the API, the scheduler and an executor, with SQLite and an in-memory chain on which the
/// given policies are the miners. They commit in the order given; of two equally good policies, the
/// first one wins.
#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// A policy server that takes part, such as `mine=http://127.0.0.1:8001`; repeat for each
    #[arg(long = "policy", value_name = "NAME=URL", required = true, value_parser = parse_policy)]
    pub(crate) policies: Vec<NamedPolicy>,
    /// Environments, separated by commas; globs are allowed: `metaworld/p*` [default: all]
    #[arg(long, value_name = "ENV,...")]
    pub(crate) env: Vec<String>,
    /// Episodes of each policy in each environment
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=100_000)
    )]
    pub(crate) episodes_per_env: u32,
    /// Seconds from the start of one cycle to the start of the next
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = parse_duration)]
    pub(crate) eval_interval: Duration,
    /// Seconds after which a cycle ends with the results it has
    #[arg(long, value_name = "SECONDS", default_value = "7200", value_parser = parse_duration)]
    pub(crate) cycle_timeout: Duration,
    /// Episodes that run at once [default: the number of CPU threads]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) max_concurrent: Option<u16>,
    /// Steps after which an episode ends
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(1..)
    )]
    pub(crate) max_timesteps: u32,
    /// Send the pictures of all cameras to policies
    #[arg(long)]
    pub(crate) images: bool,
    /// The address the API listens on
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port the API listens on; 0 picks a free one
    #[arg(long, default_value_t = 8000)]
    pub(crate) port: u16,
    /// The database, such as `sqlite:PATH` [default: a temporary one]
    // Not parsed here: what does not parse would be repeated, password and all.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Run one cycle, print its tables and exit
    #[arg(long)]
    pub(crate) once: bool,
    /// The least serious messages to log: debug, info, warning or error
    #[arg(long, default_value = "info", ignore_case = true)]
    pub(crate) log_level: LogLevel,
    /// The format of the log
    #[arg(long, default_value = "text", ignore_case = true)]
    pub(crate) log_format: LogFormat,
}

fn parse_policy(text: &str) -> Result<NamedPolicy, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match text.split_once('=') {
        Some((name, url))
            if (1..=32).contains(&name.len())
                && name.chars().all(allowed)
                && (url.starts_with("http://") || url.starts_with("https://")) =>
        {
            Ok(NamedPolicy { name: name.to_owned(), url: url.to_owned() })
        }
        _ => Err("it must be a name of letters, digits and `_`, and a URL, as in \
                  `mine=http://127.0.0.1:8001`"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_has_a_name_and_a_url() {
        let policy = parse_policy("mine=http://127.0.0.1:8001/a=b").unwrap();
        assert_eq!((&*policy.name, &*policy.url), ("mine", "http://127.0.0.1:8001/a=b"));
        for bad in ["", "mine", "mine=", "=http://h", "a b=http://h", "mine=ftp://h", "http://h"] {
            assert!(parse_policy(bad).is_err(), "{bad}");
        }
    }
}
