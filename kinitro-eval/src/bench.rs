//! Measurements of this machine, mostly as ratios within one run: absolute figures of a shared
//! machine mean little. `docs/BENCHMARKS.md` has the results and the goals.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use kinitro_core::Seed;
use serde::Serialize;

use crate::env::metaworld::{MetaWorld, Parameters, Pictures, RawEnvironment};
use crate::env::{
    Environment, EnvironmentError, EnvironmentFamily, PoolError, PoolOptions, VecEnvironment,
};
use crate::policy::serve::PolicyServer;
use crate::policy::{EpisodeStart, HttpPolicy, TimeLimits, ZeroPolicy};
use crate::{EvaluationError, Latencies, Registry};

/// Steps of an episode that are timed.
const STEPS: usize = 500;

/// Two rates, measured in turns.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// What was measured, in words.
    pub name: String,
    /// The median rate of what was measured, 1/s.
    pub rate: f64,
    /// The median rate of what it is compared with, 1/s.
    pub baseline: f64,
    /// The median of the ratios, round by round.
    pub ratio: f64,
    /// The smallest ratio.
    pub min_ratio: f64,
    /// The largest ratio.
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
    let actions = actions();
    let mut environment = family.make_raw(task)?;
    let mut timed = Vec::new();
    for round in 0..rounds {
        let placement = Parameters::draw(task, Seed(u64::from(round)))?.placement;
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
    let placement = Parameters::draw(task, Seed(0))?.placement;
    let mut pair = [family.make_raw(task)?, family.make_raw(task)?];
    let mut timed = Vec::new();
    for _ in 0..rounds {
        let alone = together(&mut pair[..1], &placement)?;
        let both = together(&mut pair, &placement)?;
        timed.push((both, alone));
    }
    Ok(Comparison::new(format!("raw {task}, two threads against one"), &timed))
}

/// Pairs of fast pictures of 84x84 against pairs of exact ones, by processor time.
///
/// # Errors
/// When an environment cannot be made or drawn.
pub fn fast_against_exact_pictures(task: &str, rounds: u32) -> Result<Comparison, PoolError> {
    let timed = (0..rounds).map(|_| {
        let (fast, exact) =
            (pair_ms(task, Pictures::Fast, 100)?, pair_ms(task, Pictures::Exact, 8)?);
        Ok((1e3 / fast, 1e3 / exact))
    });
    let timed = timed.collect::<Result<Vec<_>, PoolError>>()?;
    Ok(Comparison::new(format!("fast pairs of pictures of {task} against exact ones"), &timed))
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

/// Rates of one task on this machine, for scripts that measure something else in turn with them.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Rates {
    /// The task.
    pub task: String,
    /// Steps of the raw environment on one thread, 1/s.
    pub raw_steps: f64,
    /// Resets of the raw environment on one thread, 1/s.
    pub raw_resets: f64,
    /// Steps of a pool of eight environments on one thread, 1/s in all.
    pub pool_steps_one_thread: f64,
    /// The same on two threads.
    pub pool_steps_two_threads: f64,
    /// Processor time of two pictures of 84x84 drawn fast, ms, each pair after a step of an episode
    /// that the expert plays.
    pub fast_pair_ms: f64,
    /// The same for exact pictures.
    pub exact_pair_ms: f64,
}

/// One round of measurements, of about five seconds.
///
/// # Errors
/// When an environment cannot be made or breaks down.
pub fn rates(task: &str) -> Result<Rates, PoolError> {
    let family = MetaWorld::default();
    let placement = |seed| Parameters::draw(task, Seed(seed)).map(|drawn| drawn.placement);
    let mut raw = family.make_raw(task)?;
    let actions = actions();

    let started = Instant::now();
    let resets = 200;
    for seed in 0..resets {
        raw.reset(&placement(seed)?)?;
    }
    let raw_resets = resets as f64 / started.elapsed().as_secs_f64();

    let mut spent = Duration::ZERO;
    let episodes = 20;
    for seed in 0..episodes {
        raw.reset(&placement(seed)?)?;
        let started = Instant::now();
        for action in &actions {
            raw.step(*action)?;
        }
        spent += started.elapsed();
    }
    let raw_steps = (episodes as usize * STEPS) as f64 / spent.as_secs_f64();

    Ok(Rates {
        task: task.to_owned(),
        raw_steps,
        raw_resets,
        pool_steps_one_thread: pool_steps(task, &actions, 1)?,
        pool_steps_two_threads: pool_steps(task, &actions, 2)?,
        fast_pair_ms: pair_ms(task, Pictures::Fast, 150)?,
        exact_pair_ms: pair_ms(task, Pictures::Exact, 12)?,
    })
}

/// Slots of the pool that is measured.
const SLOTS: usize = 8;

fn pool_steps(task: &str, actions: &[[f64; 4]], threads: usize) -> Result<f64, PoolError> {
    let mut registry = Registry::empty();
    registry.register(MetaWorld::default());
    let id = registry.resolve(&format!("metaworld/{task}"))?.remove(0);
    let options = PoolOptions::default().with_threads(threads);
    let mut pool = VecEnvironment::new(&registry, &vec![id; SLOTS], options)?;
    pool.reset_all(Seed(0))?;
    let mut batch = ndarray::Array2::zeros((SLOTS, pool.action_len()));
    let mut steps = 0;
    let started = Instant::now();
    for action in actions {
        for mut row in batch.rows_mut() {
            row.iter_mut().zip(&action[..3]).for_each(|(cell, number)| *cell = *number);
            row[6] = f64::midpoint(action[3], 1.0);
        }
        let before: u32 = pool.batch().steps.sum();
        steps += pool.step(batch.view())?.steps.sum() - before;
    }
    Ok(f64::from(steps) / started.elapsed().as_secs_f64())
}

/// Processor time of a pair of pictures, ms.
fn pair_ms(task: &str, pictures: Pictures, pairs: u32) -> Result<f64, PoolError> {
    let family = MetaWorld::default().pictures(pictures);
    let mut environment = family.make(task)?;
    let mut expert = family
        .expert(task)
        .ok_or_else(|| PoolError::Settings(format!("`{task}` has no expert to play it")))?;
    let cameras: Vec<String> =
        environment.spec().cameras.iter().map(|camera| camera.name.clone()).collect();
    let first = environment.generate_scenario(Seed(0))?;
    environment.reset(&first)?;
    // The first pair makes the renderer.
    for camera in &cameras {
        environment.render(camera)?;
    }
    let started = processor_seconds();
    for _ in 0..pairs {
        let state = environment.full_state().unwrap_or_default();
        environment.step(&expert.act(&state))?;
        for camera in &cameras {
            environment.render(camera)?;
        }
    }
    Ok((processor_seconds() - started) * 1e3 / f64::from(pairs))
}

/// Processor time of all threads of this process, s, in steps of 10 ms; 0 where `/proc` is not.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in parentheses, may hold spaces: user and system time are the 12th
    // and 13th field after it, in hundredths of a second.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// The same random actions every time, each held for five steps.
fn actions() -> Vec<[f64; 4]> {
    let env_id = "bench/actions".parse().expect("it is of the form family/task");
    let mut rng = crate::env::SeededRng::new("bench", &env_id, Seed(0));
    let mut action = [0.0; 4];
    let step = |index: usize| {
        if index.is_multiple_of(5) {
            action = std::array::from_fn(|_| rng.uniform(-1.0, 1.0));
        }
        action
    };
    (0..STEPS).map(step).collect()
}

/// What the round trip to a policy costs.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RoundTrip {
    /// The time within which half of the actions were there, ms.
    pub p50_ms: f64,
    /// The time within which 99 of 100 actions were there, ms.
    pub p99_ms: f64,
    /// How many actions were asked for.
    pub actions: u64,
}

/// Measures the time from asking a policy behind HTTP on this machine until its action is there. The
/// policy does nothing and sees no pictures, so that this is what the harness adds to a policy's own
/// time.
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
                server.serve(ZeroPolicy::new(), until).await
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
    let scenario = environment.generate_scenario(seed)?;
    let mut observation = environment.reset(&scenario)?;
    let limits = TimeLimits::default();
    let start = EpisodeStart::new(kinitro_core::TaskConfig::new(scenario.env_id.clone(), seed));
    limits.reset(policy, &start).await?;
    for _ in 0..STEPS {
        let asked = Instant::now();
        let action = limits.act(policy, &observation).await?;
        spent.record(asked.elapsed());
        observation = environment.step(&action)?.observation;
    }
    Ok(())
}
