//! Reading and writing a miner's commitment.

use std::fmt;
use std::str::FromStr;

use kinitro_core::DeploymentId;
use kinitro_core::crypto::SealVersion;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::data::{CommitmentData, TooLong, TooLongPart};
use super::endpoint::Endpoint;
use super::error::CommitmentError;
use super::field::Field;
use super::parts::{Repository, Revision, begins_like_a_url};

pub(super) fn utf8(bytes: &[u8]) -> Result<&str, CommitmentError> {
    std::str::from_utf8(bytes).map_err(|error| CommitmentError::NotUtf8(error.valid_up_to() + 1))
}

/// A miner's commitment: which policy it runs, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MinerCommitment {
    /// The policy's Hugging Face repository.
    pub repo: Repository,
    /// The revision of the repository.
    pub revision: Revision,
    /// Where the policy runs.
    pub endpoint: Endpoint,
}

/// The JSON form. Values may be of any type at first, so that the error for a wrong type can name the
/// part.
#[derive(Deserialize)]
struct Read {
    m: Option<Value>,
    r: Option<Value>,
    d: Option<Value>,
    e: Option<Value>,
    e2: Option<Value>,
}

#[derive(Serialize)]
struct Written<'a> {
    m: &'a str,
    r: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e2: Option<String>,
}

impl MinerCommitment {
    /// A commitment to that revision of that repository, served at `endpoint`.
    pub fn new(repo: Repository, revision: Revision, endpoint: Endpoint) -> Self {
        Self { repo, revision, endpoint }
    }

    /// Reads the bytes of a commitment, in either form.
    ///
    /// # Errors
    /// [`CommitmentError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CommitmentError> {
        utf8(bytes)?.parse()
    }

    fn from_parts(
        repo: Option<&str>,
        revision: Option<&str>,
        endpoint: impl FnOnce() -> Result<Endpoint, CommitmentError>,
    ) -> Result<Self, CommitmentError> {
        Ok(Self {
            repo: present(Field::Repository, repo)?.parse()?,
            revision: present(Field::Revision, revision)?.parse()?,
            endpoint: endpoint()?,
        })
    }

    fn from_colons(text: &str) -> Result<Self, CommitmentError> {
        let mut parts = text.splitn(3, ':');
        Self::from_parts(parts.next(), parts.next(), || {
            let rest = present(Field::Deployment, parts.next())?;
            // Neither a UUID nor a URL begins like this, and no digit of base85 is a colon.
            match rest.split_once(':') {
                Some((tag, sealed)) if tag == SealVersion::V1.tag() => {
                    read_sealed(SealVersion::V1, sealed)
                }
                Some((tag, sealed)) if tag == SealVersion::V2.tag() => {
                    read_sealed(SealVersion::V2, sealed)
                }
                _ => read_deployment(rest),
            }
        })
    }

    fn from_json(text: &str) -> Result<Self, CommitmentError> {
        let json: Read = serde_json::from_str(text)
            .map_err(|error| CommitmentError::Json(excerpt_of_error(&error)))?;
        let deployment = string(Field::Deployment, json.d.as_ref());
        let sealed = string(Field::Sealed, json.e.as_ref());
        let sealed_2 = string(Field::Sealed, json.e2.as_ref());
        let repo = string(Field::Repository, json.m.as_ref())?;
        let revision = string(Field::Revision, json.r.as_ref())?;
        Self::from_parts(repo, revision, || match (deployment?, sealed?, sealed_2?) {
            (Some(deployment), None, None) => read_deployment(deployment),
            (None, Some(sealed), None) => read_sealed(SealVersion::V1, sealed),
            (None, None, Some(sealed)) => read_sealed(SealVersion::V2, sealed),
            (None, None, None) => Err(CommitmentError::Missing(Field::Deployment)),
            _ => Err(CommitmentError::TwoEndpoints),
        })
    }

    /// The form with colons, which is the one to write. It has the first 8 characters of a commit hash.
    pub fn to_text(&self) -> String {
        self.parts().join(":")
    }

    /// The JSON form. It has the whole revision.
    pub fn to_json(&self) -> String {
        let mut json = Written {
            m: self.repo.as_str(),
            r: self.revision.as_str(),
            d: None,
            e: None,
            e2: None,
        };
        match &self.endpoint {
            Endpoint::Deployment(id) => json.d = Some(id.to_string()),
            Endpoint::Url(url) => json.d = Some(url.to_string()),
            Endpoint::Sealed { version: SealVersion::V1, endpoint } => {
                json.e = Some(endpoint.to_string());
            }
            Endpoint::Sealed { version: SealVersion::V2, endpoint } => {
                json.e2 = Some(endpoint.to_string());
            }
        }
        serde_json::to_string(&json).expect("strings are JSON")
    }

    /// The bytes of the form with colons, for every chain.
    ///
    /// # Errors
    /// [`TooLong`] above 128 bytes, with the part to shorten.
    pub fn data(&self) -> Result<CommitmentData, TooLong> {
        CommitmentData::new(self.to_text()).map_err(|error| self.name_part(error))
    }

    /// The bytes of the form with colons, for chains that accept long commitments.
    ///
    /// # Errors
    /// [`TooLong`] above 512 bytes, with the part to shorten.
    pub fn long_data(&self) -> Result<CommitmentData, TooLong> {
        CommitmentData::long(self.to_text()).map_err(|error| self.name_part(error))
    }

    fn parts(&self) -> Vec<String> {
        let mut parts = vec![self.repo.to_string(), self.revision.short().to_owned()];
        match &self.endpoint {
            Endpoint::Deployment(id) => parts.push(id.to_string()),
            Endpoint::Url(url) => parts.push(url.to_string()),
            Endpoint::Sealed { version, endpoint } => {
                parts.extend([version.tag().to_owned(), endpoint.to_string()]);
            }
        }
        parts
    }

    /// Adds the longest of the parts that can be shortened.
    fn name_part(&self, mut error: TooLong) -> TooLong {
        let mut parts = vec![(Field::Repository, self.repo.as_str().len())];
        if !self.revision.is_commit() {
            parts.push((Field::Revision, self.revision.as_str().len()));
        }
        if let Endpoint::Url(url) = &self.endpoint {
            parts.push((Field::Deployment, url.as_str().len()));
        }
        let longest = parts.into_iter().max_by_key(|(_, length)| *length);
        error.part = longest.map(|(field, length)| {
            let limit = length.saturating_sub(error.length - error.limit);
            TooLongPart { field, length, limit }
        });
        error
    }
}

impl FromStr for MinerCommitment {
    type Err = CommitmentError;

    /// Reads either form.
    fn from_str(text: &str) -> Result<Self, CommitmentError> {
        if text.trim_start().starts_with('{') {
            Self::from_json(text)
        } else {
            Self::from_colons(text)
        }
    }
}

/// The form with colons.
impl fmt::Display for MinerCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// A part that is present and not empty.
fn present(field: Field, part: Option<&str>) -> Result<&str, CommitmentError> {
    part.filter(|part| !part.is_empty()).ok_or(CommitmentError::Missing(field))
}

fn string(field: Field, value: Option<&Value>) -> Result<Option<&str>, CommitmentError> {
    let text = value.map(|value| value.as_str().ok_or(CommitmentError::NotString(field)));
    Ok(text.transpose()?.filter(|text| !text.is_empty()))
}

fn read_deployment(text: &str) -> Result<Endpoint, CommitmentError> {
    if begins_like_a_url(text) {
        return text.parse().map(Endpoint::Url);
    }
    let id = text.parse::<DeploymentId>();
    id.map(Endpoint::Deployment).map_err(|_| CommitmentError::invalid(Field::Deployment, text))
}

fn read_sealed(version: SealVersion, text: &str) -> Result<Endpoint, CommitmentError> {
    Ok(Endpoint::Sealed { version, endpoint: present(Field::Sealed, Some(text))?.parse()? })
}

/// The beginning of serde's message, escaped: it may quote the text.
fn excerpt_of_error(error: &serde_json::Error) -> String {
    error.to_string().chars().take(80).flat_map(char::escape_debug).collect()
}
