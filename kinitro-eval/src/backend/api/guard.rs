//! What applies to every request: its id, the rate limit of its client, its timeout, its log line.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument as _;

use super::Api;
use super::connections::Peer;
use super::refusal::Refusal;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(super) async fn guard(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    // Unknown paths are arbitrary text: they share one label and are not logged.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("(none)", MatchedPath::as_str);
    let client = client(&request, api.settings.trust_proxy);
    let span =
        tracing::info_span!("request", id = %id.to_str().unwrap_or_default(), %method, route);
    let mut response = async {
        if let Err(refusal) = limit(&api, client, request.headers()) {
            return refusal.into_response();
        }
        let answer = tokio::time::timeout(api.settings.request_timeout, next.run(request)).await;
        answer.unwrap_or_else(|_| {
            let detail = "the request took too long";
            Refusal::new(StatusCode::REQUEST_TIMEOUT, detail).into_response()
        })
    }
    .instrument(span.clone())
    .await;
    let took = started.elapsed();
    let status = response.status().as_u16();
    api.metrics.answered(method.as_str(), route, status, took);
    let ms = took.as_secs_f64() * 1e3;
    let client = client.map(|client| client.to_string());
    span.in_scope(|| match status {
        500.. => tracing::error!(status, ms, client, "answered"),
        _ => tracing::info!(status, ms, client, "answered"),
    });
    response.headers_mut().insert(REQUEST_ID.clone(), id);
    response
}

/// The client's id for the request if it is safe to echo, else a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_fit = |id: &str| {
        (1..=64).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    let given = headers.get(&REQUEST_ID);
    if let Some(id) = given.filter(|id| id.to_str().is_ok_and(is_fit)) {
        return id.clone();
    }
    let random = getrandom::u64().unwrap_or_default();
    HeaderValue::from_str(&format!("{random:016x}")).unwrap_or(HeaderValue::from_static("-"))
}

fn client(request: &Request, trust_proxy: bool) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| address.ip());
    if !trust_proxy {
        return peer;
    }
    // The proxy appends the address that it saw itself.
    let forwarded = request.headers().get_all("x-forwarded-for").iter().next_back();
    let last = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    last.and_then(|address| address.trim().parse().ok()).or(peer)
}

fn limit(api: &Api, client: Option<IpAddr>, headers: &HeaderMap) -> Result<(), Refusal> {
    let (Some(limiter), Some(client)) = (&api.limiter, client) else { return Ok(()) };
    if api.settings.access.knows(headers) {
        return Ok(());
    }
    limiter.take(client, Instant::now()).map_err(|wait| {
        Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests").retry_after(wait)
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn request(forwarded: &[&str]) -> Request {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(Peer("192.0.2.1:1".parse().unwrap()));
        for value in forwarded {
            request.headers_mut().append("x-forwarded-for", value.parse().unwrap());
        }
        request
    }

    #[test]
    fn a_forwarded_address_counts_only_where_the_proxy_is_trusted() {
        let of =
            |forwarded: &[&str], trust| client(&request(forwarded), trust).unwrap().to_string();
        assert_eq!(of(&["198.51.100.7"], false), "192.0.2.1");
        assert_eq!(of(&["198.51.100.7"], true), "198.51.100.7");
        // The client may have forged all but the last address.
        assert_eq!(of(&["203.0.113.9", "203.0.113.8, 198.51.100.7"], true), "198.51.100.7");
        assert_eq!(of(&["nonsense"], true), "192.0.2.1");
        assert_eq!(of(&[], true), "192.0.2.1");
    }

    #[test]
    fn ids_that_could_forge_a_line_of_the_log_are_replaced() {
        let id = |given: &str| {
            let headers = HeaderMap::from_iter([(REQUEST_ID.clone(), given.parse().unwrap())]);
            request_id(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(id("build-7.req_1"), "build-7.req_1");
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert_eq!(id(bad).len(), 16, "{bad}");
        }
        assert_ne!(id(""), id(""));
    }
}
