use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// A point in time with millisecond resolution, by the database's clock unless stated otherwise.
///
/// As text, also in JSON, it is RFC 3339 in UTC: `2024-01-15T10:30:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    millis: i64,
}

/// The last millisecond of the year 9999, the last that RFC 3339 can express.
const LAST: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The point in time this many milliseconds after the Unix epoch, clamped to the years 1970 to
    /// 9999.
    pub fn from_millis(millis: i64) -> Self {
        Self { millis: millis.clamp(0, LAST) }
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.millis
    }

    /// The current time by this machine's clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// The time elapsed since `earlier`; zero if `earlier` is later than this.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis - earlier.millis).unwrap_or(0))
    }
}

#[cfg(feature = "api")]
impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};

        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

#[cfg(feature = "api")]
impl utoipa::ToSchema for Timestamp {}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH + Duration::from_millis(self.millis.unsigned_abs());
        fmt::Display::fmt(&humantime::format_rfc3339_millis(time), f)
    }
}

impl FromStr for Timestamp {
    type Err = humantime::TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let since = humantime::parse_rfc3339(text)?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = humantime::TimestampError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_comes_back_from_its_text() {
        let time = Timestamp::from_millis(1_705_314_600_250);
        assert_eq!(serde_json::to_value(time).unwrap(), "2024-01-15T10:30:00.250Z");
        assert_eq!("2024-01-15T10:30:00.250Z".parse::<Timestamp>().unwrap(), time);
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::from_millis(-1).as_millis(), 0);
        assert_eq!(time.since(Timestamp::from_millis(1_705_314_600_000)).as_millis(), 250);
        assert!(Timestamp::from_millis(0).since(time).is_zero());
    }
}
