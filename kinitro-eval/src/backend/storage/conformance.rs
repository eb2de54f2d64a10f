//! Checks, to be called from tests, of the rules that every [`Store`] must follow.
//!
//! This crate runs them against its own stores. Other implementations of [`Store`] should run them
//! too:
//!
//! ```
//! use kinitro_eval::backend::storage::{DatabaseUrl, conformance, connect};
//!
//! # async fn example() -> Result<(), kinitro_eval::backend::storage::StoreError> {
//! let store = connect(&DatabaseUrl::IN_MEMORY).await?;
//! conformance::store(&*store, &*store).await;
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(example()).unwrap();
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kinitro_core::scoring::{Method, WeightSet};
use kinitro_core::{
    BlockNumber, CycleId, EnvId, Hotkey, InfraFault, InfraFaultKind, MinerUid, Outcome,
    PolicyFault, PolicyFaultKind, Seed,
};
use serde_json::json;

use super::{
    Answer, Claim, ClaimedJob, CycleMiner, CycleResult, CycleStatus, Expired, Heartbeat, JobRecord,
    JobStatus, Lease, Miner, MinerScore, NewCycle, NewJob, Refusal, RetryPolicy, Schema, SeedMode,
    SeedSecret, Settled, Store, StoreErrorKind, Verdict, Verification,
};

/// A lease that no check outlasts.
const LONG: Duration = Duration::from_secs(3600);
/// A retry that can be claimed at once.
const AT_ONCE: RetryPolicy =
    RetryPolicy { retries: 5, delay: Duration::ZERO, max_delay: Duration::ZERO };

/// Checks a store through two handles on the same database, which may be one and the same.
/// Everything in the database is lost.
///
/// # Panics
/// With what is wrong, at the first thing that is.
pub async fn store(one: &dyn Store, other: &dyn Store) {
    schemas(one).await;
    one.reset().await.expect("it can be reset");
    nothing_is_there(other).await;
    for check in 0..11 {
        one.reset().await.expect("it can be reset");
        match check {
            0 => cycles_begin_whole(one, other).await,
            1 => senseless_cycles_leave_nothing(one).await,
            2 => tasks_come_seed_by_seed(one).await,
            3 => nobody_gets_the_task_of_another(one, other).await,
            4 => answers_are_fenced_and_idempotent(one, other).await,
            5 => leases_run_out_and_can_be_renewed(one, other).await,
            6 => faults_are_tried_again(one).await,
            7 => older_executors_are_known_by_their_id(one).await,
            8 => cycles_end_whole(one, other).await,
            9 => hostile_texts_do_no_harm(one).await,
            _ => miners_and_scheduler_are_remembered(one, other).await,
        }
    }
    one_scheduler(one, other).await;
}

fn env(task: &str) -> EnvId {
    EnvId::new("point", task).expect("it is of the form of an id")
}

fn hotkey(uid: u16) -> Hotkey {
    let [high, low] = uid.to_be_bytes();
    let mut account = [7; 32];
    account[0] = high;
    account[1] = low;
    Hotkey::from_account_id(account)
}

/// A cycle with this many miners, in the environments `point/a` and `point/b`.
pub fn example_cycle(miners: u16, episodes: u32) -> NewCycle {
    let uids = 0..miners;
    let mut jobs = Vec::new();
    // Miner by miner, which is not the order in which they are to come out.
    for uid in uids.clone() {
        for env_id in [env("b"), env("a")] {
            for episode in 0..episodes {
                let mut name = [0; 16];
                getrandom::fill(&mut name).expect("there is randomness");
                jobs.push(NewJob {
                    uuid: uuid::Uuid::from_bytes(name).hyphenated().to_string(),
                    miner: MinerUid(uid),
                    env_id: env_id.clone(),
                    episode,
                    // The largest, for the one, and those near it.
                    seed: Seed(u64::MAX - u64::from(episode)),
                });
            }
        }
    }
    NewCycle {
        block: BlockNumber(1234),
        seed_mode: SeedMode::Paired,
        seed_secret: SeedSecret::from_bytes([9; 32]),
        episodes_per_env: episodes,
        settings: json!({"min_coverage": 0.8, "text": "'\"\\\u{0}"}),
        miners: uids
            .map(|uid| CycleMiner {
                uid: MinerUid(uid),
                hotkey: hotkey(uid),
                endpoint: format!("https://{uid}.example"),
                repo: "user/repo".to_owned(),
                revision: "12345678".to_owned(),
                first_block: (uid > 0).then(|| BlockNumber(u64::from(uid))),
            })
            .collect(),
        jobs,
    }
}

async fn begin(store: &dyn Store, miners: u16, episodes: u32) -> CycleId {
    store.create_cycle(&example_cycle(miners, episodes)).await.expect("a cycle begins")
}

async fn claim(store: &dyn Store, executor: &str, limit: u32, lease: Duration) -> Vec<ClaimedJob> {
    let claim = Claim { executor_id: executor.to_owned(), limit, env_ids: None, lease };
    store.claim(&claim).await.expect("jobs can be claimed")
}

async fn claim_one(store: &dyn Store, executor: &str, lease: Duration) -> ClaimedJob {
    let mut jobs = claim(store, executor, 1, lease).await;
    assert_eq!(jobs.len(), 1, "there is a job for `{executor}`");
    jobs.remove(0)
}

fn answer(job: &ClaimedJob, outcome: Outcome) -> Answer {
    Answer {
        task_uuid: job.uuid.clone(),
        lease_token: Some(job.lease_token.clone()),
        score: outcome.score().unwrap_or(0.0),
        outcome,
        total_reward: 12.25,
        timesteps: 77,
        verification: None,
    }
}

fn broken(detail: &str) -> Outcome {
    InfraFault::new(InfraFaultKind::Simulator, detail).into()
}

async fn submit(store: &dyn Store, executor: &str, answer: &Answer) -> Verdict {
    let answers = std::slice::from_ref(answer);
    let mut verdicts = store.submit(executor, answers, &AT_ONCE).await.expect("it is judged");
    assert_eq!(verdicts.len(), 1, "a verdict for each answer");
    verdicts.remove(0)
}

async fn record(store: &dyn Store, cycle: CycleId, uuid: &str) -> JobRecord {
    let jobs = store.jobs(cycle, 0, 1000).await.expect("jobs can be listed");
    jobs.into_iter().find(|job| job.uuid == uuid).expect("the job is listed")
}

async fn schemas(store: &dyn Store) {
    store.ping().await.expect("it answers");
    store.init().await.expect("tables can be made");
    store.init().await.expect("and made again");
    assert_eq!(store.schema().await.expect("it says"), Schema::Current);
    store.reset().await.expect("it can be reset");
    assert_eq!(store.schema().await.expect("it says"), Schema::Current);
}

async fn nothing_is_there(store: &dyn Store) {
    assert_eq!(store.running_cycle().await.expect("it says"), None);
    assert_eq!(store.cycle(CycleId(1)).await.expect("it says"), None);
    assert_eq!(store.weights(None).await.expect("it says"), None);
    assert_eq!(store.weights(Some(BlockNumber(u64::MAX))).await.expect("it says"), None);
    assert_eq!(store.scores(None).await.expect("it says"), None);
    assert_eq!(store.scores(Some(CycleId(-1))).await.expect("it says"), None);
    assert_eq!(store.overview().await.expect("it says"), super::Overview::default());
    assert_eq!(store.job_stats().await.expect("it says"), super::JobStats::default());
    assert_eq!(store.pending_jobs().await.expect("it says"), 0);
    assert!(store.miners().await.expect("it says").is_empty());
    assert!(store.environments().await.expect("it says").is_empty());
    assert!(store.cycle_seconds().await.expect("it says").is_empty());
    assert!(store.progress(CycleId(1)).await.expect("it says").is_empty());
    assert!(store.jobs(CycleId(1), 0, 10).await.expect("it says").is_empty());
    assert!(claim(store, "executor", 10, LONG).await.is_empty());
    assert_eq!(store.expire_leases(&AT_ONCE).await.expect("it says"), Expired::default());
    for end in [
        store.fail_cycle(CycleId(1), "no reason").await,
        store.finish_cycle(CycleId(1), &result(0)).await,
    ] {
        let error = end.expect_err("a cycle that is not there ended");
        assert_eq!(error.kind(), StoreErrorKind::NotFound, "{error}");
    }
}

async fn cycles_begin_whole(one: &dyn Store, other: &dyn Store) {
    let new = example_cycle(3, 2);
    let id = one.create_cycle(&new).await.expect("a cycle begins");
    let plan = other.running_cycle().await.expect("it says").expect("a cycle runs");
    assert_eq!(plan.cycle.id, id);
    assert_eq!((plan.seed_secret, &plan.settings), (new.seed_secret, &new.settings));
    assert_eq!(plan.miners, new.miners);
    let cycle = other.cycle(id).await.expect("it says").expect("the cycle is there");
    assert_eq!(cycle, plan.cycle);
    assert_eq!((cycle.block, cycle.status), (new.block, CycleStatus::Running));
    assert_eq!((cycle.miners, cycle.environments, cycle.episodes_per_env), (3, 2, 2));
    assert_eq!(cycle.seed_commitment, new.seed_secret.commitment());
    assert_eq!(cycle.seed_secret, None, "the secret is shown while the cycle runs");
    assert_eq!((cycle.completed_at, cycle.duration()), (None, None));
    let drift = super::super::Timestamp::now().since(cycle.started_at);
    assert!(drift < Duration::from_secs(600), "it began {drift:?} ago");

    let error = other.create_cycle(&example_cycle(1, 1)).await.expect_err("two cycles run");
    assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    let stats = one.job_stats().await.expect("it says");
    assert_eq!((stats.total, stats.pending, stats.current_cycle), (12, 12, Some(id)));
    assert_eq!(one.pending_jobs().await.expect("it says"), 12);
}

async fn senseless_cycles_leave_nothing(store: &dyn Store) {
    let good = example_cycle(2, 1);
    let with = |change: fn(&mut NewCycle)| {
        let mut cycle = good.clone();
        change(&mut cycle);
        cycle
    };
    for bad in [
        with(|cycle| cycle.miners[1].uid = cycle.miners[0].uid),
        with(|cycle| cycle.miners.truncate(1)),
        with(|cycle| cycle.jobs[1].uuid = cycle.jobs[0].uuid.clone()),
        with(|cycle| cycle.jobs.push(cycle.jobs[0].clone())),
        with(|cycle| cycle.jobs[0].uuid = "job".to_owned()),
        with(|cycle| cycle.block = BlockNumber(u64::MAX)),
    ] {
        let error = store.create_cycle(&bad).await.expect_err("a senseless cycle began");
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{error}");
        let overview = store.overview().await.expect("it says");
        assert_eq!(overview.total_cycles, 0, "half a cycle is left");
    }
    store.create_cycle(&good).await.expect("a good one begins after all that");
}

async fn tasks_come_seed_by_seed(store: &dyn Store) {
    let cycle = begin(store, 3, 2).await;
    let mut order = Vec::new();
    loop {
        let jobs = claim(store, "executor", 5, LONG).await;
        if jobs.is_empty() {
            break;
        }
        order.extend(jobs.into_iter().map(|job| (job.episode, job.env_id, job.uid.0)));
    }
    let mut expected = Vec::new();
    for episode in 0..2 {
        for job in ["a", "b"] {
            expected.extend((0..3).map(|uid| (episode, env(job), uid)));
        }
    }
    assert_eq!(order, expected, "all miners meet a seed before anybody meets the next");
    let listed = store.jobs(cycle, 0, 100).await.expect("jobs can be listed");
    let listed: Vec<_> =
        listed.into_iter().map(|job| (job.episode, job.env_id, job.uid.0)).collect();
    assert_eq!(listed, expected);
    let page = store.jobs(cycle, 7, 2).await.expect("jobs can be listed");
    assert_eq!(page.iter().map(|job| job.position).collect::<Vec<_>>(), [7, 8]);
}

async fn nobody_gets_the_task_of_another(one: &dyn Store, other: &dyn Store) {
    let new = example_cycle(20, 5);
    let cycle = one.create_cycle(&new).await.expect("a cycle begins");
    let miners: BTreeMap<MinerUid, CycleMiner> =
        new.miners.iter().map(|miner| (miner.uid, miner.clone())).collect();
    let mut expected: BTreeMap<String, NewJob> =
        new.jobs.into_iter().map(|job| (job.uuid.clone(), job)).collect();
    let mut tokens = BTreeSet::new();
    while !expected.is_empty() {
        let (first, second, third) = tokio::join!(
            claim(one, "first", 7, LONG),
            claim(other, "second", 7, LONG),
            claim(other, "third", 3, LONG),
        );
        let got: Vec<ClaimedJob> = [first, second, third].concat();
        assert!(!got.is_empty(), "nobody got a job although {} are left", expected.len());
        for job in got {
            let new = expected.remove(&job.uuid).expect("nobody else got it before");
            assert_eq!((job.uid, &job.env_id), (new.miner, &new.env_id));
            assert_eq!((job.episode, job.seed), (new.episode, new.seed));
            assert_eq!((job.cycle, job.attempt), (cycle, 1));
            let miner = &miners[&job.uid];
            assert_eq!((job.hotkey, &job.endpoint), (miner.hotkey, &miner.endpoint));
            assert_eq!((&job.repo, &job.revision), (&miner.repo, &miner.revision));
            let lease = job.lease_expires_at.since(job.created_at);
            assert!(lease >= LONG && lease < 2 * LONG, "the lease lasts {lease:?}");
            assert!(job.lease_token.len() >= 32, "the token can be guessed");
            assert!(tokens.insert(job.lease_token), "two leases have the same token");
        }
    }
    assert!(claim(one, "first", 1, LONG).await.is_empty());
    assert_eq!(one.job_stats().await.expect("it says").active_executors, 3);
    one.fail_cycle(cycle, "the check is over").await.expect("it ends");

    begin(one, 2, 1).await;
    let claim = |env_ids| Claim {
        executor_id: "choosy".to_owned(),
        limit: 10,
        env_ids: Some(env_ids),
        lease: LONG,
    };
    let none = one.claim(&claim(vec![env("c")])).await.expect("it says");
    assert!(none.is_empty(), "{none:?} are in other environments");
    assert!(one.claim(&claim(vec![])).await.expect("it says").is_empty());
    let some = one.claim(&claim(vec![env("c"), env("b")])).await.expect("it says");
    let envs: Vec<EnvId> = some.into_iter().map(|job| job.env_id).collect();
    assert_eq!(envs, [env("b"), env("b")]);
}

async fn answers_are_fenced_and_idempotent(one: &dyn Store, other: &dyn Store) {
    let cycle = begin(one, 3, 1).await;
    let jobs = claim(one, "executor", 3, LONG).await;
    let verification = Some(Verification { passed: true, score: Some(0.5) });
    let success = Answer { verification, ..answer(&jobs[0], Outcome::Success) };
    let timeout = PolicyFault::new(PolicyFaultKind::Timeout, "no answer within 500 ms");
    let answers = [
        success.clone(),
        answer(&jobs[1], Outcome::Failure),
        answer(&jobs[2], timeout.clone().into()),
        // Once more in the same breath.
        success.clone(),
        Answer { task_uuid: uuid::Uuid::from_bytes([1; 16]).to_string(), ..success.clone() },
        Answer { task_uuid: "no job".to_owned(), ..success.clone() },
    ];
    let expected = [
        Verdict::Accepted(Settled::Completed),
        Verdict::Accepted(Settled::Completed),
        Verdict::Accepted(Settled::Completed),
        Verdict::Duplicate,
        Verdict::Refused(Refusal::UnknownTask),
        Verdict::Refused(Refusal::UnknownTask),
    ];
    let verdicts = one.submit("executor", &answers, &AT_ONCE).await.expect("it is judged");
    assert_eq!(verdicts, expected);

    let before = one.jobs(cycle, 0, 10).await.expect("jobs can be listed");
    let done = &before[0];
    assert_eq!((done.status, done.success, done.attempts), (JobStatus::Completed, Some(true), 1));
    assert_eq!((done.score, done.total_reward), (Some(1.0), Some(12.25)));
    assert_eq!((done.timesteps, done.verification), (Some(77), verification));
    assert_eq!((done.executor_id.as_deref(), &done.error), (Some("executor"), &None));
    assert_eq!(done.outcome.as_deref(), Some("success"));
    assert_eq!((before[1].status, before[1].success), (JobStatus::Completed, Some(false)));
    assert_eq!((before[2].status, before[2].success), (JobStatus::Completed, Some(false)));
    assert_eq!(before[2].outcome.as_deref(), Some("policy_fault:timeout"));
    assert_eq!(before[2].error.as_ref(), Some(&timeout.detail));

    // The same again, to another instance; something else; somebody else.
    assert_eq!(submit(other, "executor", &success).await, Verdict::Duplicate);
    let changed = Answer { outcome: Outcome::Failure, score: 0.0, ..success.clone() };
    assert_eq!(submit(other, "executor", &changed).await, Verdict::Refused(Refusal::Over));
    let forged = Answer { lease_token: Some("0".repeat(32)), ..success };
    assert_eq!(submit(other, "thief", &forged).await, Verdict::Refused(Refusal::Over));
    let job = claim_one(one, "executor", LONG).await;
    let forged = Answer { lease_token: Some("0".repeat(32)), ..answer(&job, Outcome::Success) };
    assert_eq!(submit(one, "executor", &forged).await, Verdict::Refused(Refusal::OtherLease));
    let senseless = Answer { score: f64::NAN, ..answer(&job, Outcome::Success) };
    assert_eq!(submit(one, "executor", &senseless).await, Verdict::Refused(Refusal::Senseless));
    let after = one.jobs(cycle, 0, 3).await.expect("jobs can be listed");
    assert_eq!(after, before[..3], "an answer that was not taken changed something");

    // Two instances get the same answer at once: it counts once.
    let same = answer(&job, Outcome::Success);
    let verdicts: BTreeSet<bool> = {
        let (a, b) = tokio::join!(submit(one, "executor", &same), submit(other, "executor", &same));
        [a, b].iter().map(|verdict| *verdict == Verdict::Duplicate).collect()
    };
    assert_eq!(verdicts.len(), 2, "an answer that came twice at once");

    let progress = one.progress(cycle).await.expect("it says");
    let of_first = &progress[0];
    assert_eq!((of_first.uid, &of_first.env_id), (MinerUid(0), &env("a")));
    assert_eq!((of_first.completed, of_first.successes, of_first.failed), (1, 1, 0));
    assert_eq!(of_first.mean_reward, Some(12.25));
    let completed: u32 = progress.iter().map(|pair| pair.completed).sum();
    let pending: u32 = progress.iter().map(|pair| pair.pending).sum();
    assert_eq!((progress.len(), completed, pending), (6, 4, 2));
}

async fn leases_run_out_and_can_be_renewed(one: &dyn Store, other: &dyn Store) {
    begin(one, 2, 1).await;
    let short = Duration::from_millis(100);
    let frozen = claim_one(one, "frozen", short).await;
    let busy = claim_one(one, "busy", short).await;
    let lease = |job: &ClaimedJob| Lease {
        task_uuid: job.uuid.clone(),
        lease_token: job.lease_token.clone(),
    };
    let foreign = Lease { lease_token: frozen.lease_token.clone(), ..lease(&busy) };
    let renewed = other.renew(&[foreign, lease(&busy)], LONG).await.expect("it can be renewed");
    assert_eq!(renewed[0], None, "a lease was renewed with the token of another");
    assert!(renewed[1] > Some(busy.lease_expires_at), "{renewed:?}");
    let nothing = one.expire_leases(&AT_ONCE).await.expect("it says");
    assert!(nothing.returned <= 1, "a renewed lease was taken back");
    tokio::time::sleep(2 * short).await;
    let expired = other.expire_leases(&AT_ONCE).await.expect("it says");
    let both = nothing.returned + expired.returned;
    assert_eq!((both, expired.failed), (1, 0));

    // It wakes up: before anybody has taken its job, and after.
    let late = answer(&frozen, Outcome::Success);
    assert_eq!(submit(one, "frozen", &late).await, Verdict::Refused(Refusal::LeaseLost));
    let renewed = one.renew(&[lease(&frozen)], LONG).await.expect("it says");
    assert_eq!(renewed, [None]);
    let again = claim_one(other, "other", LONG).await;
    assert_eq!((&again.uuid, again.attempt), (&frozen.uuid, 2), "it comes before new jobs");
    assert_ne!(again.lease_token, frozen.lease_token);
    assert_eq!(submit(one, "frozen", &late).await, Verdict::Refused(Refusal::OtherLease));
    let answer_in_time = answer(&again, Outcome::Failure);
    let verdict = submit(other, "other", &answer_in_time).await;
    assert_eq!(verdict, Verdict::Accepted(Settled::Completed));
    assert_eq!(submit(one, "frozen", &late).await, Verdict::Refused(Refusal::Over));
    let verdict = submit(one, "busy", &answer(&busy, Outcome::Success)).await;
    assert_eq!(verdict, Verdict::Accepted(Settled::Completed));
}

async fn faults_are_tried_again(store: &dyn Store) {
    let cycle = begin(store, 1, 1).await;
    let first = claim_one(store, "executor", LONG).await;
    let given_back = answer(&first, Outcome::Cancelled);
    let verdict = submit(store, "executor", &given_back).await;
    assert_eq!(verdict, Verdict::Accepted(Settled::Released));
    for attempt in 1..=6 {
        let job = claim_one(store, "executor", LONG).await;
        assert_eq!((&job.uuid, job.attempt), (&first.uuid, attempt));
        let fault = answer(&job, broken("unstable"));
        let settled = match attempt {
            6 => Settled::Failed,
            _ => Settled::Retried(Duration::ZERO),
        };
        assert_eq!(submit(store, "executor", &fault).await, Verdict::Accepted(settled));
        assert_eq!(submit(store, "executor", &fault).await, Verdict::Duplicate);
    }
    let failed = record(store, cycle, &first.uuid).await;
    assert_eq!((failed.status, failed.attempts), (JobStatus::Failed, 6));
    assert_eq!((failed.success, failed.score, failed.total_reward), (None, None, None));
    assert_eq!(failed.outcome.as_deref(), Some("infra_fault:simulator"));
    assert_eq!(failed.error.as_deref(), Some("unstable"));

    // The other job: its executor dies each time.
    for attempt in 1..=6 {
        let job = claim_one(store, "mortal", Duration::ZERO).await;
        assert_eq!(job.attempt, attempt);
        let expired = store.expire_leases(&AT_ONCE).await.expect("it says");
        let expected = match attempt {
            6 => Expired { returned: 0, failed: 1 },
            _ => Expired { returned: 1, failed: 0 },
        };
        assert_eq!(expired, expected);
    }
    assert!(claim(store, "executor", 10, LONG).await.is_empty());
    let progress = store.progress(cycle).await.expect("it says");
    assert!(progress.iter().all(|pair| (pair.failed, pair.completed) == (1, 0)), "{progress:?}");
    assert!(progress.iter().all(|pair| pair.mean_reward.is_none()), "{progress:?}");
    store.fail_cycle(cycle, "the check is over").await.expect("it ends");

    // A wait is a wait.
    begin(store, 1, 1).await;
    let job = claim_one(store, "executor", LONG).await;
    let slow = RetryPolicy { retries: 5, delay: LONG, max_delay: LONG };
    let fault = [answer(&job, broken("unstable"))];
    let verdicts = store.submit("executor", &fault, &slow).await.expect("it is judged");
    let Verdict::Accepted(Settled::Retried(wait)) = &verdicts[0] else { panic!("{verdicts:?}") };
    assert!((LONG / 2..=LONG).contains(wait), "it waits {wait:?}");
    let others = claim(store, "executor", 10, LONG).await;
    assert!(others.iter().all(|other| other.uuid != job.uuid), "it did not wait");
    assert_eq!(others.len(), 1);
}

async fn older_executors_are_known_by_their_id(store: &dyn Store) {
    begin(store, 1, 1).await;
    let job = claim_one(store, "older", LONG).await;
    let result = Answer { lease_token: None, ..answer(&job, Outcome::Success) };
    assert_eq!(submit(store, "other", &result).await, Verdict::Refused(Refusal::OtherLease));
    let verdict = submit(store, "older", &result).await;
    assert_eq!(verdict, Verdict::Accepted(Settled::Completed));
    assert_eq!(submit(store, "older", &result).await, Verdict::Duplicate);
    assert_eq!(submit(store, "other", &result).await, Verdict::Refused(Refusal::Over));
    let lost = claim_one(store, "older", Duration::ZERO).await;
    let _ = store.expire_leases(&AT_ONCE).await.expect("it says");
    let late = Answer { lease_token: None, ..answer(&lost, Outcome::Success) };
    assert_eq!(submit(store, "older", &late).await, Verdict::Refused(Refusal::LeaseLost));
}

fn result(miners: u16) -> CycleResult {
    let score = |uid, env_id: &EnvId| MinerScore {
        uid: MinerUid(uid),
        hotkey: hotkey(uid),
        env_id: env_id.clone(),
        success_rate: 0.1 * f64::from(uid + 1),
        mean_reward: 1.0 / 3.0,
        episodes_completed: 10,
        episodes_failed: 1,
    };
    let envs = [env("a"), env("b")];
    let scores = (0..miners).flat_map(|uid| envs.iter().map(move |env| score(uid, env)));
    let shares: Vec<f64> = (0..miners).map(|_| 1.0 / f64::from(miners)).collect();
    CycleResult {
        scores: scores.collect(),
        frontier: vec![MinerUid(0)],
        weights: WeightSet {
            uids: (0..miners).map(MinerUid).collect(),
            values: shares.iter().map(|share| (share * 65535.0) as u16).collect(),
            shares,
            method: Method { name: "rule".to_owned(), options: json!({"temperature": 1.0}) },
        },
        report: json!({"missing": []}),
    }
}

async fn cycles_end_whole(one: &dyn Store, other: &dyn Store) {
    let first = begin(one, 3, 1).await;
    let running = claim_one(one, "executor", LONG).await;
    one.finish_cycle(first, &result(3)).await.expect("it ends");
    for again in
        [other.finish_cycle(first, &result(3)).await, other.fail_cycle(first, "after all").await]
    {
        assert_eq!(again.expect_err("it ended twice").kind(), StoreErrorKind::Conflict);
    }
    let late = answer(&running, Outcome::Success);
    assert_eq!(submit(other, "executor", &late).await, Verdict::Refused(Refusal::Over));
    assert!(claim(one, "executor", 10, LONG).await.is_empty(), "a job of a cycle that is over");
    let stats = one.job_stats().await.expect("it says");
    assert_eq!((stats.total, stats.failed, stats.current_cycle), (6, 6, None));
    assert_eq!((stats.pending, stats.assigned, stats.active_executors), (0, 0, 0));

    let cycle = other.cycle(first).await.expect("it says").expect("the cycle is there");
    assert_eq!(cycle.status, CycleStatus::Completed);
    assert_eq!(cycle.seed_secret, Some(SeedSecret::from_bytes([9; 32])), "the secret is shown");
    assert_eq!(cycle.report, Some(json!({"missing": []})));
    assert!(cycle.completed_at >= Some(cycle.started_at) && cycle.duration().is_some());

    let second = begin(other, 2, 1).await;
    assert!(second > first, "cycles are numbered in their order");
    other.fail_cycle(second, "too few episodes").await.expect("it ends");
    let failed = one.cycle(second).await.expect("it says").expect("the cycle is there");
    assert_eq!(failed.status, CycleStatus::Failed);
    assert_eq!(failed.failure.as_deref(), Some("too few episodes"));
    assert!(failed.seed_secret.is_some());

    // What is deleted of old cycles changes nothing of it either.
    assert_eq!(other.prune_jobs(2).await.expect("nothing is old"), 0);
    assert_eq!(other.prune_jobs(1).await.expect("one is old"), 6);
    assert!(one.jobs(first, 0, 10).await.expect("it says").is_empty());
    assert!(!one.jobs(second, 0, 10).await.expect("it says").is_empty());

    // What failed changes nothing of what is published.
    let expected = result(3);
    let hotkeys = example_cycle(3, 1).miners.into_iter().map(|miner| (miner.uid, miner.hotkey));
    for block in [None, Some(BlockNumber(1234))] {
        let published = one.weights(block).await.expect("it says").expect("weights are there");
        assert_eq!((&published.weights, &published.cycle), (&expected.weights, &cycle));
        assert_eq!(published.frontier, expected.frontier);
        assert!(published.hotkeys.into_iter().eq(hotkeys.clone()));
        assert!(published.created_at >= cycle.started_at);
    }
    assert_eq!(one.weights(Some(BlockNumber(1))).await.expect("it says"), None);
    for id in [None, Some(first)] {
        let scores = one.scores(id).await.expect("it says").expect("scores are there");
        assert_eq!((&scores.rows, &scores.cycle), (&expected.scores, &cycle));
        assert_eq!(scores.frontier, expected.frontier);
    }
    let none = one.scores(Some(second)).await.expect("it says").expect("the cycle is there");
    assert_eq!((none.rows, none.frontier), (vec![], vec![]));
    let environments = one.environments().await.expect("it says");
    let names: Vec<&EnvId> = environments.iter().map(|status| &status.env_id).collect();
    assert_eq!(names, [&env("a"), &env("b")]);
    assert!(environments.iter().all(|status| status.evaluations == 30));
    assert!(
        environments.iter().all(|status| {
            status.avg_success_rate.is_some_and(|rate| (rate - 0.2).abs() < 1e-12)
        })
    );
    let overview = one.overview().await.expect("it says");
    assert_eq!((overview.total_cycles, overview.failed_cycles), (2, 1));
    assert_eq!(overview.total_miners_evaluated, 3);
    assert_eq!(overview.last_completed_cycle, Some(cycle));
    assert_eq!(overview.current_cycle, None);
    assert_eq!(one.cycle_seconds().await.expect("it says").len(), 1);
}

async fn hostile_texts_do_no_harm(store: &dyn Store) {
    let mut cycle = example_cycle(2, 1);
    cycle.miners[0].repo = "'; DROP TABLE task_pool; --\u{0}\u{1f600}".to_owned();
    let cycle = store.create_cycle(&cycle).await.expect("a cycle begins");
    for bad in ["", "a\u{0}b", "a\nb", &"x".repeat(129)] {
        let claim = Claim { executor_id: bad.to_owned(), limit: 1, env_ids: None, lease: LONG };
        let error = store.claim(&claim).await.expect_err("a bad executor id was taken");
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{bad:?}: {error}");
        let error = store.submit(bad, &[], &AT_ONCE).await.expect_err("a bad executor id");
        assert_eq!(error.kind(), StoreErrorKind::Invalid, "{bad:?}: {error}");
    }
    let name = "executor '\"\\ \u{1f600} $1 {now}";
    let job = claim_one(store, name, Duration::MAX).await;
    assert!(job.repo.starts_with("'; DROP TABLE task_pool; --"), "{}", job.repo);
    for text in ["\u{0}", "'", "\u{1f600}", &"x".repeat(100_000)] {
        let lease = Lease { task_uuid: text.to_owned(), lease_token: text.to_owned() };
        assert_eq!(store.renew(&[lease], LONG).await.expect("it says"), [None]);
        let foreign = Answer {
            task_uuid: text.to_owned(),
            lease_token: Some(text.to_owned()),
            ..answer(&job, Outcome::Success)
        };
        let refused = Verdict::Refused(Refusal::UnknownTask);
        assert_eq!(submit(store, name, &foreign).await, refused);
    }
    let detail = format!("\u{0}'\"\u{1f600}{}", "x".repeat(100_000));
    let fault = PolicyFault::new(PolicyFaultKind::BadAnswer, detail);
    let verdict = submit(store, name, &answer(&job, fault.into())).await;
    assert_eq!(verdict, Verdict::Accepted(Settled::Completed));
    let error = record(store, cycle, &job.uuid).await.error.expect("the error is kept");
    assert!(error.starts_with("\u{fffd}'\"\u{1f600}x"), "{error:.20}");
    assert_eq!(error.chars().count(), super::MAX_ERROR, "it is cut short");
    assert_eq!(record(store, cycle, &job.uuid).await.executor_id.as_deref(), Some(name));
    let everything = claim(store, name, u32::MAX, Duration::MAX).await;
    assert_eq!(everything.len(), 3);
}

async fn miners_and_scheduler_are_remembered(one: &dyn Store, other: &dyn Store) {
    let miner = |uid, first_block: Option<u64>| Miner {
        uid: MinerUid(uid),
        hotkey: hotkey(uid),
        endpoint: Some(format!("https://{uid}.example")),
        endpoint_sealed: uid == 1,
        repo: "user/repo".to_owned(),
        revision: "12345678".to_owned(),
        first_block: first_block.map(BlockNumber),
    };
    let blocks = [
        // Stored, given later, kept.
        (Some(10), Some(20), Some(10)),
        (Some(20), Some(10), Some(10)),
        (None, Some(20), Some(20)),
        (Some(10), None, Some(10)),
        (None, None, None),
    ];
    for (stored, given, kept) in blocks {
        one.put_miners(&[miner(1, stored)]).await.expect("miners can be put");
        other.put_miners(&[miner(1, given)]).await.expect("miners can be put");
        let miners = one.miners().await.expect("it says");
        assert_eq!(miners[0].miner, miner(1, kept), "{stored:?}, then {given:?}");
        one.reset().await.expect("it can be reset");
    }
    // Another policy does not inherit the place of the one before it.
    let elsewhere = Miner { repo: "user/other".to_owned(), ..miner(1, Some(20)) };
    let newer = Miner { revision: "87654321".to_owned(), ..miner(1, Some(30)) };
    for next in [miner(1, Some(10)), elsewhere, newer] {
        one.put_miners(std::slice::from_ref(&next)).await.expect("miners can be put");
        assert_eq!(other.miners().await.expect("it says")[0].miner, next);
    }
    one.reset().await.expect("it can be reset");
    one.put_miners(&[miner(0, None), miner(1, None)]).await.expect("miners can be put");
    begin(one, 1, 1).await;
    let running = one.running_cycle().await.expect("it says").expect("a cycle runs");
    one.finish_cycle(running.cycle.id, &result(1)).await.expect("it ends");
    let unreachable = Miner { endpoint: None, ..miner(1, None) };
    one.put_miners(std::slice::from_ref(&unreachable)).await.expect("miners can be put");
    let miners = other.miners().await.expect("it says");
    let [active, gone] = miners.as_slice() else { panic!("{miners:?}") };
    assert_eq!((&active.miner, active.active), (&unreachable, true));
    assert_eq!((active.last_evaluated, active.environments_evaluated), (None, 0));
    assert_eq!((&gone.miner, gone.active), (&miner(0, None), false));
    assert!(gone.last_evaluated.is_some() && gone.environments_evaluated == 2);
    assert_eq!(gone.last_evaluated_block, Some(BlockNumber(1234)));
    assert!(gone.avg_success_rate.is_some_and(|rate| (rate - 0.1).abs() < 1e-12));
    assert_eq!(other.overview().await.expect("it says").active_miners, 1);

    for next_cycle_in in [Some(LONG), None, Some(Duration::ZERO)] {
        let heartbeat = Heartbeat {
            current_block: BlockNumber(77),
            next_cycle_in,
            environments: vec![env("b"), env("z")],
        };
        one.put_heartbeat(&heartbeat).await.expect("it can be noted");
        let overview = other.overview().await.expect("it says");
        let state = overview.scheduler.expect("the scheduler has spoken");
        assert_eq!(
            (state.current_block, &state.environments),
            (BlockNumber(77), &heartbeat.environments)
        );
        let left = state.next_cycle_in;
        assert_eq!(left.is_some(), next_cycle_in.is_some());
        assert!(left <= next_cycle_in, "{left:?} are left of {next_cycle_in:?}");
        assert!(
            left.is_none_or(
                |left| left + Duration::from_secs(60) > next_cycle_in.unwrap_or_default()
            )
        );
    }
    let environments = other.environments().await.expect("it says");
    let names: Vec<&EnvId> = environments.iter().map(|status| &status.env_id).collect();
    assert_eq!(names, [&env("a"), &env("b"), &env("z")]);
    assert_eq!((environments[2].evaluations, environments[2].avg_success_rate), (0, None));
}

async fn one_scheduler(one: &dyn Store, other: &dyn Store) {
    let lock = one.try_lock_scheduler().await.expect("it says");
    let mut lock = lock.expect("nobody else is the scheduler");
    lock.check().await.expect("the lock holds");
    for store in [one, other] {
        let second = store.try_lock_scheduler().await.expect("it says");
        assert!(second.is_none(), "there are two schedulers");
    }
    drop(lock);
    // A database may take a moment to notice.
    for _ in 0..100 {
        if let Some(mut lock) = other.try_lock_scheduler().await.expect("it says") {
            return lock.check().await.expect("the lock holds");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nobody can be the scheduler after the first one is gone");
}
