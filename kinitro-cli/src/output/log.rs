//! The log of a service, on standard error.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, registry};

use crate::args::{LogFormat, LogLevel};

/// Begins to write the log. Other crates than ours are heard from `warn` on only: what they have to
/// say below that is of no use to an operator, and may be of strangers.
pub(crate) fn start(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("kinitro", level)
        .with_target("kinitro_chain", level)
        .with_target("kinitro_core", level)
        .with_target("kinitro_eval", level);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(false).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second service in this process finds the log begun, and writes to it.
    let _ = registry().with(lines.with_filter(filter)).try_init();
}
