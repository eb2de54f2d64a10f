//! A whole backend in one process: from commitments to what its API says, with made-up episodes.

use std::sync::Arc;
use std::time::Duration;

use kinitro_chain::commitment::CommitmentData;
use kinitro_chain::wallet::Keypair;
use kinitro_chain::{MemoryChain, Signer as _};
use kinitro_core::{Coldkey, EnvId, NetUid, Outcome};
use kinitro_eval::CancellationToken;
use kinitro_eval::backend::scheduler::SchedulerSettings;
use kinitro_eval::backend::storage::{DatabaseUrl, Store, open as open_store};
use kinitro_eval::backend::up::{Up, UpError, UpSettings};
use kinitro_eval::isolation::{EpisodeJob, Play, Scripted};
use serde_json::Value;
use tempfile::TempDir;

const NETUID: NetUid = NetUid(3);
const LONGEST: Duration = Duration::from_secs(30);

fn envs() -> Vec<EnvId> {
    ["env/a", "env/b"].map(|id| id.parse().unwrap()).to_vec()
}

/// A good policy, a bad one, and a copy of the good one.
async fn subnet() -> MemoryChain {
    let chain = MemoryChain::new();
    chain.add_subnet(NETUID);
    for (name, port) in [("good", 1), ("bad", 2), ("copy", 1)] {
        let key = Keypair::from_uri(&format!("//{name}")).unwrap();
        chain.register(NETUID, key.hotkey(), Coldkey::from_account_id([1; 32])).unwrap();
        let text = format!("{name}/policy:0123abcd:http://127.0.0.1:{port}");
        let data = CommitmentData::new(text).unwrap();
        kinitro_chain::Chain::commit(&chain, NETUID, &key, &data).await.unwrap();
    }
    chain
}

/// Only the seed and the policy decide how an episode ends.
fn play(job: &EpisodeJob) -> Play {
    let wins = job.endpoint.ends_with(":1") && !job.seed.0.is_multiple_of(7);
    Play::ending_in(if wins { Outcome::Success } else { Outcome::Failure })
}

async fn open(sandbox: Scripted) -> (Result<Up, UpError>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = open_store(&DatabaseUrl::IN_MEMORY).await.unwrap().into();
    let mut scheduler = SchedulerSettings::new(NETUID, envs());
    scheduler.episodes_per_env = 10;
    let mut settings = UpSettings::new(scheduler, folder.path());
    settings.concurrent = 4;
    let up = Up::open(settings, Arc::new(subnet().await), store, Arc::new(sandbox)).await;
    (up, folder)
}

async fn get(url: &str) -> Value {
    let answer = reqwest::get(url).await.unwrap();
    assert!(answer.status().is_success(), "{url}: {}", answer.status());
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn one_cycle_goes_from_commitments_to_the_weights_that_the_api_serves() {
    let (up, _folder) = open(Scripted::new(envs(), play)).await;
    let up = up.unwrap();
    let url = format!("http://{}", up.local_addr());
    let mut answers = None;
    let never = CancellationToken::new();
    let cycle = up.run_cycle(&never, false, async |_| {
        let fetch = reqwest::Client::new().post(format!("{url}/v1/tasks/fetch"));
        let body = r#"{"executor_id": "stranger", "batch_size": 1}"#;
        let fetch = fetch.header("content-type", "application/json").body(body);
        let stranger = fetch.send().await.unwrap().status();
        let weights = get(&format!("{url}/v1/weights/latest")).await;
        let scores = get(&format!("{url}/v1/scores/latest?detail=rows")).await;
        answers = Some((stranger, weights, scores));
    });
    let end = tokio::time::timeout(LONGEST, cycle).await.expect("it ends").unwrap().unwrap();
    assert_eq!(end.failure, None);
    let (stranger, weights, scores) = answers.expect("it was asked");
    assert_eq!(stranger, 401, "only the executor of this process has the key");
    let share = |uid: &str| weights["weights"][uid].as_f64().unwrap();
    assert!(share("0") > 0.9 && share("2") == share("1"), "the copy got something: {weights}");
    assert_eq!(scores["scores"]["0"], scores["scores"]["2"], "they met other seeds");
    let rows = scores["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 6);
    assert!(rows.iter().all(|row| row["mean_reward"] == -1.0), "{scores}");
}

#[tokio::test]
async fn it_ends_when_it_is_stopped_in_the_middle() {
    let slow =
        |job: &EpisodeJob| Play { steps: 1000, step_time: Duration::from_secs(1), ..play(job) };
    let (up, _folder) = open(Scripted::new(envs(), slow)).await;
    let (up, stop) = (up.unwrap(), CancellationToken::new());
    let stopper = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stop.cancel();
    };
    let both = async { tokio::join!(up.run_cycle(&stop, false, async |_| {}), stopper) };
    let (end, ()) = tokio::time::timeout(LONGEST, both).await.expect("it ends");
    assert_eq!(end.unwrap(), None);
}

#[tokio::test]
async fn a_sandbox_without_the_environments_is_said_and_not_waited_for() {
    let (up, _folder) = open(Scripted::new([], play)).await;
    let error = match up {
        Ok(up) => tokio::time::timeout(LONGEST, up.run(&CancellationToken::new()))
            .await
            .expect("it ends")
            .unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, UpError::Executor(_)), "{error:?}");
}
