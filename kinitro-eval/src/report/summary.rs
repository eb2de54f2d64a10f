use std::collections::BTreeMap;
use std::time::Duration;

use kinitro_core::stats::{Confidence, Interval, wilson};
use kinitro_core::{EnvId, Outcome};
use serde::{Deserialize, Serialize};

use crate::Latencies;
use crate::episode::EpisodeRecord;

/// The results of an evaluation, summarised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Summary {
    /// The name of the policy.
    pub policy: String,
    /// Whether all episodes of every environment are done.
    pub complete: bool,
    /// The results in each environment, in the order of the evaluation.
    pub environments: Vec<EnvironmentSummary>,
    /// The mean of the environments' success rates, 0 to 1; `None` if any environment has no
    /// episode.
    pub mean_success_rate: Option<f64>,
    /// The total number of steps in all episodes.
    pub steps: u64,
}

/// The results in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EnvironmentSummary {
    /// The environment.
    pub env_id: EnvId,
    /// The number of episodes that count.
    pub episodes: u64,
    /// How many of them succeeded.
    pub successes: u64,
    /// Successes over episodes, 0 to 1; `None` without an episode.
    pub success_rate: Option<f64>,
    /// The 95 % Wilson interval of the success rate.
    pub interval: Interval,
    /// The mean of the episodes' total rewards; `None` without an episode.
    pub mean_return: Option<f64>,
    /// The mean number of steps of an episode; `None` without an episode.
    pub mean_length: Option<f64>,
    /// The median time that the policy took for an action, s; `None` without an action.
    pub latency_p50: Option<f64>,
    /// The 99th percentile of the time that the policy took for an action, s; `None` without an
    /// action.
    pub latency_p99: Option<f64>,
    /// The number of episodes that ended in each kind of fault. Those with infrastructure faults do
    /// not count among [`episodes`](Self::episodes).
    pub faults: BTreeMap<String, u64>,
    /// The detail of the first fault of each kind.
    pub fault_examples: BTreeMap<String, String>,
}

impl Summary {
    /// Summarises records; `expected` is the planned number of episodes per environment.
    pub fn new(
        policy: &str,
        environments: &[EnvId],
        expected: u32,
        records: &[EpisodeRecord],
    ) -> Self {
        let summaries: Vec<_> =
            environments.iter().map(|id| EnvironmentSummary::new(id, records)).collect();
        let rates: Option<Vec<f64>> =
            summaries.iter().map(|summary| summary.success_rate).collect();
        let mean = |rates: Vec<f64>| rates.iter().sum::<f64>() / rates.len() as f64;
        Self {
            policy: policy.to_owned(),
            complete: summaries.iter().all(|summary| summary.episodes == u64::from(expected)),
            mean_success_rate: rates.filter(|rates| !rates.is_empty()).map(mean),
            environments: summaries,
            steps: records.iter().map(|record| u64::from(record.steps)).sum(),
        }
    }
}

impl EnvironmentSummary {
    /// Summarises the records of one environment and ignores all others.
    pub fn new(env_id: &EnvId, records: &[EpisodeRecord]) -> Self {
        let mut latencies = Latencies::default();
        let mut faults = BTreeMap::new();
        let mut fault_examples = BTreeMap::new();
        let (mut episodes, mut successes, mut rewards, mut steps) = (0u64, 0u64, 0.0, 0u64);
        for record in records.iter().filter(|record| record.env_id == *env_id) {
            latencies.add(&record.latency);
            let detail = match &record.outcome {
                Outcome::PolicyFault(fault) => Some(&fault.detail),
                Outcome::InfraFault(fault) => Some(&fault.detail),
                Outcome::Success | Outcome::Failure | Outcome::Cancelled => None,
            };
            if let Some(detail) = detail {
                let label = record.outcome.label();
                *faults.entry(label.clone()).or_default() += 1;
                fault_examples.entry(label).or_insert_with(|| detail.clone());
            }
            if record.outcome.score().is_some() {
                episodes += 1;
                successes += u64::from(record.outcome == Outcome::Success);
                rewards += record.total_reward;
                steps += u64::from(record.steps);
            }
        }
        let mean = |sum: f64| (episodes > 0).then(|| sum / episodes as f64);
        let seconds = |share| latencies.quantile(share).as_ref().map(Duration::as_secs_f64);
        Self {
            env_id: env_id.clone(),
            episodes,
            successes,
            success_rate: mean(successes as f64),
            interval: wilson(successes, episodes, Confidence::P95),
            mean_return: mean(rewards),
            mean_length: mean(steps as f64),
            latency_p50: seconds(0.5),
            latency_p99: seconds(0.99),
            faults,
            fault_examples,
        }
    }
}
