//! A subnet whose miners serve policies, a database, and the services over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kinitro_core::scoring::WeightSet;
use kinitro_core::{CycleId, EnvId, MinerUid};
use kinitro_eval::backend::storage::{
    self, CyclePlan, CycleStatus, DatabaseUrl, JobRecord, JobStatus, NewCycle, NewJob, Store,
};
use kinitro_tests::api::{Api, KEY, free_port};
use kinitro_tests::server::{PolicyServer, Reply, action};
use kinitro_tests::subnet::Subnet;
use kinitro_tests::{Program, Running, kinitro, wait_for_long};

/// Two tasks of which some episodes are solved by a hand that always goes the same way.
const ENVS: &str = "metaworld/handle-press-v3,metaworld/drawer-close-v3";
const ENV_COUNT: usize = 2;
const EPISODES: u32 = 4;
const MINERS: usize = 4;
/// How many tasks a cycle has.
pub(crate) const TASKS: usize = ENV_COUNT * EPISODES as usize * MINERS;
/// How long a policy thinks, so that an episode takes a while.
const THOUGHT: Duration = Duration::from_millis(4);
/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(240);

/// Miners whose policies are good at one thing, at the other, and at both at times; the last of them
/// has copied the first, and committed later. One gives no number in every third episode.
fn policies() -> [PolicyServer; MINERS] {
    let always = |twist: &'static str| {
        PolicyServer::start(move |_| Reply::After(THOUGHT, action(twist, "1")))
    };
    let now_and_then = PolicyServer::start(|seed| {
        let twist =
            if seed.is_multiple_of(3) { "NaN, 0, -1, 0, 0, 0" } else { "0, 0, -1, 0, 0, 0" };
        Reply::After(THOUGHT, action(twist, "1"))
    });
    let both = "-1, 1, -1, 0, 0, 0";
    [always(both), now_and_then, always("-1, 0, -1, 0, 0, 0"), always(both)]
}

pub(crate) struct World {
    pub(crate) subnet: Subnet,
    pub(crate) store: Arc<dyn Store>,
    /// The miners, in the order in which they committed.
    pub(crate) uids: Vec<MinerUid>,
    database: String,
    _policies: [PolicyServer; MINERS],
}

impl World {
    /// Over a file.
    pub(crate) fn new() -> Self {
        let subnet = Subnet::new();
        let database = format!("sqlite:{}", subnet.path("kinitro.db").display());
        Self::build(subnet, database)
    }

    /// Over a database that is not there yet.
    pub(crate) fn over(database: String) -> Self {
        Self::build(Subnet::new(), database)
    }

    fn build(subnet: Subnet, database: String) -> Self {
        let _ = kinitro("db create").env("KINITRO_DATABASE_URL", &database).run().with_code(0);
        let _ = kinitro("db init").env("KINITRO_DATABASE_URL", &database).run().with_code(0);
        let url: DatabaseUrl = database.parse().unwrap();
        let store = subnet.run_time.block_on(storage::connect(&url)).unwrap();
        let policies = policies();
        let mut uids = Vec::new();
        for (number, policy) in policies.iter().enumerate() {
            let name = format!("miner{number}");
            uids.push(subnet.register(&name).1);
            let commit = subnet.by(&name, "miner commit --revision 0123abcd");
            let commit = commit.args(["--repo", &format!("{name}/policy")]);
            let _ = commit.args(["--deployment-id", &policy.url]).run().with_code(0);
        }
        Self { subnet, store: store.into(), uids, database, _policies: policies }
    }

    /// An API with leases of `lease` seconds.
    pub(crate) fn api(&self, lease: u32) -> Api {
        self.api_at(free_port(), lease)
    }

    pub(crate) fn api_at(&self, port: u16, lease: u32) -> Api {
        Api::start_at(port, &self.database, &format!("--task-stale-threshold {lease}"))
    }

    /// An executor that runs two episodes at once.
    pub(crate) fn executor(&self, name: &str, api: &str) -> Program {
        executor(name, api, &self.spool(name))
    }

    fn spool(&self, name: &str) -> PathBuf {
        self.subnet.path("spool").join(name)
    }

    /// A scheduler for one cycle.
    pub(crate) fn scheduler(&self) -> Program {
        self.subnet
            .kinitro("scheduler --once --poll-interval 0.05 --timeout 5 --task-stale-threshold 2")
            .args(["--env", ENVS, "--episodes-per-env", &EPISODES.to_string()])
            .env("KINITRO_SCHEDULER_DATABASE_URL", &self.database)
            .limit(LIMIT)
    }

    /// How many tasks have a verdict; `None` when the database does not say.
    pub(crate) fn completed(&self) -> Option<usize> {
        let stats = self.subnet.run_time.block_on(self.store.job_stats()).ok()?;
        usize::try_from(stats.completed).ok()
    }

    pub(crate) fn wait_for_completed(&self, count: usize) {
        wait_for_long(LIMIT, &format!("{count} tasks are completed"), || {
            self.completed().is_some_and(|completed| completed >= count)
        });
    }

    /// Waits until an executor works on something.
    pub(crate) fn wait_for_work_of(&self, executor: &str) {
        wait_for_long(LIMIT, &format!("{executor} works on a task"), || {
            self.tasks().iter().any(|task| {
                let is_own = task.executor_id.as_deref() == Some(executor);
                is_own && task.status == JobStatus::Assigned
            })
        });
    }

    pub(crate) fn is_running(&self) -> bool {
        self.subnet.run_time.block_on(self.store.running_cycle()).unwrap().is_some()
    }

    /// The cycle, once it has begun.
    pub(crate) fn plan(&self) -> CyclePlan {
        let mut plan = None;
        wait_for_long(LIMIT, "a cycle has begun", || {
            plan = self.subnet.run_time.block_on(self.store.running_cycle()).unwrap();
            plan.is_some()
        });
        plan.unwrap()
    }

    pub(crate) fn tasks(&self) -> Vec<JobRecord> {
        let tasks = self.store.jobs(CycleId(1), 0, 1000);
        self.subnet.run_time.block_on(tasks).unwrap()
    }

    /// Waits for the scheduler to end its cycle, and looks at everything.
    #[track_caller]
    pub(crate) fn check(
        &self,
        plan: CyclePlan,
        scheduler: Running,
        executors: impl IntoIterator<Item = Running>,
    ) {
        let said = scheduler.wait().with_code(0);
        assert_eq!(said.stdout.trim(), "cycle 1 is completed", "{}", said.stderr);
        self.check_result(plan, executors);
    }

    /// Ends the executors and looks at everything: the only cycle is completed, no task is lost and
    /// none is counted twice, nothing is left in a spool, and all came out as it does when nothing
    /// disturbs it.
    #[track_caller]
    pub(crate) fn check_result(
        &self,
        plan: CyclePlan,
        executors: impl IntoIterator<Item = Running>,
    ) {
        for executor in executors {
            executor.signal("TERM");
            let _ = executor.wait().with_code(0);
        }
        assert_eq!(spooled(&self.subnet.path("spool")), 0);
        let result = self.result(&*self.store);
        assert_eq!(result.tasks.len(), TASKS);
        assert_eq!(result.scores.len(), ENV_COUNT * MINERS);
        assert!(result.scores.values().all(|(_, _, completed)| *completed == EPISODES));
        assert_eq!(
            result,
            self.undisturbed(plan),
            "as it was, and as it is when nothing disturbs it"
        );
    }

    fn result(&self, store: &dyn Store) -> CycleOutcome {
        self.subnet.run_time.block_on(async {
            let cycle = store.cycle(CycleId(1)).await.unwrap().unwrap();
            assert_eq!((cycle.status, cycle.failure), (CycleStatus::Completed, None));
            assert!(store.cycle(CycleId(2)).await.unwrap().is_none(), "there are two cycles");
            let tasks = store.jobs(CycleId(1), 0, 1000).await.unwrap();
            let scores = store.scores(None).await.unwrap().unwrap();
            let weights = store.weights(None).await.unwrap().unwrap();
            CycleOutcome {
                tasks: tasks.into_iter().map(episode).collect(),
                scores: scores
                    .rows
                    .into_iter()
                    .map(|row| {
                        assert_eq!(row.episodes_failed, 0);
                        let score = (row.success_rate, row.mean_reward, row.episodes_completed);
                        ((row.uid, row.env_id), score)
                    })
                    .collect(),
                frontier: weights.frontier,
                weights: weights.weights,
            }
        })
    }

    /// What comes out of the same cycle, with the same secret, for services that nothing disturbs.
    fn undisturbed(&self, plan: CyclePlan) -> CycleOutcome {
        let jobs = self
            .tasks()
            .into_iter()
            .map(|job| NewJob::new(job.uuid, job.uid, job.env_id, job.episode, job.seed))
            .collect();
        let again = NewCycle::new(plan.cycle.block, plan.seed_secret, plan.miners, jobs)
            .seed_mode(plan.cycle.seed_mode)
            .settings(plan.settings);
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite:{}", folder.path().join("kinitro.db").display());
        let url = database.parse().unwrap();
        let store = self.subnet.run_time.block_on(async {
            let store = storage::open(&url).await.unwrap();
            store.create_cycle(&again).await.unwrap();
            store
        });
        let api = Api::start(&database, "");
        let executor = executor("undisturbed", &api.address, folder.path()).start();
        let scheduler = self.scheduler().env("KINITRO_SCHEDULER_DATABASE_URL", &database);
        let _ = scheduler.run().with_code(0);
        executor.signal("TERM");
        let _ = executor.wait().with_code(0);
        self.result(&*store)
    }
}

fn executor(name: &str, api: &str, spool: &Path) -> Program {
    let api = if api.starts_with("http") { api.to_owned() } else { format!("http://{api}") };
    kinitro("executor --network test --allow-private-endpoints --use-images false --concurrent")
        .args("--max-concurrent 2 --max-timesteps 80 --action-timeout 10".split(' '))
        .args("--poll-interval 0.1 --log-level debug".split(' '))
        .args(["--env-ids", ENVS, "--executor-id", name, "--api-url", &api, "--spool"])
        .arg(spool)
        .env("KINITRO_EXECUTOR_API_KEY", KEY)
        .limit(LIMIT)
}

/// The results on the disk.
pub(crate) fn spooled(spool: &Path) -> usize {
    let folders = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut waiting = folders(spool);
    let mut results = 0;
    while let Some(path) = waiting.pop() {
        waiting.extend(folders(&path));
        results += usize::from(path.extension().is_some_and(|ending| ending == "json"));
    }
    results
}

/// What can be said of a cycle whose services do what they should.
#[derive(Debug, PartialEq)]
struct CycleOutcome {
    tasks: BTreeMap<(MinerUid, EnvId, u32), Episode>,
    /// Success rate, mean reward and episodes.
    scores: BTreeMap<(MinerUid, EnvId), (f64, f64, u32)>,
    frontier: Vec<MinerUid>,
    weights: WeightSet,
}

type Episode = (u64, JobStatus, String, Option<f64>, Option<f64>, Option<u32>);

fn episode(task: JobRecord) -> ((MinerUid, EnvId, u32), Episode) {
    let outcome = task.outcome.unwrap_or_default();
    let episode =
        (task.seed.0, task.status, outcome, task.score, task.total_reward, task.timesteps);
    ((task.uid, task.env_id, task.episode), episode)
}
