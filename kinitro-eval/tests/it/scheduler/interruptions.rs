//! Whatever happens to the scheduler, the result is that of an undisturbed run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kinitro_core::Outcome;
use kinitro_eval::CancellationToken;
use kinitro_eval::backend::scheduler::SchedulerError;
use kinitro_eval::backend::storage::{ClaimedJob, StoreErrorKind};
use tokio::sync::Notify;

use super::meddled::{Meddled, Meddling, Moment};
use super::stage::{EPISODES, Skill, Stage, idle, run_until, skilled, within_reason};

/// The first half of the episodes; the others are given back unrun.
fn half(task: &ClaimedJob) -> Option<Outcome> {
    if task.episode < EPISODES / 2 { skilled(task) } else { Some(Outcome::Cancelled) }
}

/// Drops a scheduler in the `nth` call of that name, at that moment, and lets another one go on.
async fn interrupted(call: &'static str, nth: u32, moment: Moment, skill: Skill) -> Stage {
    let stage = Stage::new(4).await;
    let reached = Arc::new(Notify::new());
    let (calls, signal) = (AtomicU32::new(0), Arc::clone(&reached));
    let store = Meddled::with(stage.other_store().await, move |name, at| {
        if (name, at) != (call, moment) || calls.fetch_add(1, Ordering::Relaxed) + 1 < nth {
            return Meddling::Nothing;
        }
        signal.notify_one();
        Meddling::Hang
    });
    let stop = CancellationToken::new();
    let first = stage.scheduler_with(&store, |_| {});
    let first = async {
        tokio::select! {
            () = first.run(&stop) => unreachable!("it hangs"),
            () = reached.notified() => {}
        }
    };
    stage.with_executors(skill, first).await;
    let begun = stage.store.running_cycle().await.unwrap();
    let tasks = match &begun {
        Some(plan) => stage.tasks(plan.cycle.id).await.into_iter().map(|task| task.uuid).collect(),
        None => Vec::new(),
    };

    let second = stage.scheduler();
    stage.with_executors(skilled, run_until(&second, stage.until_completed(1))).await;
    let overview = stage.store.overview().await.unwrap();
    assert_eq!((overview.total_cycles, overview.failed_cycles), (1, 0), "{call}, {moment:?}");
    if let Some(plan) = begun {
        let now = stage.tasks(plan.cycle.id).await;
        assert!(now.iter().map(|task| &task.uuid).eq(&tasks), "these are other tasks");
        let scores = stage.scores().await.cycle;
        assert_eq!(scores.seed_commitment, plan.cycle.seed_commitment);
    }
    stage
}

/// A stage on which a cycle has ended that nothing disturbed.
async fn undisturbed() -> Stage {
    let stage = Stage::new(4).await;
    let scheduler = stage.scheduler();
    stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await.unwrap();
    stage
}

#[tokio::test]
async fn a_scheduler_that_is_killed_anywhere_is_taken_over_from() {
    let expected = undisturbed().await.result().await;
    for (call, nth, moment, skill) in [
        ("create_cycle", 1, Moment::Before, skilled as Skill),
        ("create_cycle", 1, Moment::After, skilled),
        ("progress", 10, Moment::After, half),
        ("jobs", 1, Moment::After, skilled),
        ("finish_cycle", 1, Moment::Before, skilled),
        ("finish_cycle", 1, Moment::After, skilled),
    ] {
        let stage = interrupted(call, nth, moment, skill).await;
        assert!(stage.result().await == expected, "another result after {call}, {moment:?}");
    }
}

#[tokio::test]
async fn a_database_that_fails_now_and_then_changes_nothing() {
    let expected = undisturbed().await.result().await;
    for every in [4, 7, 11] {
        let stage = Stage::new(4).await;
        let calls = AtomicU32::new(0);
        let store = Meddled::with(stage.other_store().await, move |name, moment| {
            let call = calls.fetch_add(1, Ordering::Relaxed);
            let lost_lock = name == "try_lock_scheduler" && moment == Moment::After;
            match call % every {
                0 if !lost_lock => Meddling::Fail(StoreErrorKind::Unreachable),
                _ => Meddling::Nothing,
            }
        });
        let scheduler = stage.scheduler_with(&store, |settings| {
            settings.poll_interval = Duration::from_millis(2);
        });
        stage.with_executors(skilled, run_until(&scheduler, stage.until_completed(1))).await;
        assert_eq!(stage.store.overview().await.unwrap().total_cycles, 1);
        assert!(stage.result().await == expected, "another result with every {every}th call");
    }
}

#[tokio::test]
async fn one_cycle_ends_once_even_if_the_database_does_not_say_so() {
    let stage = Stage::new(2).await;
    let failed = AtomicU32::new(0);
    let store = Meddled::with(stage.other_store().await, move |name, moment| {
        let is_end = (name, moment) == ("finish_cycle", Moment::After);
        match is_end && failed.fetch_add(1, Ordering::Relaxed) == 0 {
            true => Meddling::Fail(StoreErrorKind::Unreachable),
            false => Meddling::Nothing,
        }
    });
    let scheduler = stage.scheduler_with(&store, |_| {});
    let end = stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    assert_eq!(stage.store.overview().await.unwrap().total_cycles, 1);
}

#[tokio::test]
async fn what_is_not_transient_is_told_by_one_cycle() {
    let stage = Stage::new(2).await;
    let store = Meddled::with(stage.other_store().await, |name, _| match name {
        "create_cycle" => Meddling::Fail(StoreErrorKind::DiskFull),
        _ => Meddling::Nothing,
    });
    let scheduler = stage.scheduler_with(&store, |_| {});
    let error = within_reason(scheduler.run_cycle(&CancellationToken::new())).await.unwrap_err();
    assert!(!error.is_transient(), "{error:?}");
    let SchedulerError::Store(error) = error else { panic!("{error:?}") };
    assert_eq!(error.kind(), StoreErrorKind::DiskFull);
}

#[tokio::test]
async fn a_second_scheduler_waits_and_goes_on_with_the_same_cycle() {
    let stage = Stage::new(2).await;
    let (first, second) =
        (stage.scheduler(), stage.scheduler_with(&stage.other_store().await, |_| {}));
    let (stop_first, stop_second) = (CancellationToken::new(), CancellationToken::new());
    let work = async {
        stage.until_begun().await;
        // The first is at work; the second has nothing to say for as long as it is.
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(stage.store.overview().await.unwrap().total_cycles, 1);
        stop_first.cancel();
        stage.with_executors(skilled, stage.until_completed(1)).await;
        stop_second.cancel();
    };
    let first = async {
        first.run(&stop_first).await;
        drop(first);
    };
    let second = async {
        stage.until_begun().await;
        second.run(&stop_second).await;
    };
    within_reason(async { tokio::join!(first, second, work) }).await;
    let overview = stage.store.overview().await.unwrap();
    assert_eq!((overview.total_cycles, overview.failed_cycles), (1, 0));
}

#[tokio::test]
async fn the_time_limit_goes_on_while_there_is_no_scheduler() {
    let stage = Stage::new(1).await;
    let limit = Duration::from_secs(1);
    let stop = CancellationToken::new();
    let scheduler = stage.scheduler_with(&stage.store, |settings| settings.cycle_timeout = limit);
    let stopper = async {
        stage.until_begun().await;
        stop.cancel();
    };
    let (end, ()) = tokio::join!(scheduler.run_cycle(&stop), stopper);
    assert_eq!(end.unwrap(), None, "it was stopped");
    tokio::time::sleep(limit).await;
    // By the rules that the cycle began with, not by those of whoever goes on with it.
    let started = std::time::Instant::now();
    let end =
        stage.with_executors(idle, stage.scheduler().run_cycle(&CancellationToken::new())).await;
    let failure = end.unwrap().unwrap().failure.expect("it fails");
    assert!(failure.starts_with("the time limit of 1s"), "{failure}");
    assert!(started.elapsed() < limit, "{:?}", started.elapsed());
}
