//! One kept-alive connection to a policy server. The server can neither redirect a request nor make
//! the client use unbounded memory.

use std::sync::Arc;
use std::time::Duration;

use kinitro_core::{PolicyFault, PolicyFaultKind};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION,
};
use reqwest::{Client, Method, Request, Response, StatusCode};

use super::endpoint::Endpoint;
use super::fault::{is_closed_unanswered, of_transport};
use super::reach::Reach;
use crate::http_client::{self, read_up_to};
use crate::policy::start::in_words;
use crate::policy::wire::Format;
use crate::quote::quote;

/// The largest answer to accept, in bytes. An action takes a few hundred.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

/// How much of an error response to read, in bytes: enough to quote from.
const MAX_ERROR: usize = 1024;

/// A request to a server.
pub(super) struct Question {
    pub(super) path: &'static str,
    pub(super) body: Option<Vec<u8>>,
    pub(super) format: Format,
    /// The time limit from connecting to the last byte of the answer; `None` if the caller enforces
    /// one.
    pub(super) limit: Option<Duration>,
}

/// An answer with status 200, not decoded yet.
pub(super) struct Answer {
    /// The format according to `Content-Type`; JSON if the header is missing.
    pub(super) format: Format,
    pub(super) is_html: bool,
    pub(super) body: Vec<u8>,
}

pub(super) struct Connection {
    client: Client,
    /// Whether there has been an answer. The next request then reuses the connection, which the
    /// server may be about to close.
    has_answered: bool,
}

impl Connection {
    /// A connection that the first request opens.
    pub(super) fn new(endpoint: &Endpoint, reach: &Reach) -> Result<Self, PolicyFault> {
        let mut builder = http_client::builder()
            .http1_only()
            .no_proxy()
            .pool_max_idle_per_host(1)
            .referer(false)
            .dns_resolver(Arc::new(reach.clone()))
            .tcp_nodelay(true);
        if !endpoint.is_https() {
            // Reading the machine's certificates takes time, and fails if there are none.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| {
            let reason = quote(format!("{error:?}").as_bytes());
            let detail = format!("the HTTP client of this machine does not start: {reason}");
            PolicyFault::new(PolicyFaultKind::Error, detail)
        })?;
        Ok(Self { client, has_answered: false })
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn ask(
        &mut self,
        endpoint: &Endpoint,
        question: Question,
    ) -> Result<Answer, PolicyFault> {
        let Question { path, limit, .. } = question;
        let request = request(endpoint, question);
        let exchange = self.exchange(endpoint, path, request);
        let Some(limit) = limit else { return exchange.await };
        match tokio::time::timeout(limit, exchange).await {
            Ok(result) => result,
            Err(_) => {
                let detail = format!("no answer to {path} within {}", in_words(limit));
                Err(PolicyFault::new(PolicyFaultKind::Timeout, detail))
            }
        }
    }

    async fn exchange(
        &mut self,
        endpoint: &Endpoint,
        path: &str,
        request: Request,
    ) -> Result<Answer, PolicyFault> {
        let in_transport = |error| of_transport(&error, &endpoint.authority(), path);

        let second = if self.has_answered { request.try_clone() } else { None };
        let response = match (self.client.execute(request).await, second) {
            (Err(error), Some(second)) if is_closed_unanswered(&error) => {
                self.client.execute(second).await.map_err(in_transport)?
            }
            (result, _) => result.map_err(in_transport)?,
        };
        self.has_answered = true;
        read(response, path, in_transport).await
    }
}

fn request(endpoint: &Endpoint, question: Question) -> Request {
    let method = if question.body.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::new(method, endpoint.join(question.path));
    let media_type = reqwest::header::HeaderValue::from_static(question.format.media_type());
    let identity = reqwest::header::HeaderValue::from_static("identity");
    request.headers_mut().insert(ACCEPT_ENCODING, identity);
    request.headers_mut().insert(ACCEPT, media_type.clone());
    if let Some(body) = question.body {
        request.headers_mut().insert(CONTENT_TYPE, media_type);
        *request.body_mut() = Some(body.into());
    }
    request
}

/// Reads an answer if its status and headers are acceptable.
async fn read(
    mut response: Response,
    path: &str,
    in_transport: impl Fn(reqwest::Error) -> PolicyFault,
) -> Result<Answer, PolicyFault> {
    let status = response.status();
    if status.is_redirection() {
        let target = header(response.headers(), &LOCATION);
        return Err(bad_answer(format_args!(
            "answered {path} with status {}, a redirect to `{}`; redirects are not followed: give \
             the address that answers itself",
            status.as_u16(),
            quote(target.as_bytes()),
        )));
    }
    let encoding = header(response.headers(), &CONTENT_ENCODING);
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity") {
        return Err(bad_answer(format_args!(
            "answered {path} with a body in the encoding `{}`, though none was asked for: send it \
             uncompressed",
            quote(encoding.as_bytes()),
        )));
    }
    if status != StatusCode::OK {
        let (body, _) = read_up_to(MAX_ERROR, &mut response).await.map_err(in_transport)?;
        let status = status.as_u16();
        return Err(bad_answer(format_args!(
            "answered {path} with status {status}: {}",
            quote(&body)
        )));
    }
    let is_announced_too_long =
        response.content_length().is_some_and(|length| length > MAX_ANSWER as u64);
    let (body, is_whole) = if is_announced_too_long {
        (Vec::new(), false)
    } else {
        read_up_to(MAX_ANSWER, &mut response).await.map_err(in_transport)?
    };
    if !is_whole {
        let limit = MAX_ANSWER / 1024;
        return Err(bad_answer(format_args!("answered {path} with more than {limit} KiB")));
    }
    let content_type = header(response.headers(), &CONTENT_TYPE);
    let is_html = content_type.to_ascii_lowercase().starts_with("text/html")
        || body.trim_ascii_start().starts_with(b"<");
    let format = Format::from_content_type(&content_type).unwrap_or(Format::Json);
    Ok(Answer { format, is_html, body })
}

/// The text of a header; empty if it is missing.
fn header(headers: &HeaderMap, name: &HeaderName) -> String {
    let value = headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    value.map(|text| text.trim().to_owned()).unwrap_or_default()
}

pub(super) fn bad_answer(detail: impl std::fmt::Display) -> PolicyFault {
    PolicyFault::new(PolicyFaultKind::BadAnswer, detail)
}
