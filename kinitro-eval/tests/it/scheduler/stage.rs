//! A subnet, a database and executors that need no simulator.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use kinitro_chain::commitment::CommitmentData;
use kinitro_chain::wallet::Keypair;
use kinitro_chain::{Chain as _, MemoryChain, Signer as _};
use kinitro_core::{
    Coldkey, CycleId, EnvId, InfraFault, InfraFaultKind, MinerUid, NetUid, Outcome,
};
use kinitro_eval::CancellationToken;
use kinitro_eval::backend::scheduler::{CycleReport, Scheduler, SchedulerSettings};
use kinitro_eval::backend::storage::{
    Answer, Claim, ClaimedJob, CycleScores, DatabaseUrl, JobRecord, PublishedWeights, RetryPolicy,
    Store, connect, open,
};
use tempfile::TempDir;

pub(crate) const NETUID: NetUid = NetUid(26);
pub(crate) const EPISODES: u32 = 10;
/// How long the tasks of an executor that was dropped are out of reach.
const LEASE: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);

/// What an executor makes of a task.
pub(crate) type Skill = fn(&ClaimedJob) -> Option<Outcome>;

pub(crate) struct Stage {
    pub(crate) chain: Arc<MemoryChain>,
    pub(crate) store: Arc<dyn Store>,
    url: DatabaseUrl,
    _folder: TempDir,
}

impl Stage {
    /// A subnet with so many miners, each committed a block after the other.
    pub(crate) async fn new(miners: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = DatabaseUrl::sqlite(folder.path().join("kinitro.db"));
        let store: Arc<dyn Store> = open(&url).await.unwrap().into();
        let chain = Arc::new(MemoryChain::new());
        chain.add_subnet(NETUID);
        let stage = Self { chain, store, url, _folder: folder };
        for miner in 0..miners {
            stage.join(miner).await;
        }
        stage
    }

    /// The same database through a connection of its own.
    pub(crate) async fn other_store(&self) -> Arc<dyn Store> {
        connect(&self.url).await.unwrap().into()
    }

    pub(crate) async fn join(&self, miner: u16) -> MinerUid {
        let owner = Coldkey::from_account_id([1; 32]);
        let uid = self.chain.register(NETUID, key(miner).hotkey(), owner).unwrap();
        self.commit(miner, &format!("user{miner}/policy:0123abcd:http://192.0.2.{miner}:8000"))
            .await;
        uid
    }

    pub(crate) async fn commit(&self, miner: u16, text: impl AsRef<[u8]>) {
        let data = CommitmentData::new(text.as_ref()).unwrap();
        self.chain.commit(NETUID, &key(miner), &data).await.unwrap();
    }

    /// Gives the slot of a miner to somebody else.
    pub(crate) fn replace(&self, uid: u16) {
        let other = key(1000 + uid).hotkey();
        self.chain.change_neuron(NETUID, MinerUid(uid), |neuron| neuron.hotkey = other).unwrap();
    }

    pub(crate) fn scheduler(&self) -> Scheduler {
        self.scheduler_with(&self.store, |_| {})
    }

    pub(crate) fn scheduler_with(
        &self,
        store: &Arc<dyn Store>,
        change: impl FnOnce(&mut SchedulerSettings),
    ) -> Scheduler {
        let mut settings = SchedulerSettings::new(NETUID, envs());
        settings.episodes_per_env = EPISODES;
        settings.poll_interval = Duration::from_millis(10);
        settings.stale_threshold = Duration::from_millis(20);
        change(&mut settings);
        Scheduler::new(settings, self.chain.clone(), Arc::clone(store)).unwrap()
    }

    /// Runs tasks by that skill while `work` goes on.
    pub(crate) async fn with_executors<T>(&self, skill: Skill, work: impl Future<Output = T>) -> T {
        let both = async {
            tokio::join!(
                execute(self.store.as_ref(), "one", 3, skill),
                execute(self.store.as_ref(), "two", 7, skill)
            )
        };
        tokio::select! {
            answer = within_reason(work) => answer,
            _ = both => unreachable!("executors do not end"),
        }
    }

    /// The state in which all is done that there is to do.
    pub(crate) async fn until_completed(&self, cycles: u64) {
        within_reason(async {
            loop {
                let overview = self.store.overview().await.unwrap();
                if overview.current_cycle.is_none() && overview.total_cycles >= cycles {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// A cycle has begun.
    pub(crate) async fn until_begun(&self) {
        within_reason(async {
            while self.store.running_cycle().await.unwrap().is_none() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    /// Lets somebody else have tasks that were claimed.
    pub(crate) async fn give_back(&self, executor_id: &str, tasks: &[ClaimedJob]) {
        let answers: Vec<Answer> =
            tasks.iter().map(|task| answer(task, Outcome::Cancelled)).collect();
        self.store.submit(executor_id, &answers, &RetryPolicy::default()).await.unwrap();
    }

    pub(crate) async fn tasks(&self, cycle: CycleId) -> Vec<JobRecord> {
        self.store.jobs(cycle, 0, 100_000).await.unwrap()
    }

    pub(crate) async fn scores(&self) -> CycleScores {
        self.store.scores(None).await.unwrap().expect("a cycle is completed")
    }

    pub(crate) async fn weights(&self) -> PublishedWeights {
        self.store.weights(None).await.unwrap().expect("a cycle is completed")
    }

    pub(crate) async fn report(&self) -> CycleReport {
        let report = self.weights().await.cycle.report.expect("there is a report");
        serde_json::from_value(report).unwrap()
    }

    /// All that a cycle says, but for its times and its seeds.
    pub(crate) async fn result(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        let (scores, weights) = (self.scores().await, self.weights().await);
        let report = weights.cycle.report;
        (scores.rows, scores.frontier, weights.weights, weights.frontier, report)
    }
}

pub(crate) async fn within_reason<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONGEST, work).await.expect("it takes too long")
}

pub(crate) fn key(miner: u16) -> Keypair {
    Keypair::from_uri(&format!("//Miner{miner}")).unwrap()
}

pub(crate) fn envs() -> Vec<EnvId> {
    ["env/a", "env/b", "env/c"].map(|id| id.parse().unwrap()).to_vec()
}

/// What follows from miner, environment and episode: the higher the uid, the better; the last of
/// four is as good as the third.
pub(crate) fn skilled(task: &ClaimedJob) -> Option<Outcome> {
    let luck = (task.episode * 7 + u32::from(task.env_id.task().as_bytes()[0])) % 10;
    let wins = luck < 3 * (u32::from(task.uid.0.min(2)) + 1);
    Some(if wins { Outcome::Success } else { Outcome::Failure })
}

/// Never an answer.
pub(crate) fn idle(_: &ClaimedJob) -> Option<Outcome> {
    None
}

pub(crate) fn broken() -> Outcome {
    InfraFault::new(InfraFaultKind::Simulator, "it broke").into()
}

/// The reward of an episode: no two sums of them in another order need be the same.
fn reward(task: &ClaimedJob) -> f64 {
    f64::from(task.episode + 1) * 0.1 + f64::from(task.uid.0)
}

fn answer(task: &ClaimedJob, outcome: Outcome) -> Answer {
    Answer::new(&task.uuid, outcome).token(&task.lease_token).episode(reward(task), 7)
}

async fn execute(store: &dyn Store, name: &str, batch: u32, skill: Skill) {
    let retry = RetryPolicy::default().retries(0);
    let claim = Claim::new(name, batch, LEASE);
    loop {
        let tasks = store.claim(&claim).await.unwrap();
        let mut answers = Vec::new();
        for task in &tasks {
            answers.extend(skill(task).map(|outcome| answer(task, outcome)));
        }
        // The order in which answers come is not that of the tasks.
        answers.reverse();
        store.submit(name, &answers, &retry).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Runs a scheduler until `done`.
pub(crate) async fn run_until(scheduler: &Scheduler, done: impl Future<Output = ()>) {
    let stop = CancellationToken::new();
    let stopper = async {
        done.await;
        stop.cancel();
    };
    tokio::join!(scheduler.run(&stop), stopper);
}
