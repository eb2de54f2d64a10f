//! Results reach the API once and only once, whatever happens to it, to the executor or to the disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::Outcome;
use kinitro_eval::backend::executor::{Executor, ExecutorError, SpoolError};
use kinitro_eval::isolation::Play;

use super::api::{Api, Mood};
use super::{POINT, Working, scripted, settings, taking};

/// The results in the spool.
fn spooled(root: &Path) -> usize {
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| fs::read_dir(folder).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).count()
}

async fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited in vain until {what}");
}

#[tokio::test]
async fn results_wait_on_the_disk_while_the_api_is_away() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 20);
    let sandbox = scripted(|_| taking(Duration::from_millis(300)));
    let working = Working::start(settings(&api, folder.path()), sandbox).await;
    api.wait_until("four run", |queue| queue.most_assigned == 4).await;
    api.with(|queue| queue.mood = Mood::Away);
    wait_until("four results are on the disk", || spooled(folder.path()) == 4).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    api.with(|queue| {
        assert!(queue.submitted.is_empty());
        queue.mood = Mood::Well;
    });
    api.wait_until_all_are_over().await;
    let report = working.stop().await;
    assert_eq!((report.episodes, report.unsent), (20, 0));
    assert_eq!(spooled(folder.path()), 0);
    api.with(|queue| {
        assert!(queue.tasks.values().all(|task| task.attempts == 1 && task.answers.len() == 1));
        assert_eq!(queue.submitted.len(), 20);
    });
}

#[tokio::test]
async fn results_survive_the_executor_and_are_sent_by_the_next() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 4);
    let sandbox = scripted(|_| taking(Duration::from_millis(200)));
    let working = Working::start(settings(&api, folder.path()), sandbox.clone()).await;
    api.wait_until("four run", |queue| queue.most_assigned == 4).await;
    api.with(|queue| queue.mood = Mood::Away);
    wait_until("four results are on the disk", || spooled(folder.path()) == 4).await;
    let mut settings = settings(&api, folder.path());
    settings.executor_id = api.with(|queue| queue.executors.first().cloned());
    let error = Executor::open(settings.clone(), sandbox).await.unwrap_err();
    assert!(matches!(error, ExecutorError::Spool(SpoolError::InUse { .. })), "{error}");
    working.kill().await;
    api.with(|queue| queue.mood = Mood::Well);
    // Without an id it is the heir of whoever is not running.
    settings.executor_id = None;
    let working = Working::start(settings, scripted(|_| panic!("nothing is left to run"))).await;
    api.wait_until_all_are_over().await;
    let ids = api.with(|queue| queue.executors.clone());
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(working.stop().await.episodes, 0, "nothing was run again");
    assert_eq!(api.outcomes(), ["success"; 4]);
}

#[tokio::test]
async fn an_answer_that_gets_lost_is_asked_for_again_and_changes_nothing() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.mood = Mood::LosesAnswers);
    api.add(POINT, "", 3);
    let sandbox = scripted(|_| Play::ending_in(Outcome::Success));
    let working = Working::start(settings(&api, folder.path()), sandbox).await;
    api.wait_until("results came twice", |queue| queue.submitted.len() >= 6).await;
    api.with(|queue| queue.mood = Mood::Well);
    wait_until("the spool is empty", || spooled(folder.path()) == 0).await;
    working.stop().await;
    api.with(|queue| {
        assert!(queue.tasks.values().all(|task| task.answers.len() == 1));
        assert!(queue.refused.is_empty());
    });
}

#[tokio::test]
async fn a_late_result_is_refused_and_dropped() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.lease = Duration::from_millis(400));
    api.add(POINT, "", 1);
    let sandbox = scripted(|_| taking(Duration::from_millis(100)));
    let working = Working::start(settings(&api, folder.path()), sandbox).await;
    api.wait_until("it runs", |queue| queue.most_assigned == 1).await;
    api.with(|queue| queue.mood = Mood::Away);
    wait_until("the result is on the disk", || spooled(folder.path()) == 1).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    api.with(|queue| {
        queue.mood = Mood::Well;
        queue.lease = Duration::from_secs(300);
        // Somebody else has it now.
        let lease = (std::time::Instant::now(), "another's".to_owned());
        queue.tasks.values_mut().next().unwrap().lease = Some(lease);
    });
    wait_until("the spool is empty", || spooled(folder.path()) == 0).await;
    let report = working.stop().await;
    assert_eq!(report.unsent, 0);
    api.with(|queue| {
        assert_eq!(queue.refused.len(), 1, "it was told once, and not sent again");
        assert!(queue.tasks.values().all(|task| task.answers.is_empty()));
    });
}

#[tokio::test]
async fn a_result_that_the_api_cannot_read_holds_up_no_other() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.with(|queue| queue.mood = Mood::Picky);
    api.add(POINT, "", 8);
    let working =
        Working::start(settings(&api, folder.path()), scripted(|_| taking(Duration::ZERO))).await;
    api.wait_until_all_are_over().await;
    assert_eq!(working.stop().await.unsent, 0);
}

/// A file where the folder of the results should be: what cannot be written is sent all the same.
#[tokio::test]
async fn a_disk_that_takes_nothing_loses_nothing() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 8);
    let mut settings = settings(&api, folder.path());
    settings.executor_id = Some("e1".to_owned());
    settings.drain_timeout = Duration::from_secs(1);
    let sandbox = scripted(|_| taking(Duration::from_millis(300)));
    let working = Working::start(settings, sandbox).await;
    api.wait_until("four run", |queue| queue.most_assigned == 4).await;
    api.with(|queue| queue.mood = Mood::Away);
    fs::rename(folder.path().join("e1"), folder.path().join("away")).unwrap();
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert!(api.with(|queue| queue.submitted.is_empty()));
    let asked = api.with(|queue| queue.asked.len());
    api.with(|queue| queue.mood = Mood::Well);
    api.wait_until_all_are_over().await;
    assert!(api.with(|queue| queue.asked.len()) > asked);
    let report = working.stop().await;
    assert_eq!((report.episodes, report.unsent, report.lost), (8, 0, 0));
}

#[tokio::test]
async fn what_neither_the_api_nor_the_disk_takes_is_told_as_lost() {
    let (api, folder) = (Api::start().await, tempfile::tempdir().unwrap());
    api.add(POINT, "", 2);
    let mut settings = settings(&api, folder.path());
    settings.executor_id = Some("e1".to_owned());
    settings.drain_timeout = Duration::from_secs(1);
    let sandbox = scripted(|_| taking(Duration::from_millis(300)));
    let working = Working::start(settings, Arc::clone(&sandbox) as _).await;
    api.wait_until("both run", |queue| queue.most_assigned == 2).await;
    api.with(|queue| queue.mood = Mood::Away);
    fs::rename(folder.path().join("e1"), folder.path().join("away")).unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let report = working.stop().await;
    assert_eq!((report.unsent, report.lost), (2, 2));
}
