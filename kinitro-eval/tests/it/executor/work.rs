//! Fetching, running, leases and the end of it all.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kinitro_core::{InfraFault, InfraFaultKind, Outcome, PolicyFault, PolicyFaultKind};
use kinitro_eval::backend::executor::{Concurrency, Executor, ExecutorError};
use kinitro_eval::isolation::{Play, Scripted};
use kinitro_eval::wire::ApiKey;

use super::api::{Api, Mood};
use super::{Counting, POINT, Working, env_id, scripted, settings, taking};

#[tokio::test]
async fn every_outcome_reaches_the_api_as_it_is() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "http://miner.example", 4);
    let sandbox = scripted(|job| match job.seed.0 {
        0 => Play { steps: 7, ..Play::ending_in(Outcome::Success) },
        1 => Play { steps: 600, ..Play::ending_in(Outcome::Success) },
        2 => Play::ending_in(PolicyFault::new(PolicyFaultKind::BadAction, "NaN")),
        _ => Play::ending_in(PolicyFault::new(PolicyFaultKind::Timeout, "no answer")),
    });
    let working = Working::start(settings(&api, folder.path()), sandbox.clone()).await;
    api.wait_until_all_are_over().await;
    let report = working.stop().await;
    assert_eq!((report.episodes, report.unsent, report.infra_faults), (4, 0, 0));
    let told: Vec<_> = api.with(|queue| {
        let answers = queue.tasks.values().map(|task| task.answers[0].clone());
        answers
            .map(|answer| {
                let outcome = answer["outcome"]["outcome"].as_str().unwrap().to_owned();
                let error = answer["error"].as_str().unwrap_or_default().to_owned();
                let numbers =
                    ["score", "total_reward", "timesteps"].map(|key| answer[key].as_f64());
                (outcome, answer["success"].as_bool(), error, numbers.map(Option::unwrap))
            })
            .collect()
    });
    let fault = "policy_fault".to_owned();
    let none = String::new();
    assert_eq!(
        told,
        [
            ("success".to_owned(), Some(true), none.clone(), [1.0, -7.0, 7.0]),
            ("failure".to_owned(), Some(false), none, [0.0, -500.0, 500.0]),
            (fault.clone(), Some(false), "NaN".to_owned(), [0.0, -1.0, 1.0]),
            (fault, Some(false), "no answer".to_owned(), [0.0, -1.0, 1.0]),
        ]
    );
    let seen = sandbox.seen();
    assert!(seen.iter().all(|job| job.endpoint == "http://miner.example"));
    assert!(seen.iter().all(|job| job.limits == Default::default()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "one executor, one folder");
}

#[tokio::test]
async fn no_more_is_taken_than_can_begin_at_once() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 30);
    let mut settings = settings(&api, folder.path());
    settings.batch_size = 3;
    let sandbox = Counting::new(scripted(|_| taking(Duration::from_millis(20))));
    let working = Working::start(settings, sandbox.clone()).await;
    api.wait_until_all_are_over().await;
    working.stop().await;
    assert_eq!(sandbox.most.load(Ordering::SeqCst), 4, "four slots");
    api.with(|queue| {
        assert_eq!(queue.asked.iter().max(), Some(&3), "a batch of three");
        assert!(queue.tasks.values().all(|task| task.attempts == 1 && task.answers.len() == 1));
    });
}

#[tokio::test]
async fn families_have_slots_of_their_own_and_one_at_a_time_is_one() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    let (slow, quick) = ("slow/a-v0", "quick/a-v0");
    let sandbox = Arc::new(Scripted::new([slow, quick, "other/a-v0"].map(env_id), |job| {
        taking(Duration::from_millis(if job.env_id.family() == "slow" { 60_000 } else { 1 }))
    }));
    api.add(slow, "", 5);
    api.add(quick, "", 20);
    api.add("other/a-v0", "", 1);
    let mut settings = settings(&api, folder.path());
    settings.families = Some(vec!["slow".to_owned(), "quick".to_owned()]);
    settings.drain_timeout = Duration::ZERO;
    let families = BTreeMap::from([("slow".to_owned(), 2)]);
    settings.concurrency = Concurrency::PerFamily { default: 1, families };
    let working = Working::start(settings.clone(), sandbox.clone()).await;
    api.wait_until("the quick are over", |queue| {
        let assigned = queue.tasks.values().filter(|task| task.lease.is_some()).count();
        let over = queue.tasks.values().filter(|task| task.is_over).count();
        (assigned, over) == (2, 20)
    })
    .await;
    let report = working.stop().await;
    assert_eq!((report.episodes, report.given_back), (20, 2));

    settings.families = Some(vec!["slow".to_owned()]);
    settings.concurrency = Concurrency::OneAtATime;
    api.with(|queue| queue.most_assigned = 0);
    let working = Working::start(settings, sandbox).await;
    api.wait_until("one is taken", |queue| queue.most_assigned > 0).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(working.stop().await.given_back, 1);
    assert_eq!(api.with(|queue| queue.most_assigned), 1);
}

#[tokio::test]
async fn leases_are_renewed_for_as_long_as_an_episode_runs() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.lease = Duration::from_millis(900));
    api.add(POINT, "", 2);
    let sandbox = scripted(|_| taking(Duration::from_millis(2500)));
    let working = Working::start(settings(&api, folder.path()), sandbox).await;
    api.wait_until_all_are_over().await;
    working.stop().await;
    api.with(|queue| {
        assert!(queue.tasks.values().all(|task| task.attempts == 1), "{queue:#?}");
        assert!(queue.renewals >= 4 && queue.refused.is_empty(), "{queue:#?}");
    });
}

#[tokio::test]
async fn an_episode_whose_lease_is_lost_is_stopped_and_its_result_not_sent() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.lease = Duration::from_millis(600));
    api.add(POINT, "", 1);
    let sandbox = scripted(|_| taking(Duration::from_secs(3600)));
    let working = Working::start(settings(&api, folder.path()), sandbox.clone()).await;
    api.wait_until("the task is taken", |queue| queue.most_assigned == 1).await;
    api.with(|queue| {
        let task = queue.tasks.values_mut().next().unwrap();
        task.lease = Some((Instant::now() + Duration::from_secs(3600), "another's".to_owned()));
    });
    let started = Instant::now();
    // What is stopped makes room for another.
    api.add(POINT, "", 2);
    api.with(|queue| queue.tasks.values_mut().next().unwrap().is_over = true);
    api.wait_until("the next is taken", |_| sandbox.seen().len() == 2).await;
    assert!(started.elapsed() < Duration::from_secs(10));
    drop(working);
    assert!(api.with(|queue| queue.submitted.is_empty()));
}

#[tokio::test]
async fn a_stop_lets_what_runs_come_to_its_end_and_gives_back_the_rest() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    let script = |job: &kinitro_eval::isolation::EpisodeJob| {
        taking(Duration::from_millis(if job.seed.0 == 0 { 500 } else { 3_600_000 }))
    };
    api.add(POINT, "", 10);
    let mut settings = settings(&api, folder.path());
    settings.drain_timeout = Duration::from_secs(1);
    let working = Working::start(settings, scripted(script)).await;
    api.wait_until("four run", |queue| queue.most_assigned == 4).await;
    let stopped = Instant::now();
    let report = working.stop().await;
    assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    assert_eq!((report.episodes, report.given_back, report.unsent), (1, 3, 0));
    assert_eq!(api.outcomes(), ["success", "cancelled", "cancelled", "cancelled"]);
    assert_eq!(api.with(|queue| queue.most_assigned), 4, "nothing was taken after the stop");
}

#[tokio::test]
async fn a_machine_that_breaks_everything_takes_less_and_less() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 1);
    let sandbox =
        scripted(|_| Play::ending_in(InfraFault::new(InfraFaultKind::Simulator, "unstable")));
    let working = Working::start(settings(&api, folder.path()), sandbox).await;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let report = working.stop().await;
    assert!((1..=6).contains(&report.infra_faults), "{report:?}");
    assert_eq!(api.outcomes()[0], "infra_fault");
    let detail = api.with(|queue| queue.submitted[0]["outcome"]["detail"].clone());
    assert_eq!(detail, "unstable");
}

#[tokio::test]
async fn a_machine_that_can_run_nothing_gives_back_what_it_took_and_says_so() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 3);
    // It says that it has what it has not.
    let family = super::strangers::Undrawable;
    let mut registry = kinitro_eval::Registry::empty();
    registry.register(family);
    let sandbox = kinitro_eval::isolation::InProcess::new(registry)
        .with_reach(kinitro_eval::policy::http::Reach::anywhere());
    let url = super::strangers::standing_still().await;
    api.with(|queue| queue.tasks.values_mut().for_each(|task| task.endpoint = url.clone()));
    let working = Working::start(settings(&api, folder.path()), Arc::new(sandbox)).await;
    let error = working.end().await.unwrap_err();
    assert!(matches!(error, ExecutorError::Sandbox(_)), "{error}");
    assert_eq!(api.outcomes(), ["cancelled"; 3]);
}

#[tokio::test]
async fn a_key_is_sent_and_a_wrong_one_ends_it() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.key = Some("geheim".to_owned()));
    api.add(POINT, "", 1);
    for wrong in [None, Some(ApiKey::new("anders"))] {
        let mut settings = settings(&api, folder.path());
        settings.api_key = wrong;
        let sandbox = scripted(|_| taking(Duration::ZERO));
        let error = Working::start(settings, sandbox).await.end().await.unwrap_err();
        assert!(matches!(error, ExecutorError::Unauthorized), "{error}");
    }
    let mut settings = settings(&api, folder.path());
    settings.api_key = Some(ApiKey::new("geheim"));
    let working = Working::start(settings, scripted(|_| taking(Duration::ZERO))).await;
    api.wait_until_all_are_over().await;
    working.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_said_before_anything_is_asked() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    let good = || settings(&api, folder.path());
    for batch_size in [0, 101] {
        let mut settings = good();
        settings.batch_size = batch_size;
        let error = Executor::open(settings, scripted(|_| taking(Duration::ZERO))).await;
        assert!(matches!(error.unwrap_err(), ExecutorError::Settings(_)));
    }
    let mut settings = good();
    settings.families = Some(vec!["genesis".to_owned()]);
    let error = Executor::open(settings, scripted(|_| taking(Duration::ZERO))).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no family `genesis` here; there is toy");
    assert!(api.with(|queue| queue.asked.is_empty()));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was made on the disk"
    );
}

#[tokio::test]
async fn an_api_that_is_not_there_yet_is_waited_for() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.mood = Mood::Away);
    api.add(POINT, "", 1);
    let sandbox = scripted(|_| taking(Duration::ZERO));
    let working = Working::start(settings(&api, folder.path()), sandbox).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    api.with(|queue| queue.mood = Mood::Well);
    api.wait_until_all_are_over().await;
    assert_eq!(working.stop().await.episodes, 1);
}
