//! The API of a backend, as the executor and the validator call it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};

use crate::http_client;

/// How long the API may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read, in bytes: 100 tasks have some 100 KB, 256 weights some 20 KB.
const MAX_ANSWER: usize = 4 << 20;

/// A text that is not the URL of an API.
#[derive(Debug)]
pub(crate) struct NotAnApi;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unanswered {
    /// The API cannot be reached, or broke off. In words.
    Transport(String),
    /// Its answer is longer than this many bytes.
    TooLong(usize),
}

/// An API at an address.
pub(crate) struct ApiClient {
    client: Client,
    base: Url,
}

impl ApiClient {
    /// The base of all paths of an API: an HTTP URL without query and fragment.
    pub(crate) fn base(url: &str) -> Result<Url, NotAnApi> {
        let base = Url::parse(url).map_err(|_| NotAnApi)?;
        let is_base = base.query().is_none() && base.fragment().is_none() && base.has_host();
        let is_http = matches!(base.scheme(), "http" | "https");
        if is_base && is_http { Ok(base) } else { Err(NotAnApi) }
    }

    /// A client of the API there.
    ///
    /// # Errors
    /// In words, when this machine gives no HTTP client.
    pub(crate) fn new(base: Url) -> Result<Self, String> {
        let client = http_client::builder().timeout(TIMEOUT).build();
        let client = client.map_err(|error| http_client::innermost(&error))?;
        Ok(Self { client, base })
    }

    /// A request for a path, which begins with `/`.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        self.client.request(method, url)
    }

    /// The status and the whole body of the answer.
    pub(crate) async fn send(request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), Unanswered> {
        let broken = |error| Unanswered::Transport(http_client::innermost(&error));
        let mut response = request.send().await.map_err(broken)?;
        let (body, is_whole) =
            http_client::read_up_to(MAX_ANSWER, &mut response).await.map_err(broken)?;
        if !is_whole {
            return Err(Unanswered::TooLong(MAX_ANSWER));
        }
        Ok((response.status(), body))
    }
}

impl std::fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password in the URL is nobody's business.
        f.debug_struct("ApiClient").field("host", &self.base.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_added_to_the_base() {
        for (base, url) in [
            ("http://backend:8000/kinitro/", "http://backend:8000/kinitro/v1/status"),
            ("https://backend", "https://backend/v1/status"),
        ] {
            let client = ApiClient::new(ApiClient::base(base).unwrap()).unwrap();
            let request = client.request(Method::GET, "/v1/status").build().unwrap();
            assert_eq!(request.url().as_str(), url);
        }
    }

    #[test]
    fn a_base_is_an_http_url_without_query_and_fragment() {
        for url in ["", "backend", "localhost:8000", "ftp://api", "http://api/?a=1", "http://a/#a"]
        {
            assert!(ApiClient::base(url).is_err(), "{url}");
        }
        let client = ApiClient::new(ApiClient::base("http://u:secret@api").unwrap()).unwrap();
        assert!(!format!("{client:?}").contains("secret"));
    }
}
