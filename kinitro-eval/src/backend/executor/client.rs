//! An executor's calls to the API.

use kinitro_core::EnvId;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ExecutorError;
use crate::api_client::{ApiClient, NotAnApi, Unanswered};
use crate::quote::quote;
use crate::wire::{
    ApiKey, FetchAnswer, FetchRequest, Lease, RenewAnswer, RenewRequest, SubmitAnswer,
    SubmitRequest, TaskResult,
};

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// A temporary failure: the call may succeed later.
    #[error("{0}")]
    Transient(String),
    /// The API cannot read the request. Sending it again will not help.
    #[error("the API refuses with status {status}: {detail}")]
    Refused { status: u16, detail: String },
    /// The API does not accept the key.
    #[error("the API does not take the key")]
    Unauthorized,
}

#[derive(Debug)]
pub(super) struct Api {
    client: ApiClient,
    authorization: Option<HeaderValue>,
    executor_id: String,
}

impl Api {
    pub(super) fn new(
        url: &str,
        key: Option<&ApiKey>,
        executor_id: String,
    ) -> Result<Self, ExecutorError> {
        let base =
            ApiClient::base(url).map_err(|NotAnApi| ExecutorError::Url(quote(url.as_bytes())))?;
        let authorization = match key {
            Some(key) => {
                let value = HeaderValue::from_str(&format!("Bearer {}", key.expose()));
                let mut value = value.map_err(|_| ExecutorError::Key)?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let client = ApiClient::new(base).map_err(ExecutorError::Client)?;
        Ok(Self { client, authorization, executor_id })
    }

    /// Asks for up to `count` jobs in these environments.
    pub(super) async fn fetch(
        &self,
        count: usize,
        env_ids: &[EnvId],
    ) -> Result<FetchAnswer, CallError> {
        let request = FetchRequest::new(&self.executor_id)
            .batch_size(u32::try_from(count).unwrap_or(u32::MAX))
            .env_ids(env_ids.iter().cloned());
        self.post("/v1/tasks/fetch", &request).await
    }

    /// Renews leases.
    pub(super) async fn renew(&self, leases: Vec<Lease>) -> Result<RenewAnswer, CallError> {
        self.post("/v1/tasks/renew", &RenewRequest::new(&self.executor_id, leases)).await
    }

    /// Sends results.
    pub(super) async fn submit(&self, results: Vec<TaskResult>) -> Result<SubmitAnswer, CallError> {
        self.post("/v1/tasks/submit", &SubmitRequest::new(&self.executor_id, results)).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let body = serde_json::to_vec(body).map_err(|error| {
            CallError::Transient(format!("what is sent to the API is no JSON: {error}"))
        })?;
        let mut request = self
            .client
            .request(Method::POST, path)
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let (status, body) = ApiClient::send(request).await.map_err(|error| {
            CallError::Transient(match error {
                Unanswered::Transport(reason) => format!("the API does not answer: {reason}"),
                Unanswered::TooLong(limit) => {
                    format!("the API answers with more than {limit} bytes")
                }
            })
        })?;
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| {
                let (reason, body) = (quote(error.to_string().as_bytes()), quote(&body));
                // A proxy in between may temporarily answer with a page of its own.
                CallError::Transient(format!("the API's answer makes no sense ({reason}): {body}"))
            }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(CallError::Unauthorized),
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => {
                Err(CallError::Refused { status: status.as_u16(), detail: quote(&body) })
            }
            status => Err(CallError::Transient(format!(
                "the API answers with status {}: {}",
                status.as_u16(),
                quote(&body)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(url: &str, key: Option<&str>) -> Result<Api, ExecutorError> {
        let key = key.map(ApiKey::new);
        Api::new(url, key.as_ref(), "e".to_owned())
    }

    #[test]
    fn an_api_has_a_url_and_a_key_that_can_be_sent() {
        for url in ["", "localhost:8000", "ftp://api", "http://api/?a=1", "http://api/#a"] {
            assert!(matches!(api(url, None), Err(ExecutorError::Url(_))), "{url}");
        }
        assert!(matches!(api("http://api", Some("a\nb")), Err(ExecutorError::Key)));
    }

    #[test]
    fn the_key_is_shown_nowhere() {
        let key = ApiKey::new("geheim");
        let api = Api::new("http://api", Some(&key), "e".to_owned()).unwrap();
        for shown in [format!("{key:?}"), format!("{api:?}"), format!("{:?}", api.authorization)] {
            assert!(!shown.contains("geheim"), "{shown}");
        }
    }
}
