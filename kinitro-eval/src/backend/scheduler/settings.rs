use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::crypto::PrivateKey;
use kinitro_core::scoring::{EnvSet, ParetoSubsets, Weighting, Weightings};
use kinitro_core::{EnvId, NetUid};

use super::super::storage::{RetryPolicy, SeedMode};
use super::SchedulerError;

/// The settings of a scheduler.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SchedulerSettings {
    /// The subnet whose miners are judged.
    pub netuid: NetUid,
    /// The environments that miners are judged in, at most [`EnvSet::CAPACITY`].
    pub env_ids: Vec<EnvId>,
    /// The key that opens sealed endpoints; without one, miners that have sealed theirs are not judged.
    pub private_key: Option<PrivateKey>,
    /// The time from the beginning of a cycle to that of the next.
    pub eval_interval: Duration,
    /// The number of episodes of each miner in each environment, at least 1.
    pub episodes_per_env: u32,
    /// The time after which a cycle ends with the episodes there are.
    pub cycle_timeout: Duration,
    /// The share of its episodes in each environment that each miner must have completed for a cycle
    /// to be published, above 0 and at most 1.
    pub min_coverage: f64,
    /// Which jobs share a seed.
    pub seed_mode: SeedMode,
    /// The rule that turns success rates into weights. A new cycle is stored with its name and
    /// options.
    pub weighting: Arc<dyn Weighting>,
    /// The rules that a cycle can be finished by which was begun under another one.
    pub weightings: Weightings,
    /// The time between two checks for jobs whose lease ran out, in case no API takes them back.
    pub stale_threshold: Duration,
    /// When and how often jobs that broke down are tried again.
    pub retry: RetryPolicy,
    /// The time between two looks at the state of the cycle. Not zero.
    pub poll_interval: Duration,
    /// What an operator can do about an error, for the log. Only the program that runs the scheduler
    /// knows; by default nothing is said.
    pub hints: fn(&SchedulerError) -> Option<String>,
}

impl SchedulerSettings {
    /// Default settings for a subnet and environments.
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

/// Why settings are refused.
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
