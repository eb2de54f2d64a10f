use std::borrow::Cow;
use std::error::Error;
use std::fmt;

/// What kind of thing went wrong, where a caller decides on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The database does not answer: it is down, or the network is.
    Unreachable,
    /// It does not let this user in.
    Authentication,
    /// The server is there, the database on it is not; or there is no such file.
    NoDatabase,
    /// The user, or this process, may not do that.
    Permission,
    /// The disk of the database is full.
    DiskFull,
    /// Somebody else held what was needed for too long. Trying again may help.
    Busy,
    /// There are no tables yet.
    SchemaMissing,
    /// The tables are those of an older version of this program.
    SchemaOld,
    /// The tables are those of a newer version of this program, or were changed by hand.
    SchemaNew,
    /// It goes against what is there: a second running cycle, a cycle that is over.
    Conflict,
    /// What was to be changed is not there.
    NotFound,
    /// What was to be stored, or the URL of the database, makes no sense.
    Invalid,
    /// What is stored makes no sense: the file is damaged, or was changed by hand.
    Corrupt,
    /// This version of the database is too old.
    Unsupported,
    /// Anything else.
    Other,
}

/// Why something could not be stored or read. No password is in it.
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

    /// The same error with what it came from, which must not tell a password.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same may well succeed in a moment, without anybody doing anything about it.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Unreachable | StoreErrorKind::Busy)
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.kind {
            StoreErrorKind::Unreachable => {
                "check that the database is running, and the host and port of its URL"
            }
            StoreErrorKind::Authentication => "check user and password in the URL of the database",
            StoreErrorKind::NoDatabase => "`kinitro db create` makes it",
            StoreErrorKind::Permission => {
                "let this user write there, or name another database with --database-url"
            }
            StoreErrorKind::DiskFull => "make room where the database is, and try again",
            StoreErrorKind::Busy => "another process works on the database: try again",
            StoreErrorKind::SchemaMissing => "`kinitro db init` makes the tables",
            StoreErrorKind::SchemaOld => "make a backup, then `kinitro db init` updates the tables",
            StoreErrorKind::SchemaNew => "use the version of kinitro that last used this database",
            StoreErrorKind::Corrupt => "go back to a backup of the database",
            StoreErrorKind::Unsupported => "PostgreSQL 13 or later is needed",
            StoreErrorKind::Invalid => {
                "a database is named `postgresql://USER:PASSWORD@HOST/NAME` or `sqlite:PATH`"
            }
            StoreErrorKind::Conflict | StoreErrorKind::NotFound | StoreErrorKind::Other => {
                return None;
            }
        })
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
