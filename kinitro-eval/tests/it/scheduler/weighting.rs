//! Cycles that are judged by somebody else's rule.

use std::sync::Arc;

use kinitro_core::MinerUid;
use kinitro_core::scoring::{
    Rounding, ScoreTable, Scores, ScoringError, WeightSet, Weighting, WeightingError, Weightings,
    conformance,
};
use kinitro_eval::CancellationToken;
use kinitro_eval::backend::scheduler::{SchedulerError, SchedulerSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::stage::{Stage, idle, run_until, skilled, within_reason};

/// Shares in proportion to the mean success rate of those who reach `least`.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Proportional {
    least: f64,
}

impl Weighting for Proportional {
    fn name(&self) -> &str {
        "proportional"
    }

    fn options(&self) -> Value {
        json!({"least": self.least})
    }

    fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
        let scores = table.scores();
        let means = scores.rows().into_iter().map(|row| row.mean().unwrap_or(0.0));
        let earned: Vec<f64> =
            means.map(|mean| if mean < self.least { 0.0 } else { mean }).collect();
        let sum: f64 = earned.iter().sum();
        let weights = if sum == 0.0 {
            WeightSet::nobody(self.method())
        } else {
            let shares = earned.iter().map(|mean| mean / sum).collect();
            WeightSet::new(table.uids().to_vec(), shares, Rounding::Floor, self.method())?
        };
        Ok(Scores::new(table, weights))
    }
}

fn rules() -> Weightings {
    Weightings::builtin()
        .with("proportional", |options| serde_json::from_value::<Proportional>(options.clone()))
}

fn by(least: f64) -> impl FnOnce(&mut SchedulerSettings) {
    move |settings| settings.weighting = Arc::new(Proportional { least })
}

#[test]
fn the_rule_keeps_the_contract() {
    for least in [0.0, 0.5, 2.0] {
        conformance::weighting(&Proportional { least }, &rules());
    }
}

#[tokio::test]
async fn a_cycle_is_judged_by_the_rule_that_the_scheduler_was_given() {
    let stage = Stage::new(3).await;
    let scheduler = stage.scheduler_with(&stage.store, by(0.5));
    let end = stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    let published = stage.weights().await;
    let weights = published.weights;
    assert_eq!(weights.method.name, "proportional");
    assert_eq!(weights.method.options, json!({"least": 0.5}));
    // Their success rates are 0.3, 0.6 and 0.9.
    let expected = [0.0, 0.4, 0.6];
    assert!(
        weights.shares.iter().zip(expected).all(|(share, value)| (share - value).abs() < 1e-9),
        "{weights:?}"
    );
    let scoring = stage.report().await.scoring;
    assert!(scoring.subset_scores.is_empty() && scoring.thresholds.is_empty(), "{scoring:?}");
    assert_eq!(scoring.frontier, [MinerUid(2)]);
}

#[tokio::test]
async fn a_cycle_in_which_nobody_earns_has_no_weights() {
    let stage = Stage::new(2).await;
    let scheduler = stage.scheduler_with(&stage.store, by(2.0));
    let end = stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    let weights = stage.weights().await.weights;
    assert!(weights.is_nobody() && weights.values.is_empty(), "{weights:?}");
    assert_eq!(stage.scores().await.rows.len(), 6);
}

#[tokio::test]
async fn a_cycle_is_finished_by_the_rule_it_was_begun_with() {
    let stage = Stage::new(3).await;
    let first = stage.scheduler_with(&stage.store, by(0.5));
    stage.with_executors(idle, run_until(&first, stage.until_begun())).await;
    drop(first);

    // A scheduler that does not know the rule leaves the cycle alone.
    let ignorant = stage.scheduler();
    let error = within_reason(ignorant.run_cycle(&CancellationToken::new())).await.unwrap_err();
    let SchedulerError::Weighting(WeightingError::Unknown { name, known }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!((name.as_str(), known.len()), ("proportional", 2));
    assert!(!error.is_transient());
    drop(ignorant);
    assert!(stage.store.running_cycle().await.unwrap().is_some());

    // One with another rule of its own that can make it finishes it.
    let second = stage.scheduler_with(&stage.store, |settings| settings.weightings = rules());
    let end = stage.with_executors(skilled, second.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    assert_eq!(stage.weights().await.weights.method.options, json!({"least": 0.5}));

    let end = stage.with_executors(skilled, second.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    assert_eq!(stage.weights().await.weights.method.name, "pareto-subsets");
}
