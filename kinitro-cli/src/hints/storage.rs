//! Databases.

use kinitro_eval::backend::storage::{StoreError, StoreErrorKind};

use super::{Hint, Hinted, fixed};

impl Hinted for StoreError {
    fn hint(&self) -> Hint {
        fixed(match self.kind() {
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
            _ => return None,
        })
    }
}
