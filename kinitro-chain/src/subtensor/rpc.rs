//! The connection to a node: JSON-RPC over a WebSocket that reconnects.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kinitro_core::Backoff;
use serde::de::DeserializeOwned;
use subxt::rpcs::client::reconnecting_rpc_client::{self as reconnecting, RpcError};
use tokio::time::{Instant, timeout_at};

use crate::error::{ChainError, ChainErrorKind};

/// The largest accepted answer. Metadata takes 340 KB, a subnet of 256 neurons about 100 KB.
const MAX_RESPONSE_BYTES: u32 = 64 << 20;

/// A connection that reconnects by itself, with a time limit on each call.
pub(super) struct Rpc {
    client: reconnecting::RpcClient,
    address: String,
    timeout: Duration,
    calls: Mutex<BTreeMap<&'static str, u64>>,
}

/// Why a call had no answer.
#[derive(Debug)]
pub(super) enum CallError {
    /// The node refused it, with this JSON-RPC error.
    Refused { code: i32, message: String, data: String },
    /// It is not known whether the node has seen it.
    Lost(ChainError),
}

/// The waits between attempts to connect. The first connection gets a single attempt, so that a wrong
/// address is reported at once; a connection that broke is retried for ever.
#[derive(Debug, Clone)]
struct Patience {
    was_connected: Arc<AtomicBool>,
    backoff: Backoff,
}

impl Iterator for Patience {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.was_connected.load(Ordering::Relaxed).then(|| self.backoff.fail())
    }
}

impl Rpc {
    pub(super) async fn connect(address: &str, timeout: Duration) -> Result<Self, ChainError> {
        let was_connected = Arc::new(AtomicBool::new(false));
        let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(10));
        let patience = Patience { was_connected: was_connected.clone(), backoff };
        let build = reconnecting::RpcClient::builder()
            .retry_policy(patience)
            .request_timeout(timeout)
            .connection_timeout(timeout)
            .max_response_size(MAX_RESPONSE_BYTES)
            .build(address);
        let client = match tokio::time::timeout(timeout, build).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => {
                let message = format!("cannot connect to {address}: {}", cause(&error));
                return Err(ChainError::from_source(ChainErrorKind::Connection, message, error));
            }
            Err(_) => {
                let message = format!("{address} does not answer within {}", Seconds(timeout));
                return Err(ChainError::new(ChainErrorKind::Timeout, message));
            }
        };
        was_connected.store(true, Ordering::Relaxed);
        Ok(Self { client, address: address.to_owned(), timeout, calls: Mutex::default() })
    }

    /// How many calls have been made, by method.
    pub(super) fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls a method that only reads. If the connection breaks, the call is repeated on the next one,
    /// within the time limit.
    pub(super) async fn read<R: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: serde_json::Value,
    ) -> Result<R, ChainError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            match self.call(method, &parameters, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(CallError::Refused { message, data, .. }) => {
                    let message = format!("{method}: the node says: {}", excerpt(&message, &data));
                    return Err(ChainError::new(ChainErrorKind::Protocol, message));
                }
                Err(CallError::Lost(error)) => {
                    let broke = *error.kind() == ChainErrorKind::Connection;
                    if !broke || Instant::now() >= deadline {
                        return Err(error);
                    }
                    // A node that drops every call at once should not be asked in a tight loop.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// Calls a method exactly once.
    pub(super) async fn call_once<R: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: serde_json::Value,
    ) -> Result<R, CallError> {
        self.call(method, &parameters, Instant::now() + self.timeout).await
    }

    async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        parameters: &serde_json::Value,
        deadline: Instant,
    ) -> Result<R, CallError> {
        let parameters = serde_json::value::to_raw_value(parameters)
            .map_err(|error| CallError::Lost(self.protocol(method, error)))?;
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(method).or_default() += 1;
        let request = self.client.request(method.to_owned(), Some(parameters));
        let lost = |kind, what: String| {
            CallError::Lost(ChainError::new(kind, format!("{}: {method}: {what}", self.address)))
        };
        let silent = || format!("no answer within {}", Seconds(self.timeout));
        match timeout_at(deadline, request).await {
            Ok(Ok(answer)) => serde_json::from_str(answer.get())
                .map_err(|error| CallError::Lost(self.protocol(method, error))),
            Ok(Err(reconnecting::Error::RpcError(RpcError::Call(error)))) => {
                Err(CallError::Refused {
                    code: error.code(),
                    message: error.message().to_owned(),
                    data: error.data().map_or_else(String::new, |data| plain(data.get())),
                })
            }
            Ok(Err(reconnecting::Error::RpcError(RpcError::RequestTimeout))) | Err(_) => {
                Err(lost(ChainErrorKind::Timeout, silent()))
            }
            Ok(Err(error)) => Err(lost(ChainErrorKind::Connection, cause(&error))),
        }
    }

    fn protocol(&self, method: &str, error: impl fmt::Display) -> ChainError {
        let message = format!("{}: {method}: the answer makes no sense: {error}", self.address);
        ChainError::new(ChainErrorKind::Protocol, message)
    }
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("address", &self.address).finish_non_exhaustive()
    }
}

/// A duration in seconds, without trailing zeros.
struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

/// The innermost error, which says the most.
fn cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    excerpt(&innermost.to_string(), "")
}

/// A JSON string without its quotes; anything else unchanged.
fn plain(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// A node's message, on one line and shortened.
pub(super) fn excerpt(message: &str, data: &str) -> String {
    let text = if data.is_empty() { message.to_owned() } else { format!("{message}: {data}") };
    text.escape_debug().take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_node_fit_on_a_line() {
        let said = excerpt("bad\n\u{1b}[31mnews", &"x".repeat(1000));
        assert!(!said.contains('\n') && !said.contains('\u{1b}') && said.len() < 300, "{said}");
        assert_eq!(plain("\"Custom error: 6\""), "Custom error: 6");
        assert_eq!(plain("{\"a\":1}"), "{\"a\":1}");
    }

    #[test]
    fn the_first_connection_has_one_attempt_and_later_ones_have_many() {
        let was_connected = Arc::new(AtomicBool::new(false));
        let backoff = Backoff::new(Duration::from_secs(4), Duration::from_secs(10));
        let mut patience = Patience { was_connected: was_connected.clone(), backoff };
        assert_eq!(patience.next(), None);
        was_connected.store(true, Ordering::Relaxed);
        let delays: Vec<u64> = patience.take(4).map(|delay| delay.as_secs()).collect();
        assert_eq!(delays, [4, 8, 10, 10]);
    }
}
