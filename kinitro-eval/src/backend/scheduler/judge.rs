//! Turns the outcomes of a cycle's jobs into its scores and weights.
//!
//! A pure function of the jobs, in order: the result does not depend, to the last bit, on who ran
//! them, when, or how often the scheduler was interrupted.

use std::collections::{BTreeMap, BTreeSet};

use kinitro_core::scoring::{self, ScoreReport, ScoreTable, Weighting};
use kinitro_core::{EnvId, Hotkey, MinerUid};
use serde::{Deserialize, Serialize};

use super::super::storage::{CycleMiner, CycleResult, JobRecord, JobStatus, MinerScore};
use super::plan::Rules;
use super::roster::Rejected;

/// Details of a completed cycle besides its scores and weights; the `report` of the cycle in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CycleReport {
    /// Whether the cycle was cut short by its time limit.
    pub timed_out: bool,
    /// The miners and environments with fewer episodes than planned, ordered by uid and
    /// environment.
    pub missing: Vec<MissingEpisodes>,
    /// Miners on the subnet whose commitment was unusable, ordered by uid.
    pub rejected: Vec<Rejected>,
    /// Miners that were evaluated but have left the subnet since. They get no weight.
    pub left: Vec<MinerUid>,
    /// The number of episodes that count, by miner and outcome: success, failure, or kind of fault.
    pub outcomes: BTreeMap<MinerUid, BTreeMap<String, u32>>,
    /// Points, thresholds and weights, and the rule that produced them.
    pub scoring: ScoreReport,
}

/// The missing episodes of a miner in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingEpisodes {
    /// The miner.
    pub uid: MinerUid,
    /// The environment.
    pub env_id: EnvId,
    /// The number of episodes planned.
    pub planned: u32,
    /// The number of episodes that count.
    pub completed: u32,
    /// The number of episodes that could not be run, through no fault of the policy.
    pub failed: u32,
    /// The number of episodes that were not finished in time.
    pub unfinished: u32,
}

/// Episodes of one miner in one environment.
#[derive(Debug, Clone, Default)]
struct Tally {
    completed: u32,
    failed: u32,
    unfinished: u32,
    successes: u32,
    rewards: f64,
}

/// The outcomes of all jobs.
#[derive(Debug)]
pub(super) struct Tallies {
    pairs: BTreeMap<(MinerUid, EnvId), Tally>,
    outcomes: BTreeMap<MinerUid, BTreeMap<String, u32>>,
}

impl Tallies {
    /// An empty tally for each pair of miner and environment.
    pub(super) fn new(miners: &[CycleMiner], env_ids: &[EnvId]) -> Self {
        let pairs = miners.iter().flat_map(|miner| {
            env_ids.iter().map(move |env_id| ((miner.uid, env_id.clone()), Tally::default()))
        });
        Self { pairs: pairs.collect(), outcomes: BTreeMap::new() }
    }

    /// Adds a job. The last digits of a sum of rewards depend on the order of summation, so jobs
    /// must be added in the order of their positions.
    pub(super) fn add(&mut self, task: &JobRecord) {
        let tally = self.pairs.entry((task.uid, task.env_id.clone())).or_default();
        match task.status {
            JobStatus::Completed => {
                tally.completed += 1;
                tally.successes += u32::from(task.success == Some(true));
                tally.rewards += task.total_reward.unwrap_or_default();
                let outcome = task.outcome.clone().unwrap_or_default();
                *self.outcomes.entry(task.uid).or_default().entry(outcome).or_default() += 1;
            }
            JobStatus::Failed => tally.failed += 1,
            JobStatus::Pending | JobStatus::Assigned => tally.unfinished += 1,
        }
    }
}

/// Scores a cycle by a weighting rule. Returns its result, or why it has none. `present` is who
/// holds each slot now.
pub(super) fn judge(
    rules: &Rules,
    weighting: &dyn Weighting,
    miners: &[CycleMiner],
    tallies: Tallies,
    present: &BTreeMap<MinerUid, Hotkey>,
    timed_out: bool,
) -> Result<CycleResult, String> {
    let missing = missing(rules, &tallies);
    let is_too_few = |pair: &&MissingEpisodes| {
        // The quotient is rounded once, like the threshold when it was parsed: 40 / 50 equals 0.8
        // exactly.
        f64::from(pair.completed) / f64::from(pair.planned) < rules.min_coverage
    };
    if let Some(first) = missing.iter().find(is_too_few) {
        return Err(too_few(rules, first, missing.iter().filter(is_too_few).count(), timed_out));
    }
    let hotkeys: BTreeMap<MinerUid, Hotkey> =
        miners.iter().map(|miner| (miner.uid, miner.hotkey)).collect();
    let rows: Vec<MinerScore> = tallies
        .pairs
        .iter()
        .filter_map(|((uid, env_id), tally)| {
            let completed = f64::from(tally.completed);
            Some(MinerScore {
                uid: *uid,
                hotkey: *hotkeys.get(uid)?,
                env_id: env_id.clone(),
                success_rate: f64::from(tally.successes) / completed,
                mean_reward: tally.rewards / completed,
                episodes_completed: tally.completed,
                episodes_failed: tally.failed,
            })
        })
        .collect();
    let (here, left): (Vec<&CycleMiner>, Vec<&CycleMiner>) =
        miners.iter().partition(|miner| present.get(&miner.uid) == Some(&miner.hotkey));
    if here.is_empty() {
        return Err("all miners that were judged have left the subnet".to_owned());
    }
    let table = table(rules, &here, &rows).map_err(|error| error.to_string())?;
    let scores = weighting.score(&table).map_err(|error| error.to_string())?;
    let scoring = ScoreReport::new(&table, &scores);
    let report = CycleReport {
        timed_out,
        missing,
        rejected: rules.rejected.clone(),
        left: left.iter().map(|miner| miner.uid).collect(),
        outcomes: tallies.outcomes,
        scoring,
    };
    let report_json = serde_json::to_value(&report)
        .map_err(|error| format!("the report cannot be written: {error}"))?;
    Ok(CycleResult {
        scores: rows,
        frontier: report.scoring.frontier,
        weights: scores.weights,
        report: report_json,
    })
}

fn missing(rules: &Rules, tallies: &Tallies) -> Vec<MissingEpisodes> {
    let planned = rules.episodes_per_env;
    let pair = |((uid, env_id), tally): (&(MinerUid, EnvId), &Tally)| MissingEpisodes {
        uid: *uid,
        env_id: env_id.clone(),
        planned,
        completed: tally.completed,
        failed: tally.failed,
        unfinished: tally.unfinished,
    };
    tallies.pairs.iter().map(pair).filter(|pair| pair.completed < planned).collect()
}

fn too_few(rules: &Rules, first: &MissingEpisodes, pairs: usize, timed_out: bool) -> String {
    let MissingEpisodes { uid, env_id, planned, completed, failed, unfinished } = first;
    let why = match timed_out {
        true => {
            let limit = humantime::format_duration(rules.timeout());
            format!("the time limit of {limit} was reached")
        }
        false => "too many episodes could not be run".to_owned(),
    };
    let coverage = rules.min_coverage;
    let mut text = format!(
        "{why}: miner {uid} has {completed} of {planned} episodes in {env_id} ({failed} could not \
         be run, {unfinished} are unfinished), and a share of {coverage} is needed"
    );
    if pairs > 1 {
        text.push_str(&format!("; {} more miners or environments lack episodes", pairs - 1));
    }
    text
}

fn table(
    rules: &Rules,
    miners: &[&CycleMiner],
    rows: &[MinerScore],
) -> Result<ScoreTable, scoring::TableError> {
    let mut rates: BTreeMap<MinerUid, BTreeMap<EnvId, f64>> = BTreeMap::new();
    for row in rows {
        rates.entry(row.uid).or_default().insert(row.env_id.clone(), row.success_rate);
    }
    let in_order: BTreeSet<(MinerUid, usize)> =
        miners.iter().enumerate().map(|(at, miner)| (miner.uid, at)).collect();
    let scores = in_order.into_iter().map(|(uid, at)| scoring::MinerScores {
        uid,
        first_block: miners[at].first_block,
        scores: rates.remove(&uid).unwrap_or_default(),
    });
    ScoreTable::new(rules.env_ids.clone(), scores.collect(), rules.episodes_per_env)
}

#[cfg(test)]
mod tests {
    use kinitro_core::scoring::ParetoSubsets;
    use kinitro_core::{BlockNumber, NetUid, Seed};

    use super::super::settings::SchedulerSettings;
    use super::*;

    const EPISODES: u32 = 10;

    fn envs() -> Vec<EnvId> {
        vec!["env/a".parse().unwrap(), "env/b".parse().unwrap()]
    }

    fn rules() -> Rules {
        let mut settings = SchedulerSettings::new(NetUid(26), envs());
        settings.episodes_per_env = EPISODES;
        Rules::new(&settings, Vec::new())
    }

    fn miner(uid: u16, first_block: u64) -> CycleMiner {
        CycleMiner {
            uid: MinerUid(uid),
            hotkey: Hotkey::from_account_id([uid as u8; 32]),
            endpoint: "http://192.0.2.1".to_owned(),
            repo: "a/b".to_owned(),
            revision: "0123abcd".to_owned(),
            first_block: Some(BlockNumber(first_block)),
        }
    }

    fn present(miners: &[CycleMiner]) -> BTreeMap<MinerUid, Hotkey> {
        miners.iter().map(|miner| (miner.uid, miner.hotkey)).collect()
    }

    /// A job whose episode succeeded or failed, or that has the given `status`.
    fn task(uid: u16, env_id: &EnvId, episode: u32, status: JobStatus, wins: u32) -> JobRecord {
        let completed = status == JobStatus::Completed;
        let success = episode < wins;
        JobRecord {
            position: 0,
            uuid: String::new(),
            uid: MinerUid(uid),
            env_id: env_id.clone(),
            episode,
            seed: Seed(0),
            status,
            attempts: 1,
            executor_id: None,
            outcome: completed.then(|| if success { "success" } else { "failure" }.to_owned()),
            success: completed.then_some(success),
            score: None,
            total_reward: completed.then(|| f64::from(episode) * 0.1),
            timesteps: None,
            error: None,
            verification: None,
        }
    }

    /// The tallies of miners with these numbers of completed, failed and unfinished episodes in
    /// each environment, the first `wins` of which succeeded.
    fn tallies(miners: &[(CycleMiner, u32)], completed: u32, failed: u32) -> Tallies {
        let all: Vec<CycleMiner> = miners.iter().map(|(miner, _)| miner.clone()).collect();
        let mut tallies = Tallies::new(&all, &envs());
        for (miner, wins) in miners {
            for env_id in &envs() {
                for episode in 0..EPISODES {
                    let status = match episode {
                        _ if episode < completed => JobStatus::Completed,
                        _ if episode < completed + failed => JobStatus::Failed,
                        _ => JobStatus::Pending,
                    };
                    tallies.add(&task(miner.uid.0, env_id, episode, status, *wins));
                }
            }
        }
        tallies
    }

    fn report(result: &CycleResult) -> CycleReport {
        serde_json::from_value(result.report.clone()).unwrap()
    }

    #[test]
    fn failed_episodes_count_in_nobodys_score_and_are_named() {
        let miners = [miner(1, 10)];
        let tallies = tallies(&[(miners[0].clone(), 4)], 8, 2);
        let result =
            judge(&rules(), &ParetoSubsets::new(), &miners, tallies, &present(&miners), false)
                .unwrap();
        assert_eq!(result.scores.len(), 2);
        let row = &result.scores[0];
        assert_eq!((row.success_rate, row.episodes_completed, row.episodes_failed), (0.5, 8, 2));
        let expected: f64 = (0..8).map(|episode| f64::from(episode) * 0.1).sum::<f64>() / 8.0;
        assert_eq!(row.mean_reward, expected);
        let report = report(&result);
        assert!(!report.timed_out);
        let MissingEpisodes { completed, failed, unfinished, .. } = report.missing[0];
        assert_eq!((completed, failed, unfinished), (8, 2, 0));
        assert_eq!(report.missing.len(), 2);
        assert_eq!(report.outcomes[&MinerUid(1)]["success"], 8);
        assert_eq!(report.outcomes[&MinerUid(1)]["failure"], 8);
    }

    #[test]
    fn below_the_minimum_coverage_there_is_a_reason_instead_of_a_result() {
        let miners = [miner(1, 10), miner(2, 20)];
        let with = [(miners[0].clone(), 5), (miners[1].clone(), 5)];
        let here = present(&miners);
        let late =
            judge(&rules(), &ParetoSubsets::new(), &miners, tallies(&with, 7, 1), &here, true)
                .unwrap_err();
        assert!(late.starts_with("the time limit of 2h was reached"), "{late}");
        assert!(late.contains("miner 1 has 7 of 10 episodes in env/a (1 could not"), "{late}");
        assert!(late.contains("2 are unfinished") && late.contains("3 more"), "{late}");
        let broken =
            judge(&rules(), &ParetoSubsets::new(), &miners, tallies(&with, 7, 3), &here, false)
                .unwrap_err();
        assert!(broken.starts_with("too many episodes could not be run"), "{broken}");
        // Exactly the required share is enough.
        assert!(
            judge(&rules(), &ParetoSubsets::new(), &miners, tallies(&with, 8, 0), &here, true)
                .is_ok()
        );
    }

    #[test]
    fn every_share_that_can_be_typed_is_met_by_as_many_episodes() {
        for planned in 1..=60 {
            for completed in 1..=planned {
                let typed: f64 =
                    format!("{}", f64::from(completed) / f64::from(planned)).parse().unwrap();
                assert!(f64::from(completed) / f64::from(planned) >= typed);
            }
        }
    }

    #[test]
    fn a_copy_that_committed_later_wins_nothing() {
        let miners = [miner(1, 10), miner(2, 20)];
        // The copy has the lower uid and comes first in the list: only blocks decide.
        let miners = [CycleMiner { uid: MinerUid(0), ..miners[1].clone() }, miners[0].clone()];
        let with = [(miners[0].clone(), 9), (miners[1].clone(), 9)];
        let result = judge(
            &rules(),
            &ParetoSubsets::new(),
            &miners,
            tallies(&with, 10, 0),
            &present(&miners),
            false,
        )
        .unwrap();
        let points = report(&result).scoring.subset_scores;
        assert_eq!(points[&MinerUid(0)], 0.0);
        assert_eq!(points[&MinerUid(1)], 4.0);
        assert_eq!(result.weights.uids, [MinerUid(0), MinerUid(1)]);
        assert!(result.weights.shares[0] < 0.02, "{:?}", result.weights.shares);
    }

    #[test]
    fn who_has_left_gets_no_weight_and_neither_does_the_slots_new_owner() {
        let miners = [miner(1, 10), miner(2, 20), miner(3, 30)];
        let with: Vec<_> = miners.iter().map(|miner| (miner.clone(), 9)).collect();
        let mut here = present(&miners);
        here.remove(&MinerUid(1));
        here.insert(MinerUid(2), Hotkey::from_account_id([99; 32]));
        let result =
            judge(&rules(), &ParetoSubsets::new(), &miners, tallies(&with, 10, 0), &here, false)
                .unwrap();
        assert_eq!(result.weights.uids, [MinerUid(3)]);
        assert_eq!(report(&result).left, [MinerUid(1), MinerUid(2)]);
        assert_eq!(result.scores.len(), 6, "what they reached is still told");
        let nobody = judge(
            &rules(),
            &ParetoSubsets::new(),
            &miners,
            tallies(&with, 10, 0),
            &BTreeMap::new(),
            false,
        );
        assert!(nobody.unwrap_err().contains("left the subnet"));
    }

    #[test]
    fn the_order_of_the_miners_does_not_matter() {
        let miners = [miner(3, 30), miner(1, 10), miner(2, 20)];
        let with: Vec<_> =
            miners.iter().zip([9, 3, 6]).map(|(miner, wins)| (miner.clone(), wins)).collect();
        let mut sorted = miners.clone();
        sorted.sort_by_key(|miner| miner.uid);
        let judged = |miners: &[CycleMiner]| {
            judge(
                &rules(),
                &ParetoSubsets::new(),
                miners,
                tallies(&with, 10, 0),
                &present(miners),
                false,
            )
            .unwrap()
        };
        assert_eq!(judged(&miners), judged(&sorted));
    }
}
