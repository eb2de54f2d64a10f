//! How long a whole scoring takes, from the table to the weights: `cargo bench -p kinitro-core`.
//!
//! - `realistic`: 256 miners, binomial over 50 episodes, with specialists, generalists and copies,
//!   some first blocks the same. To be under 2 ms on 8 environments, 20 ms on 20, 50 ms on 50.
//! - `uniform-noise`: 256 miners whose scores are uniform random numbers. On 30 environments to be
//!   under 5 s.
//! - `enumeration`: the same realistic tables as the exact count beside it, at 12 and 16
//!   environments; only the counting.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use kinitro_core::scoring::{
    DEFAULT_WORK_LIMIT, Gap, ParetoSubsets, ScoreTable, SimulatedSubnet, Thresholds, count_wins,
    enumerate_wins,
};
use kinitro_core::{BlockNumber, EnvId, MinerUid, Seed};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const MINERS: u16 = 256;
const EPISODES: u32 = 50;

fn realistic(envs: usize) -> ScoreTable {
    let subnet =
        SimulatedSubnet { miners: MINERS, envs, episodes_per_env: EPISODES, seed: Seed(1) };
    subnet.simulate().expect("the subnet has miners and environments").table
}

/// Uniform random scores, every miner with a block of its own or all with the same one.
fn noise(envs: usize, same_block: bool) -> ScoreTable {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let scores = Array2::from_shape_simple_fn((usize::from(MINERS), envs), || {
        (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    });
    let env_ids = (0..envs)
        .map(|env| EnvId::new("noise", &env.to_string()).expect("a number is a task name"))
        .collect();
    let block = |uid: u16| BlockNumber(if same_block { 1 } else { uid.into() });
    let miners = (0..MINERS).map(|uid| (MinerUid(uid), Some(block(uid)))).collect();
    ScoreTable::from_array(env_ids, miners, scores, EPISODES).expect("the scores are rates")
}

fn score(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("realistic");
    for envs in [8, 20, 50, 64] {
        let table = realistic(envs);
        group.bench_with_input(BenchmarkId::from_parameter(envs), &table, |bencher, table| {
            bencher.iter(|| ParetoSubsets::new().score(black_box(table)));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("uniform-noise");
    group.sample_size(10);
    for (name, envs, same_block) in
        [("30", 30, false), ("50", 50, false), ("64", 64, false), ("12-one-block", 12, true)]
    {
        let table = noise(envs, same_block);
        group.bench_with_input(name, &table, |bencher, table| {
            bencher.iter(|| ParetoSubsets::new().score(black_box(table)));
        });
    }
    group.finish();
}

fn count(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("enumeration");
    group.sample_size(10);
    for envs in [12, 16] {
        let table = realistic(envs);
        let thresholds = Thresholds::new(&table, &Gap::default());
        group.bench_function(BenchmarkId::new("exact", envs), |bencher| {
            bencher.iter(|| count_wins(black_box(&table), &thresholds, DEFAULT_WORK_LIMIT));
        });
        group.bench_function(BenchmarkId::new("enumerated", envs), |bencher| {
            bencher.iter(|| enumerate_wins(black_box(&table), &thresholds));
        });
    }
    group.finish();
}

criterion_group!(benches, score, count);
criterion_main!(benches);
