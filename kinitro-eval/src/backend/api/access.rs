//! Who may fetch jobs and submit results.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::wire::ApiKey;

/// Who may fetch jobs and submit results.
#[derive(Clone)]
pub struct Access {
    /// The SHA-256 of the key; `None` admits every client.
    key: Option<[u8; 32]>,
}

/// A key that is too weak to protect anything, or that cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is made of at least 8 visible ASCII characters")]
pub struct WeakKey;

impl Access {
    /// Admits clients that send this key. Only its digest is kept.
    ///
    /// # Errors
    /// [`WeakKey`] when the key is shorter than 8 characters or contains anything but visible
    /// ASCII.
    pub fn key(key: &ApiKey) -> Result<Self, WeakKey> {
        let key = key.expose();
        if key.len() < 8 || !key.chars().all(|c| c.is_ascii_graphic()) {
            return Err(WeakKey);
        }
        Ok(Self { key: Some(Sha256::digest(key).0) })
    }

    /// Admits every client. For development.
    pub fn open() -> Self {
        Self { key: None }
    }

    /// Whether every client is admitted.
    pub fn is_open(&self) -> bool {
        self.key.is_none()
    }

    /// Whether a request with these headers may fetch jobs and submit results.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        self.is_open() || self.knows(headers)
    }

    /// Whether a request carries the key, so that its sender needs no rate limit.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let (Some(key), Some(sent)) = (&self.key, bearer(headers)) else { return false };
        // In constant time: digests are of equal length and compared as a whole.
        Sha256::digest(sent).0.ct_eq(key).into()
    }
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_open() { "Access(open)" } else { "Access(key)" })
    }
}

/// The key in `Authorization: Bearer KEY`. The scheme is not case-sensitive (RFC 9110).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens() {
        let access = Access::key(&ApiKey::new("correct-horse")).unwrap();
        let headers = |value: &str| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        assert!(access.admits(&headers("Bearer correct-horse")));
        assert!(access.admits(&headers("bearer  correct-horse")));
        for bad in
            ["", "Bearer", "Bearer ", "Bearer correct-hors", "Basic correct-horse", "correct-horse"]
        {
            assert!(!access.admits(&headers(bad)), "{bad}");
        }
        assert!(!access.admits(&HeaderMap::new()));
        assert!(
            Access::open().admits(&HeaderMap::new()) && !Access::open().knows(&HeaderMap::new())
        );
        assert_eq!(format!("{access:?}"), "Access(key)");
    }

    #[test]
    fn weak_keys_are_refused() {
        for bad in ["", "short", "with space in it", "schlüssel-lang-genug"] {
            assert!(Access::key(&ApiKey::new(bad)).is_err(), "{bad}");
        }
    }
}
