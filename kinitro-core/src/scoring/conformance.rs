//! Checks, to be called from tests, of the rules that every [`Weighting`] must follow.
//!
//! ```
//! use kinitro_core::scoring::{ParetoSubsets, Weightings, conformance};
//!
//! conformance::weighting(&ParetoSubsets::new(), &Weightings::builtin());
//! ```

use std::collections::BTreeMap;

use super::{MinerScores, ScoreTable, SimulatedSubnet, WeightSet, Weighting, Weightings};
use crate::{EnvId, MinerUid};

/// How much sums of shares may differ depending on the order of addition.
const TOLERANCE: f64 = 1e-9;

/// Checks a rule on tables of many shapes. `rules` must be able to make the rule by its name.
///
/// # Panics
/// At the first violation, with a description of it.
pub fn weighting(rule: &dyn Weighting, rules: &Weightings) {
    let name = rule.name();
    assert!(!name.is_empty(), "the rule has no name");
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    assert!(name.chars().all(is_plain), "`{name}` is no plain name");
    assert!(rule.options().is_object(), "the options of `{name}` are no JSON object");
    assert_eq!(rule.method().name, name, "the method has another name");
    assert_eq!(rule.method().options, rule.options(), "the method has other options");
    // In the form in which a store keeps it.
    let stored = serde_json::to_string(&rule.method()).expect("a method can be written");
    let stored = serde_json::from_str(&stored).expect("a method can be read");
    let again = rules.of(&stored).expect("the rule can be made again by name and options");
    assert_eq!(again.method(), rule.method(), "the rule that is made again is another one");
    for (what, table) in tables() {
        let scores = rule.score(&table);
        let scores = scores.unwrap_or_else(|error| panic!("{what}: `{name}` fails: {error}"));
        let weights = &scores.weights;
        is_valid(what, &table, weights);
        assert_eq!(weights.method, rule.method(), "{what}: the weights have another method");
        for (part, length) in [("points", scores.points.len()), ("wins", scores.wins.len())] {
            let fits = length == 0 || length == table.miner_count();
            assert!(fits, "{what}: there are {length} {part} for {} miners", table.miner_count());
        }
        if let Some(thresholds) = &scores.thresholds {
            let dimensions = (table.miner_count(), table.env_count());
            assert_eq!(thresholds.view().dim(), dimensions, "{what}: thresholds of another table");
        }
        let same = |other: &dyn Weighting| {
            other.score(&table).unwrap_or_else(|error| panic!("{what}, once more: {error}"))
        };
        assert_eq!(same(rule), scores, "{what}: the same table gives other scores");
        assert_eq!(same(&*again), scores, "{what}: the rule made again gives other scores");
        let weighed = rule.weigh(&table);
        let weighed = weighed.unwrap_or_else(|error| panic!("{what}, only weighed: {error}"));
        assert_eq!(&weighed, weights, "{what}: the weights alone are other ones");
        if let Ok(Some(explanations)) = rule.explain(&table) {
            let uids: Vec<MinerUid> = explanations.miners.iter().map(|miner| miner.uid).collect();
            let known = uids.iter().all(|uid| table.uids().contains(uid));
            assert!(known, "{what}: miners are explained who are not in the table");
        }
        for (order, other) in [("reversed", reversed(&table)), ("rotated", rotated(&table))] {
            let other = rule.weigh(&other);
            let other = other.unwrap_or_else(|error| panic!("{what}, {order}: {error}"));
            let (one, other) = (by_uid(weights), by_uid(&other));
            assert_eq!(one.len(), other.len(), "{what}, {order}: others earn");
            for ((uid, share), (other_uid, other_share)) in one.into_iter().zip(other) {
                assert_eq!(uid, other_uid, "{what}, {order}: others earn");
                let off = (share - other_share).abs();
                assert!(off <= TOLERANCE, "{what}, {order}: miner {uid} has another share");
            }
        }
    }
}

fn is_valid(what: &str, table: &ScoreTable, weights: &WeightSet) {
    let WeightSet { uids, shares, values, .. } = weights;
    assert_eq!(uids.len(), shares.len(), "{what}: not a share for each miner");
    assert_eq!(uids.len(), values.len(), "{what}: not an integer for each miner");
    if weights.is_nobody() {
        return;
    }
    assert_eq!(uids, table.uids(), "{what}: the weights are not in the order of the table");
    for (uid, share) in uids.iter().zip(shares) {
        assert!(share.is_finite() && *share >= 0.0, "{what}: miner {uid} has the share {share}");
    }
    let sum: f64 = shares.iter().sum();
    assert!((sum - 1.0).abs() <= TOLERANCE, "{what}: the shares have the sum {sum}");
    let units: u32 = values.iter().map(|&value| u32::from(value)).sum();
    let least = u32::from(u16::MAX).saturating_sub(uids.len() as u32);
    let fits = (least..=u32::from(u16::MAX)).contains(&units);
    assert!(fits, "{what}: the integers have the sum {units}");
    for (share, value) in shares.iter().zip(values) {
        let off = (share * f64::from(u16::MAX) - f64::from(*value)).abs();
        assert!(off <= 1.0 + TOLERANCE, "{what}: the share {share} became {value}");
    }
}

fn by_uid(weights: &WeightSet) -> BTreeMap<MinerUid, f64> {
    weights.uids.iter().copied().zip(weights.shares.iter().copied()).collect()
}

fn tables() -> Vec<(&'static str, ScoreTable)> {
    let simulated = |miners, envs, seed: u64| {
        let subnet = SimulatedSubnet { miners, envs, episodes_per_env: 50, seed: seed.into() };
        subnet.simulate().expect("the subnet is small").table
    };
    vec![
        ("one miner in one environment", table(&[(3, Some(7), &[Some(0.5)])])),
        ("nobody succeeds", table(&[(1, Some(1), &[Some(0.0); 3]), (2, Some(2), &[Some(0.0); 3])])),
        ("all succeed", table(&[(1, Some(2), &[Some(1.0); 3]), (2, Some(1), &[Some(1.0); 3])])),
        (
            "nobody's block is known",
            table(&[(5, None, &[Some(0.9), Some(0.1)]), (4, None, &[Some(0.1), Some(0.9)])]),
        ),
        (
            "scores are missing",
            table(&[(9, Some(4), &[None, Some(0.6)]), (8, Some(4), &[Some(0.3), None])]),
        ),
        (
            "a copy",
            table(&[
                (0, Some(20), &[Some(0.7), Some(0.5)]),
                (1, Some(10), &[Some(0.7), Some(0.5)]),
            ]),
        ),
        ("five simulated miners", simulated(5, 3, 1)),
        ("twenty simulated miners", simulated(20, 5, 2)),
        ("one simulated environment", simulated(12, 1, 3)),
    ]
}

type Row<'a> = (u16, Option<u64>, &'a [Option<f64>]);

fn table(rows: &[Row<'_>]) -> ScoreTable {
    let env = |at: usize| EnvId::new("point", &at.to_string()).expect("a number is a task name");
    let miner = |&(uid, block, scores): &Row<'_>| MinerScores {
        uid: uid.into(),
        first_block: block.map(Into::into),
        scores: scores
            .iter()
            .enumerate()
            .filter_map(|(at, score)| Some((env(at), (*score)?)))
            .collect(),
    };
    let envs = rows.first().map_or(0, |(_, _, scores)| scores.len());
    ScoreTable::new((0..envs).map(env).collect(), rows.iter().map(miner).collect(), 50)
        .expect("it is a table")
}

fn rows(table: &ScoreTable) -> Vec<MinerScores> {
    let row = |row: usize| MinerScores {
        uid: table.uids()[row],
        first_block: table.first_blocks()[row],
        scores: table
            .measured(row)
            .iter()
            .map(|env| (table.env_ids()[env].clone(), table.scores()[[row, env]]))
            .collect(),
    };
    (0..table.miner_count()).map(row).collect()
}

fn reordered(table: &ScoreTable, change: impl FnOnce(&mut Vec<MinerScores>)) -> ScoreTable {
    let mut rows = rows(table);
    change(&mut rows);
    ScoreTable::new(table.env_ids().to_vec(), rows, table.episodes_per_env())
        .expect("another order of the same rows is a table")
}

fn reversed(table: &ScoreTable) -> ScoreTable {
    reordered(table, |rows| rows.reverse())
}

fn rotated(table: &ScoreTable) -> ScoreTable {
    reordered(table, |rows| rows.rotate_left(1))
}

#[cfg(test)]
mod tests {
    use super::super::{
        ParetoSubsets, PointScale, Rounding, Scheme, Scores, ScoringError, Uniform,
    };
    use super::*;

    #[test]
    fn the_built_in_rules_keep_the_contract() {
        let rules = Weightings::builtin();
        weighting(&Uniform {}, &rules);
        for scheme in Scheme::ALL {
            for points in [PointScale::Raw, PointScale::Share] {
                for rounding in [Rounding::Floor, Rounding::LargestRemainder] {
                    let rule = ParetoSubsets::new().scheme(scheme).points(points);
                    weighting(&rule.rounding(rounding).temperature(0.3), &rules);
                }
            }
        }
    }

    /// No miner ever earns anything, or the first in the table gets everything.
    #[derive(Debug)]
    struct Extreme {
        nobody: bool,
    }

    impl Weighting for Extreme {
        fn name(&self) -> &str {
            if self.nobody { "nobody" } else { "first" }
        }

        fn options(&self) -> serde_json::Value {
            serde_json::json!({})
        }

        fn score(&self, table: &ScoreTable) -> Result<Scores, ScoringError> {
            let mut shares = vec![0.0; table.miner_count()];
            shares[0] = 1.0;
            let weights = match self.nobody {
                true => WeightSet::nobody(self.method()),
                false => {
                    WeightSet::new(table.uids().to_vec(), shares, Rounding::Floor, self.method())?
                }
            };
            Ok(Scores::new(table, weights))
        }
    }

    fn rules() -> Weightings {
        let make = |nobody| move |_: &serde_json::Value| Ok::<_, WeightsError>(Extreme { nobody });
        Weightings::none().with("nobody", make(true)).with("first", make(false))
    }

    use super::super::WeightsError;

    #[test]
    fn nobody_may_earn_anything() {
        weighting(&Extreme { nobody: true }, &rules());
    }

    #[test]
    #[should_panic(expected = "has another share")]
    fn who_is_listed_first_must_not_matter() {
        weighting(&Extreme { nobody: false }, &rules());
    }

    #[test]
    #[should_panic(expected = "can be made again")]
    fn a_rule_that_nobody_can_make_again_is_found_out() {
        weighting(&Extreme { nobody: true }, &Weightings::builtin());
    }
}
