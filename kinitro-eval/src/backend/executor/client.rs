//! The API, as the executor calls it.

use std::fmt;
use std::time::Duration;

use kinitro_core::EnvId;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{ApiKey, ExecutorError};
use crate::policy::http::{innermost, install_crypto_provider, quote};
use crate::wire::{
    FetchAnswer, FetchRequest, Lease, RenewAnswer, RenewRequest, SubmitAnswer, SubmitRequest,
    TaskResult,
};

/// How long the API may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes: 100 tasks have some 100 KB.
const MAX_ANSWER: usize = 4 << 20;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// It may go better in a moment.
    #[error("{0}")]
    Transient(String),
    /// It will not, whoever makes it.
    #[error("the API refuses with status {status}: {detail}")]
    Refused { status: u16, detail: String },
    /// The API does not take our key.
    #[error("the API does not take the key")]
    Unauthorized,
}

pub(super) struct Api {
    client: Client,
    base: Url,
    authorization: Option<HeaderValue>,
    executor_id: String,
}

impl Api {
    pub(super) fn new(
        url: &str,
        key: Option<&ApiKey>,
        executor_id: String,
    ) -> Result<Self, ExecutorError> {
        let wrong = || ExecutorError::Url(quote(url.as_bytes()));
        let base = Url::parse(url).map_err(|_| wrong())?;
        let is_base = base.query().is_none() && base.fragment().is_none() && base.has_host();
        if !matches!(base.scheme(), "http" | "https") || !is_base {
            return Err(wrong());
        }
        let authorization = match key {
            Some(key) => {
                let value = HeaderValue::from_str(&format!("Bearer {}", key.0));
                let mut value = value.map_err(|_| ExecutorError::Key)?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        install_crypto_provider();
        let client = Client::builder()
            .user_agent(concat!("kinitro/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            // The key must not be sent on to wherever an answer leads.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ExecutorError::Client(innermost(&error)))?;
        Ok(Self { client, base, authorization, executor_id })
    }

    /// Asks for tasks in these environments, `count` at most.
    pub(super) async fn fetch(
        &self,
        count: usize,
        env_ids: &[EnvId],
    ) -> Result<FetchAnswer, CallError> {
        let request = FetchRequest {
            executor_id: self.executor_id.clone(),
            batch_size: u32::try_from(count).unwrap_or(u32::MAX),
            env_ids: Some(env_ids.to_vec()),
        };
        self.post("fetch", &request).await
    }

    /// Makes leases last longer.
    pub(super) async fn renew(&self, leases: Vec<Lease>) -> Result<RenewAnswer, CallError> {
        let request = RenewRequest { executor_id: self.executor_id.clone(), leases };
        self.post("renew", &request).await
    }

    /// Sends results.
    pub(super) async fn submit(&self, results: Vec<TaskResult>) -> Result<SubmitAnswer, CallError> {
        let request = SubmitRequest { executor_id: self.executor_id.clone(), results };
        self.post("submit", &request).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        call: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let in_transport = |error: reqwest::Error| {
            CallError::Transient(format!("the API does not answer: {}", innermost(&error)))
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{}/v1/tasks/{call}", self.base.path().trim_end_matches('/')));
        let body = serde_json::to_vec(body).map_err(|error| {
            CallError::Transient(format!("what is sent to the API is no JSON: {error}"))
        })?;
        let mut request = self.client.post(url).header(CONTENT_TYPE, "application/json").body(body);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send().await.map_err(in_transport)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(in_transport)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                let detail = format!("the API answers with more than {MAX_ANSWER} bytes");
                return Err(CallError::Transient(detail));
            }
            body.extend_from_slice(&chunk);
        }
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| {
                let (reason, body) = (quote(error.to_string().as_bytes()), quote(&body));
                // What stands in between for a moment, a proxy say, answers with pages of its own.
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

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("base", &self.base.as_str()).finish_non_exhaustive()
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
