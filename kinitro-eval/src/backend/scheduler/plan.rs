//! The plan of a cycle: its rules, which outlive the process that started it, and its jobs.

use std::time::Duration;

use kinitro_core::scoring::{Method, ParetoSubsets};
use kinitro_core::{EnvId, NetUid, Seed};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use uuid::Builder;

use super::super::storage::{CycleMiner, NewJob, SeedMode, SeedSecret};
use super::roster::Rejected;
use super::settings::SchedulerSettings;

/// The rules of a cycle, stored when it starts. A scheduler that resumes the cycle applies these
/// rules, whatever its own settings are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Rules {
    pub(super) netuid: NetUid,
    pub(super) env_ids: Vec<EnvId>,
    pub(super) episodes_per_env: u32,
    pub(super) timeout_millis: u64,
    pub(super) min_coverage: f64,
    /// The rule that turns success rates into weights.
    #[serde(deserialize_with = "method")]
    pub(super) scoring: Method,
    /// Miners with an unusable commitment, for the report.
    pub(super) rejected: Vec<Rejected>,
}

impl Rules {
    pub(super) fn new(settings: &SchedulerSettings, rejected: Vec<Rejected>) -> Self {
        Self {
            netuid: settings.netuid,
            env_ids: settings.env_ids.clone(),
            episodes_per_env: settings.episodes_per_env,
            timeout_millis: u64::try_from(settings.cycle_timeout.as_millis()).unwrap_or(u64::MAX),
            min_coverage: settings.min_coverage,
            scoring: settings.weighting.method(),
            rejected,
        }
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_millis)
    }
}

/// Reads a rule. Cycles from before there were several rules store its options only.
fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Method, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Named(Method),
        Options(Value),
    }
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Named(method) => method,
        Stored::Options(options) => Method { name: ParetoSubsets::NAME.to_owned(), options },
    })
}

/// The jobs of a cycle, in the order in which they are handed out: seed by seed, so that all miners
/// get the same seed at about the same time.
///
/// # Errors
/// When the operating system cannot provide random numbers for UUIDs.
pub(super) fn jobs(
    miners: &[CycleMiner],
    env_ids: &[EnvId],
    episodes: u32,
    mode: SeedMode,
    secret: &SeedSecret,
) -> Result<Vec<NewJob>, getrandom::Error> {
    let mut jobs = Vec::with_capacity(miners.len() * env_ids.len() * episodes as usize);
    for episode in 0..episodes {
        for env_id in env_ids {
            let shared = Seed::of_episode(secret.as_bytes(), env_id, episode);
            for miner in miners {
                let uuid = random_uuid()?;
                let seed = match mode {
                    SeedMode::Paired => shared,
                    SeedMode::PerTask => Seed::of_task(&uuid),
                };
                let env_id = env_id.clone();
                jobs.push(NewJob { uuid, miner: miner.uid, env_id, episode, seed });
            }
        }
    }
    Ok(jobs)
}

fn random_uuid() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(Builder::from_random_bytes(bytes).into_uuid().to_string())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use kinitro_core::scoring::Weighting as _;
    use kinitro_core::{Hotkey, MinerUid};
    use proptest::prelude::*;

    use super::*;

    fn miners(n: u16) -> Vec<CycleMiner> {
        (0..n)
            .map(|uid| CycleMiner {
                uid: MinerUid(uid),
                hotkey: Hotkey::from_account_id([uid as u8; 32]),
                endpoint: format!("http://192.0.2.1:{uid}"),
                repo: "a/b".to_owned(),
                revision: "0123abcd".to_owned(),
                first_block: None,
            })
            .collect()
    }

    #[test]
    fn a_cycle_of_an_older_version_keeps_its_rule() {
        let settings = SchedulerSettings::new(NetUid(26), vec!["env/0".parse().unwrap()]);
        let mut stored = serde_json::to_value(Rules::new(&settings, Vec::new())).unwrap();
        assert_eq!(stored["scoring"]["name"], "pareto-subsets");
        let older = ParetoSubsets::new().temperature(0.25);
        stored["scoring"] = serde_json::to_value(older).unwrap();
        let rules: Rules = serde_json::from_value(stored).unwrap();
        let rule = settings.weightings.of(&rules.scoring).unwrap();
        assert_eq!(rule.method(), older.method());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_miner_meets_the_same_seeds_and_anybody_can_recompute_them(
            secret in any::<[u8; 32]>(),
            miner_count in 1_u16..6,
            env_count in 1_usize..5,
            episodes in 1_u32..6,
        ) {
            let secret = SeedSecret::from_bytes(secret);
            let envs: Vec<EnvId> =
                (0..env_count).map(|i| format!("env/{i}").parse().unwrap()).collect();
            let made = jobs(&miners(miner_count), &envs, episodes, SeedMode::Paired, &secret)
                .unwrap();
            prop_assert_eq!(made.len(), miner_count as usize * env_count * episodes as usize);
            let uuids: BTreeSet<&str> = made.iter().map(|job| job.uuid.as_str()).collect();
            prop_assert_eq!(uuids.len(), made.len());
            // Each miner has each episode once, with the seed derived from the secret.
            let mut seen = BTreeSet::new();
            let mut of_pair = BTreeMap::new();
            for job in &made {
                prop_assert!(seen.insert((job.miner, &job.env_id, job.episode)));
                let seed = of_pair.entry((&job.env_id, job.episode)).or_insert(job.seed);
                prop_assert_eq!(*seed, job.seed);
                let again = Seed::of_episode(secret.as_bytes(), &job.env_id, job.episode);
                prop_assert_eq!(again, job.seed);
            }
            // Handed out seed by seed.
            let mut order: Vec<_> = made.iter().map(|t| (t.episode, &t.env_id)).collect();
            order.dedup();
            prop_assert_eq!(order.len(), env_count * episodes as usize);
        }

        #[test]
        fn in_the_older_scheme_a_seed_grows_from_its_uuid(secret in any::<[u8; 32]>()) {
            let secret = SeedSecret::from_bytes(secret);
            let envs = ["env/0".parse().unwrap()];
            let made = jobs(&miners(3), &envs, 4, SeedMode::PerTask, &secret).unwrap();
            let seeds: BTreeSet<Seed> = made.iter().map(|job| job.seed).collect();
            prop_assert_eq!(seeds.len(), made.len());
            prop_assert!(made.iter().all(|job| job.seed == Seed::of_task(&job.uuid)));
        }
    }
}
