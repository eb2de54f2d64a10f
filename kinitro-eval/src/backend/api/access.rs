//! Who may fetch and submit tasks.

use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Who may fetch and submit tasks.
#[derive(Debug, Clone)]
pub enum Access {
    /// Those who have the key.
    Key(ApiKey),
    /// Everybody. For development.
    Open,
}

/// A key that is no protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is made of at least 8 visible ASCII characters")]
pub struct WeakKey;

/// A key, of which only the digest is kept.
#[derive(Clone)]
pub struct ApiKey {
    digest: [u8; 32],
}

impl ApiKey {
    /// The key of that text.
    ///
    /// # Errors
    /// [`WeakKey`] when it is shorter than 8 characters or cannot be sent in a header.
    pub fn new(key: &str) -> Result<Self, WeakKey> {
        if key.len() < 8 || !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(WeakKey);
        }
        Ok(Self { digest: Sha256::digest(key).0 })
    }

    /// Takes as long whatever the key is: digests of one length are compared, all of their bytes.
    fn is(&self, key: &str) -> bool {
        Sha256::digest(key).0.ct_eq(&self.digest).into()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

impl Access {
    /// Whether a request with these headers may fetch and submit.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        match self {
            Self::Open => true,
            Self::Key(key) => bearer(headers).is_some_and(|sent| key.is(sent)),
        }
    }

    /// Whether a request shows the key, and so is somebody's who need not be kept in bounds.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        matches!(self, Self::Key(_)) && self.admits(headers)
    }
}

/// `Authorization: Bearer KEY`; the scheme in any case, as RFC 9110 says.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens() {
        let access = Access::Key(ApiKey::new("correct-horse").unwrap());
        let headers = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert!(access.admits(&headers("Bearer correct-horse")));
        assert!(access.admits(&headers("bearer  correct-horse")));
        for bad in
            ["", "Bearer", "Bearer ", "Bearer correct-hors", "Basic correct-horse", "correct-horse"]
        {
            assert!(!access.admits(&headers(bad)), "{bad}");
        }
        assert!(!access.admits(&HeaderMap::new()));
        assert!(Access::Open.admits(&HeaderMap::new()) && !Access::Open.knows(&HeaderMap::new()));
        assert_eq!(format!("{access:?}"), "Key(ApiKey)");
    }

    #[test]
    fn weak_keys_are_refused() {
        for bad in ["", "short", "with space in it", "schlüssel-lang-genug"] {
            assert!(ApiKey::new(bad).is_err(), "{bad}");
        }
    }
}
