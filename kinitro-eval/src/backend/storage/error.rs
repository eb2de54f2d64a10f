use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// What went wrong, as far as a caller decides on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The database does not answer: it is down, or the network is.
    Unreachable,
    /// The database does not let this user in.
    Authentication,
    /// The server has no such database, or there is no such file: [`create`](super::create) makes it.
    NoDatabase,
    /// The user, or this process, may not do that.
    Permission,
    /// The disk of the database is full.
    DiskFull,
    /// Another process held the database for too long. Trying again may help.
    Busy,
    /// There are no tables yet: [`init`](super::Administration::init) makes them.
    SchemaMissing,
    /// The tables are those of an older version: [`init`](super::Administration::init) updates them.
    SchemaOld,
    /// The tables are those of a newer version, or were changed by hand.
    SchemaNew,
    /// It contradicts what is stored: a second running cycle, the end of a cycle that is over.
    Conflict,
    /// What was to be changed does not exist.
    NotFound,
    /// What was to be stored, or the URL of the database, makes no sense.
    Invalid,
    /// What is stored makes no sense: the file is damaged, or was changed by hand.
    Corrupt,
    /// The version of the database server is too old: PostgreSQL 13 or later is needed.
    Unsupported,
    /// Anything else.
    Other,
}

/// Why something could not be stored or read. It never contains a password.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: Cow<'static, str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of that kind. Implementations of [`Store`](super::Store) make them.
    pub fn new(kind: StoreErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// The same error with its cause, which must not contain a password.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether trying again in a moment may well succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unreachable | StoreErrorKind::Busy)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
