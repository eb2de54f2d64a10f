//! How an executor goes about its work.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kinitro_core::EnvId;

use crate::isolation::EpisodeLimits;
use crate::wire::ApiKey;

/// How many episodes run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concurrency {
    /// One, whatever its environment.
    OneAtATime,
    /// So many in each family.
    PerFamily {
        /// How many, where `families` does not say it.
        default: usize,
        /// How many in these families.
        families: BTreeMap<String, usize>,
    },
}

/// How an executor goes about its work.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecutorSettings {
    /// Where the API is, as in `http://localhost:8000`.
    pub api_url: String,
    /// The key that the API wants.
    pub api_key: Option<ApiKey>,
    /// What this executor is called, among all that work for the same API. Without it, it is what an
    /// executor was called that used the same `spool` and is not running now, or a new random name.
    pub executor_id: Option<String>,
    /// The folder of results that the API has not taken yet; each executor has a folder in it.
    pub spool: PathBuf,
    /// How many tasks are asked for at a time, from 1 to 100. No more are than can begin at once.
    pub batch_size: usize,
    /// How long to wait when there are no more tasks.
    pub poll_interval: Duration,
    /// The families to run, all that there are by default.
    pub families: Option<Vec<String>>,
    /// The environments to run, all of the families by default.
    pub env_ids: Option<Vec<EnvId>>,
    /// How many episodes run at once.
    pub concurrency: Concurrency,
    /// What episodes are held to.
    pub limits: EpisodeLimits,
    /// How long episodes may go on once the executor was stopped. Then they are given back.
    pub drain_timeout: Duration,
}

impl ExecutorSettings {
    /// Usual settings for an API: one episode at a time, a question every 5 s, 30 s to drain.
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

/// Episodes that share a number of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) name: String,
    pub(super) env_ids: Vec<EnvId>,
    pub(super) slots: usize,
}

/// Divides the environments that there are among lanes: one for all, or one for each family.
///
/// # Errors
/// In words, when something is to be run that there is not.
pub(super) fn lanes(settings: &ExecutorSettings, available: &[EnvId]) -> Result<Vec<Lane>, String> {
    let has_family = |family: &str| available.iter().any(|id| id.family() == family);
    let listed = |names: Vec<&str>| names.join(", ");
    let known = || {
        let mut families: Vec<_> = available.iter().map(EnvId::family).collect();
        families.dedup();
        if families.is_empty() { "none".to_owned() } else { listed(families) }
    };
    let named = settings.families.iter().flatten();
    if let Some(family) = named.clone().find(|family| !has_family(family)) {
        let family = family.escape_debug();
        return Err(format!("there is no family `{family}` here; there is {}", known()));
    }
    if let Some(id) = settings.env_ids.iter().flatten().find(|id| !available.contains(id)) {
        return Err(format!("there is no environment `{id}` here"));
    }
    let is_wanted = |id: &&EnvId| {
        let families = settings.families.as_ref();
        let env_ids = settings.env_ids.as_ref();
        families.is_none_or(|families| families.iter().any(|family| family == id.family()))
            && env_ids.is_none_or(|env_ids| env_ids.contains(id))
    };
    let wanted: Vec<EnvId> = available.iter().filter(is_wanted).cloned().collect();
    if wanted.is_empty() {
        return Err("no environment is left to run".to_owned());
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
            Err(format!("`{name}` cannot have 0 episodes at once"))
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
            lanes(&settings, &available).unwrap_err()
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
    }
}
