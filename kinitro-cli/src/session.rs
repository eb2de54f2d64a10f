//! What a command runs in: its asynchronous runtime, and what ctrl-C and TERM do to it.

use std::future::Future;

use kinitro_eval::CancellationToken;
use tokio::runtime::{Builder, Runtime};

use crate::failure::{Code, Failure};
use crate::output::to_stderr;

/// What the first signal is answered with where what is done is kept.
pub(crate) const STOPPING: &str = "stopping; once more to stop at once";

/// Returns when the program is asked to end.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the signal ends the program as it always does.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// A switch that the first signal throws, with words of what happens then; the second signal ends the
/// program at once.
pub(crate) fn stop_when_interrupted(words: Option<&'static str>) -> CancellationToken {
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        interrupted().await;
        if let Some(words) = words {
            to_stderr(words);
        }
        signal.cancel();
        interrupted().await;
        end_at_once();
    });
    stop
}

/// Ends the program without waiting for anything.
#[expect(clippy::exit, reason = "it was asked for twice, and threads may be busy for long")]
pub(crate) fn end_at_once() -> ! {
    std::process::exit(i32::from(Code::Interrupted as u8))
}

/// A runtime on this thread, for commands that mostly wait.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    started(Builder::new_current_thread())
}

/// A runtime on as many threads as the machine has, for what serves many at once.
pub(crate) fn parallel_runtime() -> Result<Runtime, Failure> {
    started(Builder::new_multi_thread())
}

fn started(mut builder: Builder) -> Result<Runtime, Failure> {
    builder.enable_all().build().map_err(|error| {
        Failure::new(Code::Environment, format_args!("no runtime can be started: {error}"))
    })
}

/// Runs an operation that may be writing to the chain. On an interruption, the user learns what
/// that means for the write.
pub(crate) fn run<T>(job: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(async {
        tokio::select! {
            result = job => result,
            () = interrupted() => Err(Failure::new(Code::Interrupted, "interrupted")
                .hint("a transaction that was sent already may still get into a block")),
        }
    })
}
