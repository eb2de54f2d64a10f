//! Measurements of this machine, as ratios within one run: absolute figures of a shared machine
//! mean little.
//!
//! `kinitro bench sim` prints them, and `docs/BENCHMARKS.md` says what came out and what was asked
//! for.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use kinitro_core::Seed;
use serde::Serialize;

use crate::env::metaworld::{MetaWorld, RawEnvironment};
use crate::env::{Environment, EnvironmentError, EnvironmentFamily};
use crate::policy::serve::PolicyServer;
use crate::policy::{HttpPolicy, Policy, ZeroPolicy};
use crate::report::Latencies;
use crate::{EvaluationError, Registry};

/// Steps of an episode that are timed.
const STEPS: usize = 500;

/// Two rates measured in turns.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What was measured.
    pub name: String,
    /// Median rate of what is judged, 1/s.
    pub rate: f64,
    /// Median rate of what it is compared with, 1/s.
    pub baseline: f64,
    /// The median of the ratios, round by round.
    pub ratio: f64,
    /// The smallest of them.
    pub min_ratio: f64,
    /// The largest.
    pub max_ratio: f64,
}

impl Comparison {
    fn new(name: String, rounds: &[(f64, f64)]) -> Self {
        let ratios = sorted(rounds.iter().map(|(rate, baseline)| rate / baseline));
        Self {
            name,
            rate: median(&sorted(rounds.iter().map(|round| round.0))),
            baseline: median(&sorted(rounds.iter().map(|round| round.1))),
            ratio: median(&ratios),
            min_ratio: ratios[0],
            max_ratio: ratios[ratios.len() - 1],
        }
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// Steps per second of the raw environment against the bare physics of the same model: five
/// `mj_step` and one `mj_forward` a step, from the same state and with the same controls, so that
/// both go through the very same motions. One thread.
///
/// # Errors
/// When the environment cannot be made or breaks down.
pub fn raw_against_bare_physics(
    family: &MetaWorld,
    task: &str,
    rounds: u32,
) -> Result<Comparison, EnvironmentError> {
    let (tasks, actions) = (family.make(task)?, actions());
    let mut environment = family.make_raw(task)?;
    let mut timed = Vec::new();
    for round in 0..rounds {
        let placement = tasks.generate_task(Seed(u64::from(round))).placement;
        environment.reset(&placement)?;
        let mut bare = environment.bare();
        // Which goes first changes from round to round.
        let first = round % 2 == 0;
        let physics = |bare: &mut crate::env::metaworld::BarePhysics| {
            let started = Instant::now();
            actions.iter().for_each(|action| bare.step(action));
            STEPS as f64 / started.elapsed().as_secs_f64()
        };
        let before = first.then(|| physics(&mut bare));
        let started = Instant::now();
        for action in &actions {
            environment.step(*action)?;
        }
        let rate = STEPS as f64 / started.elapsed().as_secs_f64();
        let baseline = before.unwrap_or_else(|| physics(&mut bare));
        timed.push((rate, baseline));
    }
    Ok(Comparison::new(format!("raw {task} against bare physics"), &timed))
}

/// Raw steps per second of two threads together against one alone.
///
/// # Errors
/// When an environment cannot be made or breaks down.
pub fn two_threads_against_one(
    family: &MetaWorld,
    task: &str,
    rounds: u32,
) -> Result<Comparison, EnvironmentError> {
    let placement = family.make(task)?.generate_task(Seed(0)).placement;
    let mut pair = [family.make_raw(task)?, family.make_raw(task)?];
    let mut timed = Vec::new();
    for _ in 0..rounds {
        let alone = together(&mut pair[..1], &placement)?;
        let both = together(&mut pair, &placement)?;
        timed.push((both, alone));
    }
    Ok(Comparison::new(format!("raw {task}, two threads against one"), &timed))
}

/// Steps per second of environments that each run on a thread of their own, resets not counted.
fn together(
    environments: &mut [RawEnvironment],
    placement: &[f64],
) -> Result<f64, EnvironmentError> {
    let threads = environments.len();
    let (ready, actions) = (Barrier::new(threads), actions());
    let times = std::thread::scope(|scope| {
        let runs: Vec<_> = environments
            .iter_mut()
            .map(|environment| {
                let (ready, actions) = (&ready, &actions);
                scope.spawn(move || -> Result<Duration, EnvironmentError> {
                    let mut spent = Duration::ZERO;
                    // Long enough for the threads to overlap almost all of the time.
                    for _ in 0..5 {
                        environment.reset(placement)?;
                        ready.wait();
                        let started = Instant::now();
                        for action in actions {
                            environment.step(*action)?;
                        }
                        spent += started.elapsed();
                    }
                    Ok(spent)
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect::<Result<Vec<_>, _>>()
    })?;
    Ok(times.iter().map(|spent| (5 * STEPS) as f64 / spent.as_secs_f64()).sum())
}

/// The same random actions every time, each held for five steps.
fn actions() -> Vec<[f64; 4]> {
    let env_id = "bench/actions".parse().expect("it is of the form family/task");
    let mut rng = crate::env::TaskRng::new("bench", &env_id, Seed(0));
    let mut action = [0.0; 4];
    let step = |index: usize| {
        if index.is_multiple_of(5) {
            action = std::array::from_fn(|_| rng.uniform(-1.0, 1.0));
        }
        action
    };
    (0..STEPS).map(step).collect()
}

/// What the way to a policy and back costs.
#[derive(Debug, Clone, Serialize)]
pub struct RoundTrip {
    /// Time that half of the actions took at most, ms.
    pub p50_ms: f64,
    /// Time that 99 of 100 took at most, ms.
    pub p99_ms: f64,
    /// How many were asked for.
    pub actions: u64,
}

/// The time from asking a policy behind HTTP on this machine to its action, when the policy does
/// nothing: what the harness adds to a policy's own time. No pictures.
///
/// # Errors
/// When environment or server cannot be made, or the policy fails.
pub fn round_trip(family: &MetaWorld, task: &str) -> Result<RoundTrip, EvaluationError> {
    let broken = |error: std::io::Error| EvaluationError::Settings(format!("no server: {error}"));
    let (send_address, address) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let serve = async {
                let server = PolicyServer::bind("127.0.0.1:0").await?;
                // The receiver is gone when the measurement failed before it began.
                let _ = send_address.send(server.local_addr());
                let until = async { drop(stopped.await) };
                server.serve(ZeroPolicy::new(Registry::builtin()), until).await
            };
            runtime().and_then(|runtime| runtime.block_on(serve))
        });
        let address = address
            .recv()
            .map_err(|_| EvaluationError::Settings("the server did not start".to_owned()))?;
        let mut policy = HttpPolicy::new(&format!("http://{address}"))
            .map_err(|error| EvaluationError::Settings(error.to_string()))?;
        let mut environment = family.make(task)?;
        let spent = runtime().map_err(broken)?.block_on(async {
            let mut spent = Latencies::default();
            for seed in 0..4 {
                episode(environment.as_mut(), &mut policy, Seed(seed), &mut spent).await?;
            }
            Ok::<_, EvaluationError>(spent)
        });
        // The server ends when the sender is dropped, whatever came of the measurement.
        drop(stop);
        let spent = spent?;
        let millis = |share| spent.quantile(share).map_or(0.0, |t| t.as_secs_f64() * 1e3);
        Ok(RoundTrip { p50_ms: millis(0.5), p99_ms: millis(0.99), actions: spent.count() })
    })
}

async fn episode(
    environment: &mut dyn Environment,
    policy: &mut HttpPolicy,
    seed: Seed,
    spent: &mut Latencies,
) -> Result<(), EvaluationError> {
    let task = environment.generate_task(seed);
    let mut observation = environment.reset(&task)?;
    policy.reset(&kinitro_core::TaskConfig::new(task.env_id.clone(), seed)).await?;
    for _ in 0..STEPS {
        let asked = Instant::now();
        let action = policy.act(&observation).await?;
        spent.record(asked.elapsed());
        observation = environment.step(&action)?.observation;
    }
    Ok(())
}
