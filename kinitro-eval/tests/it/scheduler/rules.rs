//! What a cycle does when nobody interferes with the scheduler.

use std::collections::BTreeMap;
use std::time::Duration;

use kinitro_chain::Signer as _;
use kinitro_core::{BlockNumber, MinerUid, NetUid, Outcome};
use kinitro_eval::CancellationToken;
use kinitro_eval::backend::scheduler::{CycleEnd, SchedulerError, SeedProof};
use kinitro_eval::backend::storage::{Claim, ClaimedJob, CycleStatus, JobStatus, SeedMode};

use super::stage::{
    EPISODES, NETUID, Stage, broken, envs, idle, key, run_until, skilled, within_reason,
};

#[tokio::test]
async fn a_cycle_goes_from_commitments_to_weights() {
    let stage = Stage::new(4).await;
    let scheduler = stage.scheduler();
    let end = stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await;
    let id = end.unwrap().expect("nobody stopped it").id;
    let scores = stage.scores().await;
    assert_eq!((scores.cycle.id, scores.cycle.status), (id, CycleStatus::Completed));
    assert_eq!((scores.cycle.miners, scores.cycle.environments), (4, 3));
    assert_eq!(scores.rows.len(), 12);
    for row in &scores.rows {
        let rate = 0.3 * f64::from(row.uid.0.min(2) + 1);
        assert!((row.success_rate - rate).abs() < 1e-12, "{row:?}");
        assert_eq!((row.episodes_completed, row.episodes_failed), (EPISODES, 0));
        assert!((row.mean_reward - 0.55 - f64::from(row.uid.0)).abs() < 1e-12, "{row:?}");
        assert_eq!(row.hotkey, key(row.uid.0).hotkey());
    }
    assert_eq!(scores.frontier, [MinerUid(2), MinerUid(3)]);
    let report = stage.report().await;
    let points = report.scoring.subset_scores;
    // All seven sets of environments are won by the best of those who were first.
    assert_eq!(points.into_values().collect::<Vec<_>>(), [0.0, 0.0, 12.0, 0.0]);
    assert!(report.missing.is_empty() && report.rejected.is_empty() && !report.timed_out);
    assert_eq!(
        report.outcomes[&MinerUid(0)],
        BTreeMap::from([("failure".to_owned(), 21), ("success".to_owned(), 9),])
    );
    let weights = stage.weights().await.weights;
    assert!(weights.shares[2] > 0.99 && weights.shares[3] < 0.01, "{weights:?}");
    let state = stage.store.overview().await.unwrap().scheduler.unwrap();
    assert_eq!(state.environments, envs());
}

#[tokio::test]
async fn all_miners_meet_the_same_seeds_and_the_secret_comes_out_afterwards() {
    let stage = Stage::new(2).await;
    let scheduler = stage.scheduler();
    let stop = CancellationToken::new();
    let running = async {
        stage.until_begun().await;
        let cycle = stage.store.overview().await.unwrap().current_cycle.unwrap();
        assert_eq!(cycle.seed_secret, None);
        assert!(!cycle.seed_commitment.is_empty());
        cycle.seed_commitment
    };
    let (promised, _) = tokio::join!(
        within_reason(running),
        stage.with_executors(skilled, scheduler.run_cycle(&stop))
    );
    let cycle = stage.scores().await.cycle;
    assert_eq!(cycle.seed_commitment, promised);
    let proof = SeedProof::new(&cycle.seed_secret.unwrap().to_hex(), &promised).unwrap();
    let tasks = stage.tasks(cycle.id).await;
    assert_eq!(tasks.len(), 2 * 3 * EPISODES as usize);
    for task in &tasks {
        proof.check(&task.env_id, task.episode, task.seed).unwrap();
    }
    // Handed out seed by seed.
    for pair in tasks.chunks(2) {
        assert_eq!(pair[0].seed, pair[1].seed);
        assert_ne!(pair[0].uid, pair[1].uid);
    }
}

#[tokio::test]
async fn per_task_every_task_has_a_seed_of_its_own() {
    let stage = Stage::new(2).await;
    let scheduler = stage.scheduler_with(&stage.store, |s| s.seed_mode = SeedMode::PerTask);
    stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await.unwrap();
    let cycle = stage.scores().await.cycle;
    assert_eq!(cycle.seed_mode, SeedMode::PerTask);
    for task in stage.tasks(cycle.id).await {
        assert_eq!(task.seed, kinitro_core::Seed::of_task(&task.uuid));
    }
}

#[tokio::test]
async fn bad_commitments_stand_beside_the_good_ones() {
    let stage = Stage::new(4).await;
    stage.commit(0, b"\xff\xfe\x00").await;
    stage.commit(1, "user1/policy:0123abcd:e:".to_owned() + &"0".repeat(80)).await;
    let scheduler = stage.scheduler();
    stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await.unwrap();
    let uids: Vec<u16> = stage.weights().await.weights.uids.iter().map(|uid| uid.0).collect();
    assert_eq!(uids, [2, 3]);
    let rejected = stage.report().await.rejected;
    assert_eq!(rejected.iter().map(|rejected| rejected.uid.0).collect::<Vec<_>>(), [0, 1]);
    assert!(rejected[1].reason.contains("no private key"), "{rejected:?}");
    let sealed = &stage.store.miners().await.unwrap()[0].miner;
    assert!(sealed.endpoint.is_none() && sealed.endpoint_sealed);
}

#[tokio::test]
async fn nobody_to_judge_is_an_error_of_one_cycle_and_waited_out_by_many() {
    let stage = Stage::new(0).await;
    let alone = stage.scheduler().run_cycle(&CancellationToken::new()).await.unwrap_err();
    assert!(matches!(alone, SchedulerError::NobodyToJudge { rejected: 0 }), "{alone:?}");
    let scheduler =
        stage.scheduler_with(&stage.store, |s| s.eval_interval = Duration::from_millis(50));
    let done = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stage.join(0).await;
        stage.until_completed(1).await;
    };
    stage.with_executors(skilled, run_until(&scheduler, done)).await;
    assert_eq!(stage.scores().await.rows.len(), 3);
}

#[tokio::test]
async fn an_unknown_subnet_is_said_and_not_tried_for_ever() {
    let stage = Stage::new(1).await;
    let scheduler =
        stage.scheduler_with(&stage.store, |settings| settings.netuid = NetUid(NETUID.0 + 1));
    let error = within_reason(scheduler.run_cycle(&CancellationToken::new())).await.unwrap_err();
    assert!(matches!(error, SchedulerError::Chain(_)), "{error:?}");
}

#[tokio::test]
async fn a_policy_that_is_copied_later_or_changed_has_the_later_block() {
    let stage = Stage::new(2).await;
    let scheduler = stage.scheduler();
    let stop = CancellationToken::new();
    let first_blocks = async || {
        let end = stage.with_executors(skilled, scheduler.run_cycle(&stop)).await;
        assert_eq!(end.unwrap().unwrap().failure, None);
        let miners = stage.store.miners().await.unwrap();
        miners.iter().map(|status| status.miner.first_block.unwrap().0).collect::<Vec<_>>()
    };
    let before = first_blocks().await;
    // The same policy elsewhere, and another one.
    stage.commit(0, "user0/policy:0123abcd:http://192.0.2.99:8000").await;
    stage.commit(1, "user1/policy:99999999:http://192.0.2.1:8000").await;
    let after = first_blocks().await;
    assert_eq!(after[0], before[0]);
    assert!(after[1] > before[1], "{before:?}, {after:?}");
    // And it stays so, however often the scheduler looks.
    assert_eq!(first_blocks().await, after);
    // Who was first with a policy that is not there any more has no claim to the next one's place.
    stage.commit(0, "user1/policy:99999999:http://192.0.2.1:8000").await;
    let copied = first_blocks().await;
    assert!(copied[0] > copied[1], "{copied:?}");
}

/// The last tenth of the episodes cannot be run.
fn nearly(task: &ClaimedJob) -> Option<Outcome> {
    if task.episode == 9 { Some(broken()) } else { skilled(task) }
}

/// Of one miner a third.
fn hardly(task: &ClaimedJob) -> Option<Outcome> {
    if task.uid.0 == 1 && task.episode >= 7 { Some(broken()) } else { skilled(task) }
}

#[tokio::test]
async fn a_few_missing_episodes_are_named_and_too_many_fail_the_cycle_but_not_the_next() {
    let stage = Stage::new(2).await;
    let scheduler = stage.scheduler();
    let end = stage.with_executors(nearly, scheduler.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    let report = stage.report().await;
    assert_eq!(report.missing.len(), 6);
    assert!(report.missing.iter().all(|pair| (pair.completed, pair.failed) == (9, 1)));
    assert!(stage.scores().await.rows.iter().all(|row| row.episodes_failed == 1));

    let end = stage.with_executors(hardly, scheduler.run_cycle(&CancellationToken::new())).await;
    let CycleEnd { id, failure } = end.unwrap().unwrap();
    let failure = failure.expect("it fails");
    assert!(failure.contains("miner 1 has 7 of 10 episodes in env/a"), "{failure}");
    let cycle = stage.store.cycle(id).await.unwrap().unwrap();
    assert_eq!((cycle.status, cycle.failure), (CycleStatus::Failed, Some(failure)));

    let end = stage.with_executors(skilled, scheduler.run_cycle(&CancellationToken::new())).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    assert_eq!(stage.store.overview().await.unwrap().failed_cycles, 1);
}

/// Most, but for one episode in each environment that nobody answers for.
fn tired(task: &ClaimedJob) -> Option<Outcome> {
    if task.episode == 4 { None } else { skilled(task) }
}

#[tokio::test]
async fn at_the_time_limit_there_is_a_result_if_there_are_enough_episodes() {
    let stage = Stage::new(2).await;
    let short = |settings: &mut kinitro_eval::backend::scheduler::SchedulerSettings| {
        settings.cycle_timeout = Duration::from_secs(1);
    };
    let scheduler = stage.scheduler_with(&stage.store, short);
    let end = stage.with_executors(tired, scheduler.run_cycle(&CancellationToken::new())).await;
    let end = end.unwrap().unwrap();
    assert_eq!(end.failure, None);
    let report = stage.report().await;
    assert!(report.timed_out);
    assert!(report.missing.iter().all(|pair| (pair.completed, pair.unfinished) == (9, 1)));
    assert_eq!(report.missing.len(), 6);
    let given_up = stage.tasks(end.id).await;
    assert!(given_up.iter().all(|task| task.status != JobStatus::Assigned));

    let end = stage.with_executors(idle, scheduler.run_cycle(&CancellationToken::new())).await;
    let failure = end.unwrap().unwrap().failure.expect("it fails");
    assert!(failure.starts_with("the time limit of 1s was reached: miner 0 has 0"), "{failure}");
}

#[tokio::test]
async fn who_joins_leaves_or_changes_meanwhile_is_judged_by_what_was_there_at_the_start() {
    let stage = Stage::new(3).await;
    let scheduler = stage.scheduler();
    let stop = CancellationToken::new();
    let meddle = async {
        stage.until_begun().await;
        stage.replace(2);
        stage.commit(1, "user1/other:99999999:http://192.0.2.77:8000").await;
        stage.join(3).await;
        let claim = Claim::new("late", 100, Duration::from_secs(600));
        // Nobody has claimed yet: what is handed out is what was committed at the start.
        let handed_out = stage.store.claim(&claim).await.unwrap();
        assert!(handed_out.iter().all(|task| task.repo == format!("user{}/policy", task.uid)));
        stage.give_back("late", &handed_out).await;
    };
    let work = async {
        within_reason(meddle).await;
        stage.with_executors(skilled, stage.until_completed(1)).await;
    };
    let (end, ()) = tokio::join!(scheduler.run_cycle(&stop), work);
    assert_eq!(end.unwrap().unwrap().failure, None);
    let report = stage.report().await;
    assert_eq!(report.left, [MinerUid(2)]);
    let weights = stage.weights().await.weights;
    assert_eq!(weights.uids, [MinerUid(0), MinerUid(1)]);
    assert_eq!(stage.scores().await.rows.len(), 9);

    let end = stage.with_executors(skilled, scheduler.run_cycle(&stop)).await;
    assert_eq!(end.unwrap().unwrap().failure, None);
    let uids = stage.weights().await.weights.uids;
    assert_eq!(uids, [MinerUid(0), MinerUid(1), MinerUid(3)]);
}

#[tokio::test]
async fn cycles_begin_an_interval_apart() {
    let stage = Stage::new(1).await;
    let interval = Duration::from_millis(400);
    let scheduler =
        stage.scheduler_with(&stage.store, |settings| settings.eval_interval = interval);
    stage.with_executors(skilled, run_until(&scheduler, stage.until_completed(2))).await;
    let first = stage.store.cycle(1.into()).await.unwrap().unwrap();
    let second = stage.store.cycle(2.into()).await.unwrap().unwrap();
    let apart = second.started_at.since(first.started_at);
    assert!(apart >= interval - Duration::from_millis(20), "{apart:?}");
    assert!(first.block > BlockNumber(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduler_can_run_on_any_thread() {
    let stage = Stage::new(0).await;
    let (scheduler, stop) = (stage.scheduler(), CancellationToken::new());
    let stopped = stop.clone();
    let running = tokio::spawn(async move { scheduler.run(&stopped).await });
    stop.cancel();
    within_reason(running).await.unwrap();
}
