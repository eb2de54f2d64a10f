//! The address of a policy server.

use std::fmt;

use reqwest::Url;

use super::reach::{OutOfReach, Reach};
use crate::quote::quote;

/// Why a text cannot be used as the address of a policy server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpPolicyError {
    /// The text is not a URL.
    #[error("`{url}` is not a URL ({reason}): write it as in `http://localhost:8000`")]
    Malformed {
        /// The given text, without user name and password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The scheme is neither `http` nor `https`.
    #[error("`{0}` must begin with `http://` or `https://`")]
    Scheme(String),
    /// The URL has a query or a fragment, so no path can be appended.
    #[error("`{0}` must end with its path: remove everything from the `?` or `#` on")]
    NotABase(String),
    /// The URL is not HTTPS where only HTTPS is allowed.
    #[error("`{0}` must begin with `https://`")]
    NotHttps(String),
    /// The address is not allowed for a stranger's policy.
    #[error("`{url}` cannot be asked: {reason}")]
    OutOfReach {
        /// The given text, without user name and password.
        url: String,
        /// The address and why it is not allowed.
        reason: String,
    },
}

/// The address of a policy server: the URL that `/health`, `/reset` and `/act` are appended to.
#[derive(Clone)]
pub(super) struct Endpoint {
    base: Url,
}

impl Endpoint {
    pub(super) fn new(text: &str) -> Result<Self, HttpPolicyError> {
        let text = text.trim();
        let has_scheme = |scheme| {
            let start = text.get(..str::len(scheme));
            start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        // Checked on the text, because `localhost:8000` is a valid URL too, with the scheme
        // `localhost`.
        if !has_scheme("http://") && !has_scheme("https://") {
            return Err(HttpPolicyError::Scheme(without_secrets(text)));
        }
        let mut base = Url::parse(text).map_err(|error| HttpPolicyError::Malformed {
            url: without_secrets(text),
            reason: error.to_string(),
        })?;
        if base.query().is_some() || base.fragment().is_some() {
            return Err(HttpPolicyError::NotABase(without_secrets(text)));
        }
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok(Self { base })
    }

    /// Fails if the URL contains an address that is not allowed. A name is checked when it is
    /// resolved.
    pub(super) fn check(&self, reach: &Reach) -> Result<(), HttpPolicyError> {
        if reach.is_https_only() && !self.is_https() {
            return Err(HttpPolicyError::NotHttps(self.to_string()));
        }
        // URL parsing has already normalised all numeric notations to an address.
        let address = match self.base.host() {
            Some(url::Host::Ipv4(address)) => address.into(),
            Some(url::Host::Ipv6(address)) => address.into(),
            _ => return Ok(()),
        };
        reach.check(address).map_err(|refused: OutOfReach| HttpPolicyError::OutOfReach {
            url: self.to_string(),
            reason: refused.to_string(),
        })
    }

    pub(super) fn is_https(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// The URL of `/health`, `/reset` or `/act`.
    pub(super) fn join(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    /// Host and port, for messages about the connection.
    pub(super) fn authority(&self) -> String {
        let host = self.base.host_str().unwrap_or_default();
        match self.base.port_or_known_default() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

/// The URL as given, without user name, password and trailing slash.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = &self.base;
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path().trim_end_matches('/'))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// The part of an invalid URL that is safe to show in a message: whatever precedes an `@` may be a
/// password.
fn without_secrets(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("...@{}", quote(rest.as_bytes())),
        None => quote(text.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_added_to_the_base() {
        for (text, act, shown) in [
            ("http://host", "http://host/act", "http://host"),
            ("http://host:8000/", "http://host:8000/act", "http://host:8000"),
            ("http://h:8000/miner1", "http://h:8000/miner1/act", "http://h:8000/miner1"),
            ("HTTPS://h/a/b//", "https://h/a/b/act", "https://h/a/b"),
            ("http://[::1]:9", "http://[::1]:9/act", "http://[::1]:9"),
            ("http://u:secret@h:1/", "http://u:secret@h:1/act", "http://h:1"),
        ] {
            let endpoint = Endpoint::new(text).unwrap();
            assert_eq!(endpoint.join("/act").as_str(), act);
            assert_eq!(endpoint.to_string(), shown);
            assert!(!format!("{endpoint:?}").contains("secret"));
        }
        assert_eq!(Endpoint::new("https://h").unwrap().authority(), "h:443");
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        for (text, expected) in [
            ("", "must begin with"),
            ("localhost:8000", "`localhost:8000` must begin with `http://`"),
            ("ftp://host", "must begin with"),
            ("http://", "is not a URL"),
            ("http://host:99999", "invalid port"),
            ("http://host/?a=1", "remove everything from the `?`"),
            ("http://host/#top", "remove everything from the `?`"),
            ("http://user:secret@host:port/", "is not a URL"),
            ("ftp://user:secret@host/\u{1b}[2J", "must begin with"),
        ] {
            let message = Endpoint::new(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
            assert!(!message.contains("secret") && !message.contains('\u{1b}'), "{message}");
        }
    }
}
