//! Turns connection errors into policy faults with readable messages.

use std::error::Error;
use std::io;

use kinitro_core::{PolicyFault, PolicyFaultKind};

use super::reach::OutOfReach;
use crate::http_client::{causes, innermost};

/// Whether a request may have been lost because the server closed the connection before it arrived.
///
/// Such a request gets no byte of an answer, and the policy is not at fault: a server may close an
/// idle connection while the next request is already on its way.
pub(super) fn is_closed_unanswered(error: &reqwest::Error) -> bool {
    !error.is_connect() && causes(error).any(is_broken_connection)
}

/// The fault of the policy at `authority` for a request to `path` that got no answer.
pub(super) fn of_transport(error: &reqwest::Error, authority: &str, path: &str) -> PolicyFault {
    if error.is_connect() {
        let reason = connect_reason(error);
        let detail = format!("cannot connect to {authority}: {reason}");
        return PolicyFault::new(PolicyFaultKind::Unreachable, detail);
    }
    if causes(error).any(is_broken_connection) {
        let detail = format!("{authority} closed the connection before its answer to {path} ended");
        return PolicyFault::new(PolicyFaultKind::Unreachable, detail);
    }
    let detail = format!("the answer to {path} is not HTTP: {}", innermost(error));
    PolicyFault::new(PolicyFaultKind::BadAnswer, detail)
}

fn is_broken_connection(cause: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof,
    };
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    }
    cause.downcast_ref::<io::Error>().is_some_and(|error| {
        let broken =
            [BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut, UnexpectedEof];
        broken.contains(&error.kind())
    })
}

fn connect_reason(error: &reqwest::Error) -> String {
    use io::ErrorKind;

    if let Some(refused) = causes(error).find_map(|cause| cause.downcast_ref::<OutOfReach>()) {
        return refused.to_string();
    }
    // The type of this error is private to hyper-util, so only its text can be matched.
    if causes(error).any(|cause| cause.to_string() == "dns error") {
        return "the name does not resolve".to_owned();
    }
    let io_kind = causes(error).find_map(|cause| cause.downcast_ref::<io::Error>());
    match io_kind.map(io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        Some(ErrorKind::TimedOut) => "the attempt timed out".to_owned(),
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => "no route".to_owned(),
        _ => innermost(error),
    }
}
