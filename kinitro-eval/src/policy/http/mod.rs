//! Policies behind HTTP: the client of the protocol that miners' policy servers speak.
//!
//! A policy server answers `GET /health`, `POST /reset` and `POST /act`, in JSON or, if its
//! `/health` says so, in MessagePack. It is not trusted: whatever it sends becomes either an action
//! of finite numbers or a [`PolicyFault`], in bounded memory. The [episode](super::TimeLimits) sets
//! how long it may take.

mod connection;
mod endpoint;
mod fault;
mod reach;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind, TaskConfig};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::connection::{Answer, Connection, Question, bad_answer};
use self::endpoint::Endpoint;
pub use self::endpoint::HttpPolicyError;
pub use self::reach::{Reach, Resolver};
use super::wire::{ActAnswer, ActRequest, DecodeError, Format, ResetRequest};
use super::{EpisodeStart, Policy};
use crate::quote::quote;

/// How long a server may take to answer `/health`.
pub const HEALTH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may take to report which formats it accepts, before the first reset. If it
/// does not answer in time, the client uses JSON.
const ACCEPTS_TIMEOUT: Duration = Duration::from_secs(2);

/// A policy behind a policy server.
///
/// ```
/// use kinitro_eval::policy::Policy;
/// use kinitro_eval::policy::http::HttpPolicy;
///
/// let policy = HttpPolicy::new("http://localhost:8000/")?;
/// assert_eq!(policy.name(), "http://localhost:8000");
/// # Ok::<(), kinitro_eval::policy::http::HttpPolicyError>(())
/// ```
///
/// It keeps one connection open from episode to episode. The connection lives on the tokio runtime
/// it is first used on, so a policy must not outlive that runtime. A clone shares the configuration
/// but opens its own connection, on the runtime it is used on.
///
/// # Limits
/// The [episode's limits](super::TimeLimits) cover everything from connecting to the last byte of
/// the answer. Answers over 64 KiB, redirects and compressed answers are faults; the machine's
/// proxy settings are ignored. After a fault or a timeout the connection is dropped, so that a late
/// answer is never taken for the answer to a later request. A request that was lost because the
/// server closed an idle connection is sent once more.
pub struct HttpPolicy {
    endpoint: Endpoint,
    reach: Reach,
    is_json_only: bool,
    connection: Option<Connection>,
    /// The path of the request that is waiting for its answer.
    asking: Option<&'static str>,
    /// The format to use; `None` until the server has been asked which it accepts.
    format: Option<Format>,
}

/// A server's report about itself. Missing keys are `None` or empty; unknown keys are ignored.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, expecting = "an object")]
#[non_exhaustive]
pub struct Health {
    /// `healthy` when all is well.
    pub status: String,
    /// Whether the policy is ready to act.
    pub model_loaded: Option<bool>,
    /// How long the server has been up, s.
    pub uptime_seconds: Option<f64>,
    /// The media types that it accepts in addition to JSON, which every server accepts.
    pub accepts: Vec<String>,
}

/// The part of the answer to `POST /reset` that the client uses.
#[derive(Deserialize)]
#[serde(expecting = "an object with the key `status`")]
struct ResetAnswer {
    status: Option<String>,
}

impl HttpPolicy {
    /// The policy behind the server at `url`, for instance `http://host:8000` or
    /// `https://host/miner1`. This does not contact the server.
    ///
    /// # Errors
    /// When `url` is not an `http` or `https` URL that paths can be appended to.
    pub fn new(url: &str) -> Result<Self, HttpPolicyError> {
        Ok(Self {
            endpoint: Endpoint::new(url)?,
            reach: Reach::anywhere(),
            is_json_only: false,
            connection: None,
            asking: None,
            format: None,
        })
    }

    /// The same policy, restricted to these addresses. By default, any address is allowed.
    ///
    /// # Errors
    /// When its URL contains an address or a scheme that is not allowed. A name that resolves to
    /// such an address is a fault of kind [`Unreachable`](PolicyFaultKind::Unreachable) in each
    /// episode.
    pub fn with_reach(mut self, reach: Reach) -> Result<Self, HttpPolicyError> {
        self.endpoint.check(&reach)?;
        self.reach = reach;
        self.connection = None;
        Ok(self)
    }

    /// The same policy, using JSON even if the server accepts MessagePack.
    #[must_use]
    pub fn with_json_only(mut self) -> Self {
        self.is_json_only = true;
        self
    }

    /// Queries the server's health, within [`HEALTH_TIMEOUT`].
    ///
    /// # Errors
    /// A fault of kind [`Unreachable`](PolicyFaultKind::Unreachable) when there is no server,
    /// [`Timeout`](PolicyFaultKind::Timeout) or [`BadAnswer`](PolicyFaultKind::BadAnswer).
    pub async fn health(&mut self) -> Result<Health, PolicyFault> {
        self.forget_what_was_given_up();
        let result = self.ask_health(HEALTH_TIMEOUT).await;
        self.drop_connection_after_fault(result)
    }

    async fn ask_health(&mut self, limit: Duration) -> Result<Health, PolicyFault> {
        let (format, limit) = (Format::Json, Some(limit));
        let question = Question { path: "/health", body: None, format, limit };
        let answer = self.ask(question).await?;
        decode(&answer, "/health")?.map_err(|error| misfit("/health", &error))
    }

    async fn ask_reset(&mut self, task: &TaskConfig) -> Result<(), PolicyFault> {
        let format = self.agree_on_format().await;
        let body = encode(format, &ResetRequest { task_config: task })?;
        let question = Question { path: "/reset", body: Some(body), format, limit: None };
        let answer = self.ask(question).await?;
        let decoded: Result<ResetAnswer, _> = decode(&answer, "/reset")?;
        match decoded.map_err(|error| misfit("/reset", &error))?.status {
            Some(status) if status != "ok" => Err(bad_answer(format_args!(
                "answered /reset with the status `{}` instead of `ok`",
                quote(status.as_bytes())
            ))),
            _ => Ok(()),
        }
    }

    async fn ask_act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let format = self.format.unwrap_or(Format::Json);
        let body = encode(format, &ActRequest { obs: observation })?;
        let question = Question { path: "/act", body: Some(body), format, limit: None };
        let answer = self.ask(question).await?;
        let action = match decode(&answer, "/act")? {
            Ok(ActAnswer { action }) => action,
            Err(DecodeError::NotFinite) => {
                return Err(bad_action("the action holds NaN or infinity"));
            }
            Err(error) => {
                let reason = quote(error.to_string().as_bytes());
                let detail = format!("the answer to /act holds no usable action: {reason}");
                return Err(bad_action(detail));
            }
        };
        check_finite(&action)?;
        Ok(action)
    }

    /// The format to use. The server is asked once per connection. A failure means JSON, which
    /// servers without `/health` speak.
    async fn agree_on_format(&mut self) -> Format {
        if let Some(format) = self.format {
            return format;
        }
        let takes_message_pack = !self.is_json_only
            && self.ask_health(ACCEPTS_TIMEOUT).await.is_ok_and(|health| {
                let mut formats = health.accepts.iter().map(|text| Format::from_content_type(text));
                formats.any(|format| format == Some(Format::MessagePack))
            });
        let format = if takes_message_pack { Format::MessagePack } else { Format::Json };
        *self.format.insert(format)
    }

    async fn ask(&mut self, question: Question) -> Result<Answer, PolicyFault> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(Connection::new(&self.endpoint, &self.reach)?),
        };
        self.asking = Some(question.path);
        let answer = connection.ask(&self.endpoint, question).await;
        self.asking = None;
        answer
    }

    /// A late answer may still arrive: drop the connection so that it is not read as the next one.
    fn forget_what_was_given_up(&mut self) {
        if self.asking.take().is_some() {
            self.connection = None;
            self.format = None;
        }
    }

    fn drop_connection_after_fault<T>(
        &mut self,
        result: Result<T, PolicyFault>,
    ) -> Result<T, PolicyFault> {
        if result.is_err() {
            self.connection = None;
            self.format = None;
        }
        result
    }
}

#[async_trait]
impl Policy for HttpPolicy {
    /// The address of the server, without user name and password.
    fn name(&self) -> String {
        self.endpoint.to_string()
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        self.forget_what_was_given_up();
        let result = self.ask_reset(&start.task).await;
        self.drop_connection_after_fault(result)
    }

    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        self.forget_what_was_given_up();
        let result = self.ask_act(observation).await;
        self.drop_connection_after_fault(result)
    }

    fn waiting_for(&self) -> Option<String> {
        self.asking.map(|path| format!("answer to {path}"))
    }
}

impl Clone for HttpPolicy {
    fn clone(&self) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            reach: self.reach.clone(),
            is_json_only: self.is_json_only,
            connection: None,
            asking: None,
            format: None,
        }
    }
}

impl fmt::Debug for HttpPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpPolicy")
            .field("endpoint", &self.endpoint)
            .field("reach", &self.reach)
            .field("is_json_only", &self.is_json_only)
            .finish_non_exhaustive()
    }
}

fn encode(format: Format, body: &impl serde::Serialize) -> Result<Vec<u8>, PolicyFault> {
    format.encode(body).map_err(|error| {
        let detail = format!("the request to the policy cannot be encoded: {error}");
        PolicyFault::new(PolicyFaultKind::Error, detail)
    })
}

/// Decodes an answer. The outer error is for malformed bytes, the inner one for well-formed bytes
/// with unexpected content.
fn decode<T: DeserializeOwned>(
    answer: &Answer,
    path: &str,
) -> Result<Result<T, DecodeError>, PolicyFault> {
    if answer.body.is_empty() {
        return Err(bad_answer(format_args!("answered {path} with an empty body")));
    }
    match answer.format.decode(&answer.body) {
        Err(DecodeError::Malformed(_)) if answer.is_html => Err(bad_answer(format_args!(
            "answered {path} with HTML, as a web site does: check that the address is that of a \
             policy server; it begins {}",
            quote(&answer.body)
        ))),
        Err(DecodeError::Malformed(reason)) => Err(bad_answer(format_args!(
            "answered {path} with something that is not {} ({}): {}",
            answer.format.name(),
            quote(reason.as_bytes()),
            quote(&answer.body)
        ))),
        decoded => Ok(decoded),
    }
}

fn misfit(path: &str, error: &DecodeError) -> PolicyFault {
    let reason = quote(error.to_string().as_bytes());
    bad_answer(format_args!("the answer to {path} is not the protocol's: {reason}"))
}

fn bad_action(detail: impl fmt::Display) -> PolicyFault {
    PolicyFault::new(PolicyFaultKind::BadAction, detail)
}

/// JSON cannot encode NaN, but MessagePack can.
fn check_finite(action: &Action) -> Result<(), PolicyFault> {
    match action.continuous.iter().find(|(_, values)| values.iter().any(|v| !v.is_finite())) {
        Some((channel, _)) => Err(bad_action(format_args!(
            "the action holds NaN or infinity in its channel `{}`",
            quote(channel.as_bytes())
        ))),
        None => Ok(()),
    }
}
