//! What an executor runs, and how many episodes at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kinitro_core::EnvId;

use crate::isolation::EpisodeLimits;
use crate::wire::ApiKey;

/// How many episodes run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Concurrency {
    /// One, in any environment.
    OneAtATime,
    /// A separate number for each family of environments.
    PerFamily {
        /// Concurrent episodes in each family not listed in `families`, at least 1.
        default: usize,
        /// Concurrent episodes by family, at least 1 each.
        families: BTreeMap<String, usize>,
    },
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The batch size is outside the range that the API allows.
    #[error("{0} tasks cannot be asked for at a time: it must be 1 to {MAX_BATCH}")]
    BatchSize(usize),
    /// The sandbox does not have this family.
    #[error(
        "there is no family `{}` here; there is {}",
        family.escape_debug(),
        if known.is_empty() { "none".to_owned() } else { known.join(", ") }
    )]
    UnknownFamily {
        /// The name of the family.
        family: String,
        /// The families that the sandbox has.
        known: Vec<String>,
    },
    /// The sandbox does not have this environment.
    #[error("there is no environment `{0}` here")]
    UnknownEnvironment(EnvId),
    /// None of the selected environments is in a selected family.
    #[error("no environment is left to run")]
    NothingToRun,
    /// A family with 0 concurrent episodes.
    #[error("`{0}` cannot have 0 episodes at once")]
    NoSlots(String),
}

/// The most jobs that the API hands out per request.
const MAX_BATCH: usize = 100;

/// What an executor runs, and how many episodes at once.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecutorSettings {
    /// The URL of the API, such as `http://localhost:8000`.
    pub api_url: String,
    /// The key of the API; `None` for an API that is open to all.
    pub api_key: Option<ApiKey>,
    /// The id of this executor, unique among the executors of the API: 1 to 128 letters, digits,
    /// `-`, `_` or `.`, starting with a letter or a digit. With `None`, the executor takes over the
    /// generated id of one that used the same `spool` and is not running now, or else generates a
    /// new id.
    pub executor_id: Option<String>,
    /// The folder for results that the API has not accepted yet. Each executor has its own
    /// subfolder.
    pub spool: PathBuf,
    /// The most jobs to ask for at a time, 1 to 100. An executor never asks for more than it can
    /// start at once. Default: 10.
    pub batch_size: usize,
    /// How long to wait before asking again when there are no more jobs. Default: 5 s.
    pub poll_interval: Duration,
    /// The families of environments to run; `None` for all that the sandbox has.
    pub families: Option<Vec<String>>,
    /// The environments to run; `None` for all environments of those families.
    pub env_ids: Option<Vec<EnvId>>,
    /// How many episodes run at once. Default: one.
    pub concurrency: Concurrency,
    /// The limits that apply to every episode.
    pub limits: EpisodeLimits,
    /// How long running episodes may continue after a stop before their jobs are returned to the
    /// queue. Default: 30 s.
    pub drain_timeout: Duration,
}

impl ExecutorSettings {
    /// The default settings, for the API at this URL and this folder for unsent results.
    pub fn new(api_url: impl Into<String>, spool: impl Into<PathBuf>) -> Self {
        Self {
            api_url: api_url.into(),
            api_key: None,
            executor_id: None,
            spool: spool.into(),
            batch_size: 10,
            poll_interval: Duration::from_secs(5),
            families: None,
            env_ids: None,
            concurrency: Concurrency::OneAtATime,
            limits: EpisodeLimits::default(),
            drain_timeout: Duration::from_secs(30),
        }
    }
}

/// Environments whose episodes share a pool of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) env_ids: Vec<EnvId>,
    pub(super) slots: usize,
}

/// Checks the settings and divides the available environments into lanes: one for all of them, or
/// one per family.
pub(super) fn lanes(
    settings: &ExecutorSettings,
    available: &[EnvId],
) -> Result<Vec<Lane>, SettingsError> {
    if !(1..=MAX_BATCH).contains(&settings.batch_size) {
        return Err(SettingsError::BatchSize(settings.batch_size));
    }
    let has_family = |family: &str| available.iter().any(|id| id.family() == family);
    let known = || {
        let mut families: Vec<_> = available.iter().map(|id| id.family().to_owned()).collect();
        families.dedup();
        families
    };
    let mut named = settings.families.iter().flatten();
    if let Some(family) = named.find(|family| !has_family(family)) {
        return Err(SettingsError::UnknownFamily { family: family.clone(), known: known() });
    }
    if let Some(id) = settings.env_ids.iter().flatten().find(|id| !available.contains(id)) {
        return Err(SettingsError::UnknownEnvironment(id.clone()));
    }
    let is_wanted = |id: &&EnvId| {
        let families = settings.families.as_ref();
        let env_ids = settings.env_ids.as_ref();
        families.is_none_or(|families| families.iter().any(|family| family == id.family()))
            && env_ids.is_none_or(|env_ids| env_ids.contains(id))
    };
    let wanted: Vec<EnvId> = available.iter().filter(is_wanted).cloned().collect();
    if wanted.is_empty() {
        return Err(SettingsError::NothingToRun);
    }
    let Concurrency::PerFamily { default, families } = &settings.concurrency else {
        return Ok(vec![Lane { name: "all".to_owned(), env_ids: wanted, slots: 1 }]);
    };
    let mut by_family: BTreeMap<String, Vec<EnvId>> = BTreeMap::new();
    for id in wanted {
        by_family.entry(id.family().to_owned()).or_default().push(id);
    }
    let lane = |(name, env_ids): (String, Vec<EnvId>)| {
        let slots = *families.get(&name).unwrap_or(default);
        if slots == 0 {
            Err(SettingsError::NoSlots(name))
        } else {
            Ok(Lane { name, env_ids, slots })
        }
    };
    by_family.into_iter().map(lane).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<EnvId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn settings() -> ExecutorSettings {
        ExecutorSettings::new("http://api", "spool")
    }

    #[test]
    fn environments_are_divided_by_family_where_many_run_at_once() {
        let available = ids(&["b/1", "a/1", "a/2", "c/1"]);
        let one = lanes(&settings(), &available).unwrap();
        assert_eq!((one.len(), one[0].slots, one[0].env_ids.len()), (1, 1, 4));
        let mut settings = settings();
        settings.families = Some(vec!["a".to_owned(), "b".to_owned()]);
        settings.env_ids = Some(ids(&["a/2", "b/1", "c/1"]));
        let families = BTreeMap::from([("b".to_owned(), 3)]);
        settings.concurrency = Concurrency::PerFamily { default: 20, families };
        let lanes = lanes(&settings, &available).unwrap();
        let told: Vec<_> =
            lanes.iter().map(|lane| (lane.name.as_str(), lane.slots, lane.env_ids.len())).collect();
        assert_eq!(told, [("a", 20, 1), ("b", 3, 1)]);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let available = ids(&["a/1", "b/1"]);
        let error = |change: fn(&mut ExecutorSettings)| {
            let mut settings = settings();
            change(&mut settings);
            lanes(&settings, &available).unwrap_err().to_string()
        };
        let families = error(|settings| settings.families = Some(vec!["genesis".to_owned()]));
        assert_eq!(families, "there is no family `genesis` here; there is a, b");
        let env_ids = error(|settings| settings.env_ids = Some(ids(&["a/2"])));
        assert_eq!(env_ids, "there is no environment `a/2` here");
        let nothing = error(|settings| {
            settings.families = Some(vec!["a".to_owned()]);
            settings.env_ids = Some(ids(&["b/1"]));
        });
        assert_eq!(nothing, "no environment is left to run");
        let none = error(|settings| {
            settings.concurrency = Concurrency::PerFamily { default: 0, families: BTreeMap::new() };
        });
        assert_eq!(none, "`a` cannot have 0 episodes at once");
        let batch = error(|settings| settings.batch_size = 101);
        assert_eq!(batch, "101 tasks cannot be asked for at a time: it must be 1 to 100");
    }
}
