//! What holds for every table: the exact count is the enumeration, a copy never earns, and nothing
//! depends on the order of miners or environments.

use kinitro_core::scoring::{
    EnvSet, Gap, MinerScores, ParetoSubsets, PointScale, Rounding, Scheme, ScoreTable, Thresholds,
    Uniform, Weighting, count_wins, enumerate_wins, explain,
};
use kinitro_core::{BlockNumber, EnvId, MinerUid};
use proptest::prelude::*;

const EPISODES: u32 = 20;

fn env_ids(n: usize) -> Vec<EnvId> {
    (0..n).map(|env| format!("env/{env}").parse().unwrap()).collect()
}

fn table(envs: usize, miners: Vec<MinerScores>) -> ScoreTable {
    ScoreTable::new(env_ids(envs), miners, EPISODES).unwrap()
}

/// Miners with blocks that are often the same or unknown and scores that are often missing, close
/// or equal.
fn miners(envs: usize, max: usize) -> impl Strategy<Value = Vec<MinerScores>> {
    let score = prop_oneof![
        1 => Just(None),
        4 => (0..=EPISODES).prop_map(|successes| Some(f64::from(successes) / f64::from(EPISODES))),
        2 => (8u32..14).prop_map(|successes| Some(f64::from(successes) / f64::from(EPISODES))),
    ];
    let block = prop_oneof![1 => Just(None), 6 => (0u64..5).prop_map(|block| Some(block.into()))];
    let row = (block, prop::collection::vec(score, envs));
    prop::collection::vec(row, 1..=max).prop_map(move |rows| {
        let ids = env_ids(envs);
        let miner = |(uid, (first_block, scores)): (usize, (_, Vec<Option<f64>>))| MinerScores {
            // Uids out of order, so that neither rows nor uids stand for who came first.
            uid: MinerUid((uid * 37 % 101) as u16),
            first_block,
            scores: ids.iter().cloned().zip(scores).filter_map(|(e, s)| Some((e, s?))).collect(),
        };
        rows.into_iter().enumerate().map(miner).collect()
    })
}

fn sized_table(max_envs: usize, max_miners: usize) -> impl Strategy<Value = ScoreTable> {
    (1..=max_envs).prop_flat_map(move |envs| {
        miners(envs, max_miners).prop_map(move |miners| table(envs, miners))
    })
}

fn gap() -> impl Strategy<Value = Gap> {
    prop_oneof![
        Just(Gap::default()),
        Just(Gap::new(0.0, 0.0, 0.0).unwrap()),
        Just(Gap::new(0.5, 0.01, 0.05).unwrap()),
    ]
}

/// The rows of the table rearranged: row `i` becomes what row `order[i]` was.
fn rearranged(table: &ScoreTable, rows: &[usize], envs: &[usize]) -> ScoreTable {
    let ids = table.env_ids();
    let miners = rows.iter().map(|&row| MinerScores {
        uid: table.uids()[row],
        first_block: table.first_blocks()[row],
        scores: table
            .measured(row)
            .iter()
            .map(|env| (ids[env].clone(), table.scores()[[row, env]]))
            .collect(),
    });
    let env_ids = envs.iter().map(|&env| ids[env].clone()).collect();
    ScoreTable::new(env_ids, miners.collect(), table.episodes_per_env()).unwrap()
}

fn shuffled(n: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..n).collect::<Vec<_>>()).prop_shuffle()
}

/// Every implementation of the trait, with all its options: each must keep the laws below.
fn weightings() -> Vec<Box<dyn Weighting>> {
    let mut all: Vec<Box<dyn Weighting>> = vec![Box::new(Uniform {})];
    for scheme in Scheme::ALL {
        for points in [PointScale::Raw, PointScale::Share] {
            for rounding in [Rounding::Floor, Rounding::LargestRemainder] {
                let rule = ParetoSubsets::new().scheme(scheme).points(points).rounding(rounding);
                all.push(Box::new(rule.temperature(2.0)));
            }
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_exact_count_is_the_enumeration(table in sized_table(10, 14), gap in gap()) {
        let thresholds = Thresholds::new(&table, &gap);
        let exact = count_wins(&table, &thresholds, u64::MAX).unwrap();
        let enumerated = enumerate_wins(&table, &thresholds).unwrap();
        prop_assert_eq!(&exact, &enumerated);
        for scheme in Scheme::ALL {
            for wins in &exact {
                let by_hand: u128 = wins.iter().map(|(k, n)| u128::from(n) * scheme.points(k)).sum();
                prop_assert_eq!(wins.points(scheme), by_hand);
            }
        }
    }

    #[test]
    fn many_ties_are_the_enumeration_too(miners in miners(6, 24), block in 0u64..3) {
        // All but the first three in one block.
        let mut miners = miners;
        for miner in miners.iter_mut().skip(3) {
            miner.first_block = Some(BlockNumber(block));
        }
        let table = table(6, miners);
        let thresholds = Thresholds::new(&table, &Gap::default());
        let exact = count_wins(&table, &thresholds, u64::MAX).unwrap();
        prop_assert_eq!(exact, enumerate_wins(&table, &thresholds).unwrap());
    }

    #[test]
    fn a_copy_never_earns(table in sized_table(7, 8), original in any::<prop::sample::Index>()) {
        let rows: Vec<usize> = (0..table.miner_count()).collect();
        let envs: Vec<usize> = (0..table.env_count()).collect();
        let original = original.index(rows.len());
        let mut with_copy: Vec<MinerScores> = Vec::new();
        let ids = table.env_ids();
        for &row in rows.iter().chain([&original]) {
            let scores = table.measured(row).iter();
            with_copy.push(MinerScores {
                uid: table.uids()[row],
                first_block: table.first_blocks()[row],
                scores: scores.map(|env| (ids[env].clone(), table.scores()[[row, env]])).collect(),
            });
        }
        let copy = with_copy.last_mut().unwrap();
        copy.uid = MinerUid(500);
        copy.first_block = copy.first_block.map(|block| BlockNumber(block.0 + 1));
        let with_copy = ScoreTable::new(env_ids(envs.len()), with_copy, EPISODES).unwrap();
        for scheme in Scheme::ALL {
            let rule = ParetoSubsets::new().scheme(scheme);
            let before = rule.score(&table).unwrap().points;
            let after = rule.score(&with_copy).unwrap().points;
            prop_assert_eq!(after[rows.len()], 0, "the copy earns");
            // The copy beats no one whom the original does not beat, so no one gains from it.
            for row in rows.clone() {
                prop_assert!(after[row] <= before[row]);
            }
        }
    }

    #[test]
    fn nothing_depends_on_the_order(
        (table, rows, envs) in sized_table(7, 9).prop_flat_map(|table| {
            let (rows, envs) = (shuffled(table.miner_count()), shuffled(table.env_count()));
            (Just(table), rows, envs)
        })
    ) {
        let other = rearranged(&table, &rows, &envs);
        let rule = ParetoSubsets::new();
        let (a, b) = (rule.score(&table).unwrap(), rule.score(&other).unwrap());
        for (new, &old) in rows.iter().enumerate() {
            prop_assert_eq!(a.points[old], b.points[new]);
            prop_assert_eq!(&a.wins[old], &b.wins[new]);
            prop_assert!((a.weights.shares[old] - b.weights.shares[new]).abs() < 1e-12);
            prop_assert_eq!(other.uids()[new], table.uids()[old]);
        }
        for rule in weightings() {
            let (a, b) = (rule.weigh(&table).unwrap(), rule.weigh(&other).unwrap());
            for (new, &old) in rows.iter().enumerate() {
                prop_assert!((a.shares[old] - b.shares[new]).abs() < 1e-12);
            }
        }
        for (new, &old) in envs.iter().enumerate() {
            prop_assert!((a.epsilons[old] - b.epsilons[new]).abs() < 1e-6);
        }
    }

    #[test]
    fn weights_of_every_rule_are_shares(table in sized_table(6, 10)) {
        for rule in weightings() {
            let weights = rule.weigh(&table).unwrap();
            prop_assert_eq!(weights.uids.as_slice(), table.uids());
            prop_assert_eq!(weights.shares.len(), table.miner_count());
            prop_assert!(weights.shares.iter().all(|share| (0.0..=1.0).contains(share)));
            prop_assert!((weights.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            prop_assert!(weights.values.iter().map(|&v| u32::from(v)).sum::<u32>() <= 65535);
            prop_assert_eq!(&weights, &rule.weigh(&table).unwrap());
            prop_assert_eq!(weights.method, rule.method());
        }
    }

    #[test]
    fn weights_are_monotone_in_points(table in sized_table(6, 10), temperature in 0.01f64..100.0) {
        let scores = ParetoSubsets::new().temperature(temperature).score(&table).unwrap();
        let all = scores.points.iter().zip(&scores.weights.shares);
        for (a, share_a) in all.clone() {
            for (b, share_b) in all.clone() {
                prop_assert!(a < b || share_a >= share_b);
            }
        }
    }

    #[test]
    fn what_is_denied_and_what_is_won_is_everything(table in sized_table(6, 8)) {
        let thresholds = Thresholds::new(&table, &Gap::default());
        let all = explain(&table, &thresholds, Scheme::Linear, u64::MAX).unwrap();
        let everything = EnvSet::first(table.env_count()).bits();
        let won: u128 = all.miners.iter().map(|miner| miner.wins.total()).sum();
        prop_assert_eq!(won + all.unclaimed.total(), u128::from(everything));
        for miner in &all.miners {
            // Denials may overlap, but together they account for every set that is not won.
            let denied: u128 = miner.denials.iter().map(|denial| denial.sets.total()).sum();
            let missing = u128::from(everything) - miner.wins.total();
            prop_assert!(denied >= missing, "{:?}", miner);
            for denial in &miner.denials {
                prop_assert!(denial.sets.total() <= missing, "{:?}", miner);
            }
        }
    }
}

#[test]
fn the_exponential_scheme_is_exact_at_sixty_four_environments() {
    let ids = env_ids(64);
    let all = |score: f64| ids.iter().cloned().map(|env| (env, score)).collect();
    let first = MinerScores { uid: 1.into(), first_block: Some(1.into()), scores: all(0.5) };
    let mut second = MinerScores { uid: 2.into(), first_block: Some(2.into()), scores: all(0.5) };
    second.scores.insert(ids[63].clone(), 1.0);
    let table = ScoreTable::new(ids, vec![first, second], 50).unwrap();
    let scores = ParetoSubsets::new().scheme(Scheme::Exponential).score(&table).unwrap();
    assert_eq!(scores.points, [(3u128.pow(64) - 1) / 2 - 1, 1]);
}

#[test]
fn a_table_that_is_too_hard_ends_in_an_error_that_names_the_choices() {
    let ids = env_ids(64);
    let mut state = 1u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let miners = (0..200).map(|uid| MinerScores {
        uid: MinerUid(uid),
        first_block: Some(BlockNumber(u64::from(uid > 0))),
        scores: ids.iter().map(|env| (env.clone(), uniform())).collect(),
    });
    let table = ScoreTable::new(ids.clone(), miners.collect(), 50).unwrap();
    let error = ParetoSubsets::new().work_limit(10_000).score(&table).unwrap_err().to_string();
    for choice in ["10000 steps", "raise the work limit", "fewer environments", "widen the gap"] {
        assert!(error.contains(choice), "{error}");
    }
    let thresholds = Thresholds::new(&table, &Gap::default());
    let error = enumerate_wins(&table, &thresholds).unwrap_err().to_string();
    assert!(error.contains("use the exact count"), "{error}");
}
