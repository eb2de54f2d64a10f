//! The workers of an evaluation.
//!
//! A worker is a thread with a policy of its own, one environment at a time, and a runtime on which
//! it waits for the policy between the steps of the simulation. Workers take episodes from a common
//! list, environment by environment, and send back the results; the thread that started the
//! evaluation writes them down.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kinitro_core::{EnvId, Outcome, Seed};

#[cfg(feature = "video")]
use super::film;
use super::{Evaluation, EvaluationError, EvaluationReport, Event, Players};
use crate::CancellationToken;
use crate::env::{Controller, Environment, EnvironmentError};
use crate::episode::{EpisodeRecord, run_episode, run_expert_episode};
use crate::panic_text;
use crate::policy::Policy;
use crate::report::{Manifest, ResultsFolder, Summary};

/// How often to try an episode that breaks down through no fault of the policy.
const ATTEMPTS: u32 = 3;
/// The shortest interval between reports of steps.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// An episode to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Job {
    env_id: EnvId,
    seed: Seed,
}

/// What a worker reports.
enum Message {
    Finished(EpisodeRecord),
    Retrying(EpisodeRecord),
    Failed(EvaluationError),
}

pub(super) fn run(
    evaluation: &Evaluation,
    environments: Vec<EnvId>,
    mut manifest: Manifest,
    first: Option<Box<dyn Policy>>,
    dropped: Option<&CancellationToken>,
) -> Result<EvaluationReport, EvaluationError> {
    let (mut folder, mut records) = match &evaluation.folder {
        Some(path) => {
            let (folder, records) = ResultsFolder::open(path, &mut manifest)?;
            (Some(folder), records)
        }
        None => (None, Vec::new()),
    };
    // An episode that broke down through no fault of the policy is not a result, and is run again.
    records.retain(|record| record.outcome.score().is_some());
    let jobs = missing(evaluation, &environments, &records);
    let total = environments.len() * evaluation.episodes as usize;
    let tell = |event: Event<'_>| {
        if let Some(listener) = &evaluation.listener {
            listener(event);
        }
    };
    tell(Event::Started { total, done: &records });

    let workers = evaluation.workers_or_default().min(jobs.len());
    let jobs = Mutex::new(jobs);
    let first = Mutex::new(first);
    // The workers stop when the caller cancels, when it drops the future, or after a failure.
    let halt = CancellationToken::new();
    let is_stopped =
        || evaluation.stop.is_cancelled() || dropped.is_some_and(|dropped| dropped.is_cancelled());
    let mut failure = None;
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let (jobs, first, halt, send) = (&jobs, &first, &halt, send.clone());
            scope.spawn(move || {
                let worked = catch_unwind(AssertUnwindSafe(|| {
                    let first = first.lock().unwrap_or_else(PoisonError::into_inner).take();
                    work(evaluation, jobs, first, halt, &send)
                }));
                let error = match worked {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => error,
                    Err(panic) => EvaluationError::Panic(panic_text(panic.as_ref())),
                };
                // The receiver outlives the workers.
                let _ = send.send(Message::Failed(error));
            });
        }
        drop(send);
        loop {
            if is_stopped() {
                halt.cancel();
            }
            match receive.recv_timeout(Duration::from_millis(50)) {
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Ok(Message::Retrying(record)) => tell(Event::Retry(&record)),
                Ok(Message::Failed(error)) => {
                    halt.cancel();
                    failure.get_or_insert(error);
                }
                Ok(Message::Finished(record)) => {
                    if let Some(folder) = &mut folder
                        && let Err(error) = folder.append(&record)
                    {
                        halt.cancel();
                        failure.get_or_insert(error.into());
                        continue;
                    }
                    tell(Event::Episode(&record));
                    records.push(record);
                }
            }
        }
    });
    if let Some(error) = failure {
        return Err(error);
    }

    let place = |record: &EpisodeRecord| {
        (environments.iter().position(|id| *id == record.env_id), record.seed)
    };
    records.sort_by_key(place);
    let summary = Summary::new(&evaluation.policy, &environments, evaluation.episodes, &records);
    if let Some(folder) = &folder {
        folder.write_summary(&summary)?;
    }
    let stopped = is_stopped() && records.len() < total;
    Ok(EvaluationReport { manifest, summary, episodes: records, stopped })
}

/// The episodes without a record, environment by environment.
fn missing(
    evaluation: &Evaluation,
    environments: &[EnvId],
    records: &[EpisodeRecord],
) -> VecDeque<Job> {
    let done: BTreeSet<_> = records.iter().map(|record| (&record.env_id, record.seed)).collect();
    let seeds = (0..u64::from(evaluation.episodes)).map(|index| Seed(evaluation.seed.0 + index));
    environments
        .iter()
        .flat_map(|env_id| seeds.clone().map(move |seed| Job { env_id: env_id.clone(), seed }))
        .filter(|job| !done.contains(&(&job.env_id, job.seed)))
        .collect()
}

/// A worker's policy, or the expert of the environment it was last in.
enum Player {
    Policy(Box<dyn Policy>),
    Expert(Option<(EnvId, Box<dyn Controller>)>),
}

/// The body of a worker's thread.
fn work(
    evaluation: &Evaluation,
    jobs: &Mutex<VecDeque<Job>>,
    first: Option<Box<dyn Policy>>,
    halt: &CancellationToken,
    send: &Sender<Message>,
) -> Result<(), EvaluationError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            EvaluationError::Settings(format!("a worker cannot start its runtime: {error}"))
        })?;
    let mut player = match &evaluation.players {
        Players::Policies(make) => Player::Policy(first.unwrap_or_else(|| make())),
        Players::Experts(_) => Player::Expert(None),
    };
    let mut current: Option<(EnvId, Box<dyn Environment>)> = None;
    let mut reported = Instant::now();
    let mut unreported = 0;
    while !halt.is_cancelled() {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(job) = next else { break };
        for attempt in 1..=ATTEMPTS {
            let environment = match &mut current {
                Some((env_id, environment)) if *env_id == job.env_id => environment,
                _ => {
                    // Dropped first, since two simulators at once would only waste memory.
                    drop(current.take());
                    let made = evaluation.registry.make(&job.env_id)?;
                    &mut current.insert((job.env_id.clone(), made)).1
                }
            };
            let scenario = environment.generate_scenario(job.seed)?;
            if let (Player::Expert(expert), Players::Experts(find)) =
                (&mut player, &evaluation.players)
                && expert.as_ref().is_none_or(|(env_id, _)| *env_id != job.env_id)
            {
                let found = find(&evaluation.registry, &job.env_id);
                let found = found.ok_or_else(|| EvaluationError::NoExpert(job.env_id.clone()))?;
                *expert = Some((job.env_id.clone(), found));
            }
            let on_step = || {
                unreported += 1;
                if reported.elapsed() >= REPORT_EVERY {
                    if let Some(listener) = &evaluation.listener {
                        listener(Event::Steps(unreported));
                    }
                    (reported, unreported) = (Instant::now(), 0);
                }
            };
            let run = |world: &mut dyn Environment| -> Result<EpisodeRecord, EvaluationError> {
                let (options, scenario) = (&evaluation.options, &scenario);
                let record: Result<_, EnvironmentError> = match &mut player {
                    Player::Policy(policy) => {
                        let policy = policy.as_mut();
                        runtime
                            .block_on(run_episode(world, policy, scenario, options, halt, on_step))
                    }
                    Player::Expert(Some((_, expert))) => {
                        let expert = expert.as_mut();
                        let episode =
                            run_expert_episode(world, expert, scenario, options, halt, on_step);
                        runtime.block_on(episode)
                    }
                    Player::Expert(None) => {
                        return Err(EvaluationError::NoExpert(job.env_id.clone()));
                    }
                };
                Ok(record?)
            };
            #[cfg(feature = "video")]
            let record = film::record(evaluation, environment.as_mut(), run)?;
            #[cfg(not(feature = "video"))]
            let record = run(environment.as_mut())?;
            let message = match record.outcome {
                Outcome::Cancelled => return Ok(()),
                Outcome::InfraFault(_) if attempt < ATTEMPTS => {
                    // A simulator that broke down must not be reused for the next attempt.
                    current = None;
                    Message::Retrying(record)
                }
                _ => Message::Finished(record),
            };
            let finished = matches!(message, Message::Finished(_));
            // The receiver outlives the workers.
            let _ = send.send(message);
            if finished {
                break;
            }
        }
    }
    Ok(())
}
