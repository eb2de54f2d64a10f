//! What ctrl-C and TERM do.

use kinitro_eval::CancellationToken;

use crate::failure::Code;
use crate::output::to_stderr;

/// What the first signal is answered with where what is done is kept.
pub(super) const STOPPING: &str = "stopping; once more to stop at once";

/// Returns when the program is asked to end.
pub(super) async fn interrupted() {
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
pub(super) fn stop_when_interrupted(words: Option<&'static str>) -> CancellationToken {
    let stop = CancellationToken::new();
    let signal = stop.clone();
    tokio::spawn(async move {
        interrupted().await;
        if let Some(words) = words {
            to_stderr(words);
        }
        signal.cancel();
        interrupted().await;
        std::process::exit(i32::from(Code::Interrupted as u8));
    });
    stop
}
