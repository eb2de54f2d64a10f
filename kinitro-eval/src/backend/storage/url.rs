use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use url::Url;

use super::{StoreError, StoreErrorKind};

/// Where a database is: `postgresql://USER:PASSWORD@HOST:PORT/NAME`, `sqlite:PATH` or
/// `sqlite::memory:`.
///
/// `postgres://` and `postgresql+asyncpg://` mean the same as `postgresql://`. Neither its
/// [`Display`](fmt::Display) nor its [`Debug`] shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Location);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Location {
    Memory,
    Sqlite(PathBuf),
    Postgres(Url),
}

impl DatabaseUrl {
    /// An SQLite database in memory, which ends with its last [`Store`](super::Store).
    pub const IN_MEMORY: Self = Self(Location::Memory);

    /// The SQLite database in that file.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Location::Sqlite(path.into()))
    }

    /// The file that is used when nothing else is named: `$XDG_DATA_HOME/kinitro/kinitro.db`, or
    /// `~/.local/share/kinitro/kinitro.db`. A path that is not absolute counts as not set, as the
    /// XDG Base Directory Specification demands.
    ///
    /// # Errors
    /// [`StoreErrorKind::Invalid`] when neither variable is set.
    pub fn standard() -> Result<Self, StoreError> {
        let absolute =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
            .ok_or_else(|| {
                let message = "there is no place for a database: neither XDG_DATA_HOME nor HOME is \
                               an absolute path";
                StoreError::new(StoreErrorKind::Invalid, message)
            })?;
        Ok(Self::sqlite(data.join("kinitro").join("kinitro.db")))
    }

    /// The file of an SQLite database.
    pub fn file(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(path) => Some(path),
            Location::Memory | Location::Postgres(_) => None,
        }
    }

    pub(super) fn location(&self) -> &Location {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let invalid = |message| StoreError::new(StoreErrorKind::Invalid, message);
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return match path {
                "" => Err(invalid("the URL of the database names no file")),
                ":memory:" => Ok(Self::IN_MEMORY),
                path => Ok(Self::sqlite(path)),
            };
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid("the URL of the database has no scheme"));
        };
        match scheme {
            "postgresql" | "postgres" | "postgresql+asyncpg" | "postgresql+psycopg" => {}
            // A scheme can hold no password; what is long is none.
            _ if scheme.len() <= 20 => {
                let message =
                    format!("databases of the kind `{}` are not supported", scheme.escape_debug());
                return Err(StoreError::new(StoreErrorKind::Invalid, message));
            }
            _ => return Err(invalid("the URL of the database has no scheme")),
        }
        // Its errors say what is wrong and repeat nothing of the text.
        let mut url = Url::parse(&format!("postgresql://{rest}"))
            .map_err(|error| invalid("the URL of the database is malformed").with_source(error))?;
        // The word of asyncpg for what libpq calls `sslmode`.
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        if pairs.iter().any(|(name, _)| name == "ssl") {
            let name = |name: String| if name == "ssl" { "sslmode".to_owned() } else { name };
            let renamed = pairs.into_iter().map(|(key, value)| (name(key), value));
            url.query_pairs_mut().clear().extend_pairs(renamed);
        }
        if url.path().trim_matches('/').is_empty() {
            return Err(invalid("the URL of the database names no database after the host"));
        }
        Ok(Self(Location::Postgres(url)))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Memory => f.write_str("sqlite::memory:"),
            Location::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Location::Postgres(url) => {
                let mut url = url.clone();
                if url.password().is_some() {
                    // Only URLs without a host have no place for a password.
                    let _ = url.set_password(Some("***"));
                }
                // `?password=` is read, too.
                url.set_query(None);
                write!(f, "{url}")
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_older_set_ups_are_read_and_no_password_is_shown() {
        for url in [
            "postgresql://kinitro:s3cret@db:5433/kinitro?sslmode=require&password=s3cret",
            "postgres://kinitro:s3cret@db:5433/kinitro",
            "postgresql+asyncpg://kinitro:s3cret@db:5433/kinitro?ssl=require",
        ] {
            let url: DatabaseUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), "postgresql://kinitro:***@db:5433/kinitro");
            assert!(!format!("{url:?}").contains("s3cret"));
        }
        let url: DatabaseUrl = "postgresql+asyncpg://u@h/d?ssl=require".parse().unwrap();
        let Location::Postgres(url) = url.location() else { panic!("{url}") };
        assert_eq!(url.as_str(), "postgresql://u@h/d?sslmode=require");
    }

    #[test]
    fn files_are_named_with_and_without_slashes() {
        for (text, path) in [
            ("sqlite:kinitro.db", "kinitro.db"),
            ("sqlite://kinitro.db", "kinitro.db"),
            ("sqlite:/var/lib/kinitro.db", "/var/lib/kinitro.db"),
            ("sqlite:///var/lib/kinitro.db", "/var/lib/kinitro.db"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.file(), Some(Path::new(path)), "{text}");
        }
        assert_eq!("sqlite::memory:".parse::<DatabaseUrl>().unwrap(), DatabaseUrl::IN_MEMORY);
    }

    #[test]
    fn what_is_no_url_is_refused_without_repeating_it() {
        for bad in [
            "",
            "kinitro:s3cret@localhost/kinitro",
            "sqlite:",
            "mysql://u:s3cret@h/d",
            "postgresql://u:s3cret@h",
            "postgresql://u:s3cret@h:99999/d",
            "postgresql://u:s3cret@[h/d",
        ] {
            let error = bad.parse::<DatabaseUrl>().unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Invalid, "{bad}");
            assert!(!format!("{error:?} {error}").contains("s3cret"), "{error:?}");
        }
    }
}
