//! Files of scores, in JSON and CSV.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::counts::Scheme;
use super::pareto::ParetoSubsets;
use super::weights::PointScale;
use super::{MinerScores, ScoreTable, TableError};
use crate::{BlockNumber, EnvId, IdError, MinerUid};

/// Why a text is not a valid file of scores.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreFileError {
    /// The text is not JSON, or not an object of the required form. The message has the line and
    /// column.
    #[error("the scores are not the JSON they should be: {0}")]
    Json(#[from] serde_json::Error),
    /// The text is not CSV: an unclosed quote, or a row with a different number of cells.
    #[error("the scores are not CSV: {0}")]
    Csv(#[from] csv::Error),
    /// There is no column of uids.
    #[error("the first line has no column `uid`: it must be `uid,first_block,ENV_ID,ENV_ID,...`")]
    NoUidColumn,
    /// A column appears twice.
    #[error("the first line names the column `{0}` twice")]
    DuplicateColumn(String),
    /// The name of a column is not an environment.
    #[error("the first line has a column that is no environment: {0}")]
    Column(#[source] IdError),
    /// The value of a cell is not valid for its column.
    #[error("line {line}, column `{column}`: expected {expected}, not `{found}`")]
    Cell {
        /// The line number, from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// The kind of value that was expected.
        expected: &'static str,
        /// The text that was found.
        found: String,
    },
}

/// Scores as read from a file, before they are checked against each other, with the options that
/// the file sets.
///
/// The JSON form is an object:
/// ```
/// # use kinitro_core::scoring::ScoreFile;
/// let file = ScoreFile::from_json(r#"{
///     "env_ids": ["metaworld/reach-v3", "metaworld/push-v3"],
///     "episodes_per_env": 50,
///     "scheme": "linear",
///     "temperature": 1.0,
///     "miners": [{"uid": 3, "first_block": 1200, "scores": {"metaworld/reach-v3": 0.8}}]
/// }"#)?;
/// let scores = file.weighting().score(&file.table(50)?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
/// `scheme`, `points` (`raw` or `share`), `temperature` and `episodes_per_env` are optional, and so
/// are a miner's `first_block` and each of its scores. `mode` and `expect`, which occur in test
/// vectors, are ignored. Any other name is an error; otherwise a misspelled option would be
/// ignored.
///
/// The CSV form has one line for each miner; an empty cell is a missing score:
/// ```
/// # use kinitro_core::scoring::ScoreFile;
/// let file = ScoreFile::from_csv("\
/// uid,first_block,metaworld/reach-v3,metaworld/push-v3
/// 3,1200,0.8,
/// 4,1300,0.6,0.9
/// ")?;
/// # assert_eq!(file.miners.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScoreFile {
    /// The environments.
    pub env_ids: Vec<EnvId>,
    /// The miners with their scores.
    pub miners: Vec<MinerScores>,
    /// The number of episodes behind each score, if the file gives it.
    pub episodes_per_env: Option<u32>,
    /// How many points a set brings, if the file says so.
    pub scheme: Option<Scheme>,
    /// The scale of the points in the softmax, if the file gives it.
    pub points: Option<PointScale>,
    /// The temperature of the softmax, above 0, if the file gives it.
    pub temperature: Option<f64>,
}

impl ScoreFile {
    /// Reads the JSON form.
    ///
    /// # Errors
    /// [`ScoreFileError::Json`].
    pub fn from_json(text: &str) -> Result<Self, ScoreFileError> {
        let json: JsonFile = serde_json::from_str(text)?;
        let miners = json.miners.into_iter().map(|miner| MinerScores {
            uid: miner.uid,
            first_block: miner.first_block,
            scores: miner.scores.0,
        });
        Ok(Self {
            env_ids: json.env_ids,
            miners: miners.collect(),
            episodes_per_env: json.episodes_per_env,
            scheme: json.scheme,
            points: json.points,
            temperature: json.temperature,
        })
    }

    /// Reads the CSV form.
    ///
    /// # Errors
    /// [`ScoreFileError`] with the line and the column.
    pub fn from_csv(text: &str) -> Result<Self, ScoreFileError> {
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let columns = reader
            .headers()?
            .iter()
            .map(Column::parse)
            .collect::<Result<Vec<Column>, ScoreFileError>>()?;
        for (i, column) in columns.iter().enumerate() {
            if columns[..i].contains(column) {
                return Err(ScoreFileError::DuplicateColumn(column.to_string()));
            }
        }
        if !columns.contains(&Column::Uid) {
            return Err(ScoreFileError::NoUidColumn);
        }
        let mut miners = Vec::new();
        for record in reader.records() {
            miners.push(miner_of(&columns, &record?)?);
        }
        let env_ids = columns.into_iter().filter_map(|column| match column {
            Column::Env(env) => Some(env),
            Column::Uid | Column::FirstBlock => None,
        });
        Ok(Self {
            env_ids: env_ids.collect(),
            miners,
            episodes_per_env: None,
            scheme: None,
            points: None,
            temperature: None,
        })
    }

    /// The checked table, with `episodes_per_env` as the default if the file does not give it.
    ///
    /// # Errors
    /// Those of [`ScoreTable::new`].
    pub fn table(&self, episodes_per_env: u32) -> Result<ScoreTable, TableError> {
        let episodes_per_env = self.episodes_per_env.unwrap_or(episodes_per_env);
        ScoreTable::new(self.env_ids.clone(), self.miners.clone(), episodes_per_env)
    }

    /// The rule with the options from the file, and defaults for the others.
    pub fn weighting(&self) -> ParetoSubsets {
        let mut weighting = ParetoSubsets::new();
        if let Some(scheme) = self.scheme {
            weighting = weighting.scheme(scheme);
        }
        if let Some(points) = self.points {
            weighting = weighting.points(points);
        }
        if let Some(temperature) = self.temperature {
            weighting = weighting.temperature(temperature);
        }
        weighting
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile {
    env_ids: Vec<EnvId>,
    miners: Vec<JsonMiner>,
    episodes_per_env: Option<u32>,
    scheme: Option<Scheme>,
    points: Option<PointScale>,
    temperature: Option<f64>,
    #[serde(default, rename = "mode")]
    _mode: IgnoredAny,
    #[serde(default, rename = "expect")]
    _expect: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonMiner {
    uid: MinerUid,
    first_block: Option<BlockNumber>,
    scores: JsonScores,
}

/// Scores by environment. A plain map would silently keep the last of two scores for the same one.
struct JsonScores(BTreeMap<EnvId, f64>);

impl<'de> Deserialize<'de> for JsonScores {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scores;

        impl<'de> Visitor<'de> for Scores {
            type Value = JsonScores;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of success rates by environment")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonScores, A::Error> {
                let mut scores = BTreeMap::new();
                while let Some((env, score)) = map.next_entry::<EnvId, Option<f64>>()? {
                    // Some programs write a missing number as `null`.
                    let Some(score) = score else { continue };
                    if scores.contains_key(&env) {
                        return Err(A::Error::custom(format!("two scores on `{env}`")));
                    }
                    scores.insert(env, score);
                }
                Ok(JsonScores(scores))
            }
        }

        deserializer.deserialize_map(Scores)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Column {
    Uid,
    FirstBlock,
    Env(EnvId),
}

impl Column {
    fn parse(name: &str) -> Result<Self, ScoreFileError> {
        match name {
            "uid" => Ok(Self::Uid),
            "first_block" => Ok(Self::FirstBlock),
            name => name.parse().map(Self::Env).map_err(ScoreFileError::Column),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid => f.write_str("uid"),
            Self::FirstBlock => f.write_str("first_block"),
            Self::Env(env) => env.fmt(f),
        }
    }
}

fn miner_of(columns: &[Column], record: &csv::StringRecord) -> Result<MinerScores, ScoreFileError> {
    let mut miner = MinerScores { uid: MinerUid(0), first_block: None, scores: BTreeMap::new() };
    for (column, cell) in columns.iter().zip(record) {
        let bad = |expected| ScoreFileError::Cell {
            line: record.position().map_or(0, csv::Position::line),
            column: column.to_string(),
            expected,
            found: cell.chars().take(40).collect(),
        };
        match column {
            Column::Uid => {
                miner.uid = cell.parse().map_err(|_| bad("a uid from 0 to 65535"))?;
            }
            _ if cell.is_empty() => {}
            Column::FirstBlock => {
                miner.first_block = Some(cell.parse().map_err(|_| bad("a block number"))?);
            }
            Column::Env(env) => {
                let score = cell.parse().map_err(|_| bad("a success rate from 0 to 1"))?;
                miner.scores.insert(env.clone(), score);
            }
        }
    }
    Ok(miner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_error(text: &str) -> String {
        ScoreFile::from_json(text).unwrap_err().to_string()
    }

    fn csv_error(text: &str) -> String {
        ScoreFile::from_csv(text).unwrap_err().to_string()
    }

    #[test]
    fn both_forms_read_the_same() {
        let csv = "uid,first_block,e/a,e/b\n7,,0.5,\n8,12,1,0\n";
        let json = r#"{"env_ids": ["e/a", "e/b"], "miners": [
            {"uid": 7, "scores": {"e/a": 0.5, "e/b": null}},
            {"uid": 8, "first_block": 12, "scores": {"e/b": 0, "e/a": 1}}
        ]}"#;
        let file = ScoreFile::from_csv(csv).unwrap();
        assert_eq!(file, ScoreFile::from_json(json).unwrap());
        assert_eq!(file.table(50).unwrap().episodes_per_env(), 50);
        assert_eq!(file.weighting(), ParetoSubsets::new());
        let spreadsheet = "\u{feff}uid,e/a,first_block,e/b\r\n7,0.5,,\r\n8, 1,12,\"0\"\r\n";
        assert_eq!(ScoreFile::from_csv(spreadsheet).unwrap(), file);
    }

    #[test]
    fn bad_json_says_where() {
        assert!(json_error("{").contains("line 1"));
        assert!(json_error("[]").contains("JSON they should be"));
        assert!(json_error(r#"{"miners": []}"#).contains("env_ids"));
        let typo = r#"{"env_ids": ["e/a"], "miners": [], "temprature": 1}"#;
        assert!(json_error(typo).contains("temprature"));
        let scheme = r#"{"env_ids": ["e/a"], "miners": [], "scheme": "cubic"}"#;
        assert!(json_error(scheme).contains("cubic"));
        let env = r#"{"env_ids": ["reach"], "miners": []}"#;
        assert!(json_error(env).contains("family/task"));
        let twice = r#"{"env_ids": [], "miners": [{"uid": 1, "scores": {"e/a": 0, "e/a": 1}}]}"#;
        assert!(json_error(twice).contains("two scores on `e/a`"));
        let uid = r#"{"env_ids": [], "miners": [{"uid": 70000, "scores": {}}]}"#;
        assert!(json_error(uid).contains("u16"));
    }

    #[test]
    fn bad_csv_says_where() {
        assert!(csv_error("").contains("no column `uid`"));
        assert!(csv_error("first_block,e/a\n").contains("no column `uid`"));
        assert!(csv_error("uid,reach\n").contains("family/task"));
        assert!(csv_error("uid,e/a,e/a\n").contains("`e/a` twice"));
        assert!(csv_error("uid,e/a\n1\n").contains("line: 2"));
        let cell = csv_error("uid,first_block,e/a\n1,5,0.5\n2,six,0.5\n");
        assert!(cell.contains("line 3, column `first_block`: expected a block number, not `six`"));
        assert!(csv_error("uid,e/a\n-1,0.5\n").contains("uid from 0"));
        assert!(csv_error("uid,e/a\n1,half\n").contains("success rate"));
    }

    #[test]
    fn a_score_that_is_no_rate_is_refused_by_the_table() {
        for cell in ["NaN", "1.5", "-0.1", "inf"] {
            let file = ScoreFile::from_csv(&format!("uid,e/a\n1,{cell}\n")).unwrap();
            assert!(matches!(file.table(50), Err(TableError::InvalidScore { .. })), "{cell}");
        }
    }
}
