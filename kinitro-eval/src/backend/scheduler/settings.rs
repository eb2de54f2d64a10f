use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::crypto::PrivateKey;
use kinitro_core::scoring::{EnvSet, ParetoSubsets, Weighting, Weightings};
use kinitro_core::{EnvId, NetUid};

use super::super::storage::{RetryPolicy, SeedMode};
use super::SchedulerError;

/// How a scheduler goes about it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SchedulerSettings {
    /// The subnet.
    pub netuid: NetUid,
    /// The environments that miners are judged in, at most [`EnvSet::CAPACITY`].
    pub env_ids: Vec<EnvId>,
    /// What opens sealed endpoints.
    pub private_key: Option<PrivateKey>,
    /// The time from the beginning of a cycle to that of the next.
    pub eval_interval: Duration,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// After how long a cycle ends with what there is.
    pub cycle_timeout: Duration,
    /// The share of its episodes in each environment that each miner must have for a cycle to be
    /// published.
    pub min_coverage: f64,
    /// Whose tasks share a seed.
    pub seed_mode: SeedMode,
    /// The rule that turns success rates into weights. A new cycle is stored with its name and
    /// options.
    pub weighting: Arc<dyn Weighting>,
    /// The rules that a cycle can be finished by which was begun under another one.
    pub weightings: Weightings,
    /// How often tasks whose lease ran out are taken back, should no API do so.
    pub stale_threshold: Duration,
    /// How often tasks that broke down are tried again.
    pub retry: RetryPolicy,
    /// How often to look at the state of things.
    pub poll_interval: Duration,
    /// What an operator can do about an error, for the log. Only the program that runs the scheduler
    /// knows; by default nothing is said.
    pub hints: fn(&SchedulerError) -> Option<String>,
}

impl SchedulerSettings {
    /// Usual settings for a subnet and environments.
    pub fn new(netuid: NetUid, env_ids: Vec<EnvId>) -> Self {
        Self {
            netuid,
            env_ids,
            private_key: None,
            eval_interval: Duration::from_secs(3600),
            episodes_per_env: 50,
            cycle_timeout: Duration::from_secs(7200),
            min_coverage: 0.8,
            seed_mode: SeedMode::Paired,
            weighting: Arc::new(ParetoSubsets::new()),
            weightings: Weightings::builtin(),
            stale_threshold: Duration::from_secs(900),
            retry: RetryPolicy::default(),
            poll_interval: Duration::from_secs(5),
            hints: |_| None,
        }
    }

    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let mut seen = BTreeSet::new();
        if self.env_ids.is_empty() {
            return Err(SettingsError::NoEnvironments);
        }
        if let Some(twice) = self.env_ids.iter().find(|env_id| !seen.insert(*env_id)) {
            return Err(SettingsError::DuplicateEnvironment(twice.clone()));
        }
        if self.env_ids.len() > EnvSet::CAPACITY {
            return Err(SettingsError::TooManyEnvironments(self.env_ids.len()));
        }
        if self.episodes_per_env == 0 {
            return Err(SettingsError::NoEpisodes);
        }
        if !(self.min_coverage > 0.0 && self.min_coverage <= 1.0) {
            return Err(SettingsError::Coverage(self.min_coverage));
        }
        if self.poll_interval.is_zero() {
            return Err(SettingsError::PollInterval);
        }
        Ok(())
    }
}

/// Why nothing can be scheduled like that.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Nothing to judge anybody in.
    #[error("there is no environment to judge miners in")]
    NoEnvironments,
    /// The same environment twice.
    #[error("environment `{0}` is named twice")]
    DuplicateEnvironment(EnvId),
    /// More environments than can be scored together.
    #[error("{0} environments are too many: at most {max} can be scored together", max = EnvSet::CAPACITY)]
    TooManyEnvironments(usize),
    /// No episodes.
    #[error("there must be at least one episode in each environment")]
    NoEpisodes,
    /// No share.
    #[error("the minimum coverage is {0}: it must be above 0 and at most 1")]
    Coverage(f64),
    /// Looking all the time.
    #[error("the time between two looks must not be zero")]
    PollInterval,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_senseless_settings_is_refused() {
        let envs = |n: usize| -> Vec<EnvId> {
            (0..n).map(|i| format!("env/{i}").parse().unwrap()).collect()
        };
        let good = SchedulerSettings::new(NetUid(1), envs(64));
        assert_eq!(good.check(), Ok(()));
        let with = |change: &dyn Fn(&mut SchedulerSettings)| {
            let mut settings = good.clone();
            change(&mut settings);
            settings.check().unwrap_err()
        };
        assert_eq!(with(&|s| s.env_ids.clear()), SettingsError::NoEnvironments);
        assert_eq!(with(&|s| s.env_ids = envs(65)), SettingsError::TooManyEnvironments(65));
        let twice = with(&|s| s.env_ids[1] = s.env_ids[0].clone());
        assert!(twice.to_string().contains("`env/0` is named twice"));
        assert_eq!(with(&|s| s.episodes_per_env = 0), SettingsError::NoEpisodes);
        for coverage in [0.0, -0.5, 1.01, f64::NAN] {
            assert!(matches!(with(&|s| s.min_coverage = coverage), SettingsError::Coverage(_)));
        }
        assert_eq!(with(&|s| s.poll_interval = Duration::ZERO), SettingsError::PollInterval);
    }
}
