//! The key that executors send to the API.

use std::fmt;

/// The key of an API, sent as `Authorization: Bearer KEY`. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// A key with this text.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// The text of the key. Send it to the API only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(..)")
    }
}
