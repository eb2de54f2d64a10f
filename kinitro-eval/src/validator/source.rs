//! The weights that the API of a backend publishes.

use std::collections::BTreeMap;
use std::time::SystemTime;

use kinitro_chain::weights::WeightVector;
use kinitro_core::scoring::ChainWeights;
use kinitro_core::{BlockNumber, Hotkey, MinerUid};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use crate::api_client::{ApiClient, NotAnApi, Unanswered};
use crate::quote::quote;

/// Why the backend gave no weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// Not an HTTP URL, or one with a query or a fragment.
    #[error("`{0}` is not the URL of a backend: write it as in `https://backend.example`")]
    Url(String),
    /// It cannot be reached, or does not answer.
    #[error("the backend does not answer: {0}")]
    Unreachable(String),
    /// It answers with an error.
    #[error("the backend answers with status {status}: {detail}")]
    Status {
        /// The HTTP status.
        status: u16,
        /// The beginning of its answer.
        detail: String,
    },
    /// Its answer does not contain weights.
    #[error("the backend's answer cannot be understood: {0}")]
    Malformed(String),
}

/// The weights that a backend publishes. Only their form has been checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LatestWeights {
    pub(super) block: BlockNumber,
    pub(super) created_at: SystemTime,
    pub(super) shares: BTreeMap<MinerUid, f64>,
    pub(super) integers: Option<WeightVector>,
    /// The hotkeys that were judged, if the backend names them.
    pub(super) hotkeys: BTreeMap<MinerUid, Hotkey>,
}

/// The answer, in both sets of names that backends use (`docs/spec/wire.md`, section 4).
#[derive(Deserialize)]
struct Answer {
    block: Option<BlockNumber>,
    block_number: Option<BlockNumber>,
    created_at: Option<String>,
    timestamp: Option<String>,
    #[serde(default)]
    weights: BTreeMap<MinerUid, f64>,
    weights_u16: Option<ChainWeights>,
    #[serde(default)]
    hotkeys: BTreeMap<MinerUid, Hotkey>,
}

#[derive(Debug)]
pub(super) struct Source(ApiClient);

impl Source {
    pub(super) fn new(backend: &str) -> Result<Self, SourceError> {
        let base = ApiClient::base(backend)
            .map_err(|NotAnApi| SourceError::Url(backend.chars().take(160).collect()))?;
        Ok(Self(ApiClient::new(base).map_err(SourceError::Unreachable)?))
    }

    /// The latest weights, or `None` if there are none yet.
    pub(super) async fn latest(&self) -> Result<Option<LatestWeights>, SourceError> {
        let request = self.0.request(Method::GET, "/v1/weights/latest");
        let (status, body) = ApiClient::send(request).await.map_err(|error| match error {
            Unanswered::Transport(reason) => SourceError::Unreachable(reason),
            Unanswered::TooLong(limit) => {
                SourceError::Malformed(format!("more than {limit} bytes"))
            }
        })?;
        match status {
            StatusCode::OK => parse(&body).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(SourceError::Status { status: status.as_u16(), detail: quote(&body) }),
        }
    }
}

fn parse(body: &[u8]) -> Result<LatestWeights, SourceError> {
    let malformed = |what: String| SourceError::Malformed(what);
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| malformed(error.to_string()))?;
    let time = answer.created_at.or(answer.timestamp);
    let time = time.ok_or_else(|| malformed("it has no `created_at`".to_owned()))?;
    // Older backends leave out the time zone, which is UTC.
    let created_at = humantime::parse_rfc3339_weak(&time)
        .or_else(|_| humantime::parse_rfc3339(&time.replace("+00:00", "Z")));
    let created_at =
        created_at.map_err(|_| malformed(format!("`created_at` is {time:?}, which is no time")))?;
    let block = answer.block.or(answer.block_number);
    let block = block.ok_or_else(|| malformed("it has no `block`".to_owned()))?;
    let integers = answer.weights_u16.map(WeightVector::try_from).transpose();
    let integers = integers.map_err(|error| malformed(format!("`weights_u16`: {error}")))?;
    let shares = answer.weights;
    if shares.is_empty() && integers.is_none() {
        return Err(malformed("it has neither `weights` nor `weights_u16`".to_owned()));
    }
    Ok(LatestWeights { block, created_at, shares, integers, hotkeys: answer.hotkeys })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sets_of_names_are_read() {
        let guide = br#"{"block": 12300, "weights": {"0": 0.4, "5": 0.6},
            "created_at": "2024-01-15T10:30:00Z"}"#;
        let other = br#"{"block_number": 12300, "weights": {"0": 0.4, "5": 0.6},
            "timestamp": "2024-01-15T10:30:00", "cycle_id": 3}"#;
        let read = parse(guide).unwrap();
        assert_eq!(read, parse(other).unwrap());
        assert_eq!(read.block, BlockNumber(12300));
        assert_eq!(read.shares[&MinerUid(5)], 0.6);
        let ours = br#"{"block": 12300, "block_number": 12300, "weights": {"0": 0.4, "5": 0.6},
            "timestamp": "2024-01-15T10:30:00.000Z", "created_at": "2024-01-15T10:30:00.000Z"}"#;
        assert_eq!(read, parse(ours).unwrap());
        let python = br#"{"block": 1, "weights": {"0": 1.0},
            "created_at": "2024-01-15T10:30:00.123456+00:00"}"#;
        assert!(parse(python).is_ok());
    }

    #[test]
    fn what_is_missing_is_named() {
        let missing = |body: &str| parse(body.as_bytes()).unwrap_err().to_string();
        assert!(missing("{}").contains("created_at"));
        assert!(missing(r#"{"created_at": "yesterday", "block": 1}"#).contains("no time"));
        let time = r#""created_at": "2024-01-15T10:30:00Z""#;
        assert!(missing(&format!("{{{time}}}")).contains("`block`"));
        assert!(missing(&format!("{{{time}, \"block\": 1}}")).contains("neither"));
        let uneven = r#""weights_u16": {"uids": [1, 2], "values": [3]}"#;
        assert!(missing(&format!("{{{time}, \"block\": 1, {uneven}}}")).contains("as many"));
        assert!(missing("<html>").contains("cannot be understood"));
    }

    #[test]
    fn a_backend_has_a_url() {
        for url in ["", "backend", "ftp://backend", "http://backend/?a=1"] {
            assert!(matches!(Source::new(url), Err(SourceError::Url(_))), "{url}");
        }
    }
}
