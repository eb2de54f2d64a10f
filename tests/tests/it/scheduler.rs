//! `kinitro scheduler` as a process, on a local chain and a database in a file, with an executor that
//! needs no simulator; and `kinitro verify-seeds`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kinitro_core::{CycleId, Outcome};
use kinitro_eval::backend::storage::{
    self, Answer, Claim, CyclePlan, DatabaseUrl, JobRecord, RetryPolicy, Store,
};
use kinitro_tests::subnet::Subnet;
use kinitro_tests::{Program, Running, kinitro};
use serde_json::Value;

const LONGEST: Duration = Duration::from_secs(40);

/// A subnet with two miners, and a database.
struct World {
    subnet: Subnet,
    store: Arc<dyn Store>,
}

impl World {
    fn new() -> Self {
        let subnet = Subnet::new();
        let url = DatabaseUrl::sqlite(subnet.path("kinitro.db"));
        let store = subnet.run_time.block_on(storage::open(&url)).unwrap();
        for (name, port) in [("one", "8001"), ("two", "8002")] {
            subnet.register(name);
            let commit = subnet
                .by(name, "miner commit --revision 0123abcd")
                .args(["--repo", &format!("{name}/policy")])
                .args(["--deployment-id", &format!("http://192.0.2.1:{port}")]);
            let _ = commit.run().with_code(0);
        }
        Self { subnet, store: store.into() }
    }

    /// The scheduler, for one cycle of few tasks.
    fn scheduler(&self) -> Program {
        self.subnet
            .kinitro("scheduler --once --episodes-per-env 4 --poll-interval 0.05")
            .args(["--env", "metaworld/{reach,push}-v3"])
            .env("KINITRO_SCHEDULER_DATABASE_URL", self.url())
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.subnet.path("kinitro.db").display())
    }

    /// The cycle that runs, once there is one.
    fn running_cycle(&self) -> CyclePlan {
        let started = Instant::now();
        loop {
            if let Some(plan) = self.subnet.run_time.block_on(self.store.running_cycle()).unwrap() {
                return plan;
            }
            assert!(started.elapsed() < LONGEST, "no cycle begins");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Runs `count` jobs, as executors would.
    fn execute(&self, count: u32) {
        let claim = Claim::new("executor", count, Duration::from_secs(600));
        self.subnet.run_time.block_on(async {
            let tasks = self.store.claim(&claim).await.unwrap();
            assert_eq!(tasks.len(), count as usize);
            let answers = tasks.into_iter().map(|task| {
                let won = task.repo == "two/policy";
                let outcome = if won { Outcome::Success } else { Outcome::Failure };
                Answer::new(task.uuid, outcome)
                    .token(task.lease_token)
                    .episode(f64::from(task.episode), 7)
            });
            let answers: Vec<Answer> = answers.collect();
            self.store.submit("executor", &answers, &RetryPolicy::default()).await.unwrap();
        });
    }

    fn tasks(&self, cycle: CycleId) -> Vec<JobRecord> {
        self.subnet.run_time.block_on(self.store.jobs(cycle, 0, 1000)).unwrap()
    }
}

fn kill(program: Running) -> String {
    program.signal("KILL");
    program.wait().stderr
}

#[test]
fn killed_with_force_it_goes_on_with_the_same_tasks_and_anybody_can_check_the_seeds() {
    let world = World::new();
    let first = world.scheduler().start();
    let plan = world.running_cycle();
    let tasks = world.tasks(plan.cycle.id);
    assert_eq!(tasks.len(), 2 * 2 * 4);
    // A second one has nothing to say while the first is there.
    let second = world.scheduler().start();
    std::thread::sleep(Duration::from_millis(1000));
    let log = kill(second);
    assert!(log.contains("another scheduler works on this database"), "{log}");
    world.execute(7);
    let log = kill(first);
    assert!(log.contains(&plan.cycle.seed_commitment), "{log}");
    assert!(!log.contains(&plan.seed_secret.to_hex()), "the secret is in the log: {log}");

    let third = world.scheduler().args(["--log-format", "json"]).start();
    world.execute(9);
    let third = third.wait().with_code(0);
    assert_eq!(third.stdout.trim(), format!("cycle {} is completed", plan.cycle.id));
    let said: Vec<Value> =
        third.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let resumed = said.iter().find(|line| line["message"] == "going on with the cycle").unwrap();
    assert_eq!(resumed["cycle"], plan.cycle.id.to_string());
    let now = world.tasks(plan.cycle.id);
    assert!(now.iter().map(|task| &task.uuid).eq(tasks.iter().map(|task| &task.uuid)));

    let status = kinitro("db status --json").env("KINITRO_DATABASE_URL", world.url()).run();
    let status = status.with_code(0).json();
    assert_eq!((&status["total_cycles"], &status["failed_cycles"]), (&1.into(), &0.into()));
    let cycle = &status["last_completed_cycle"];
    let verify = |commitment: &str| {
        kinitro("verify-seeds --json --episodes 4 --env metaworld/reach-v3,metaworld/push-v3")
            .args(["--commitment", commitment])
            .args(["--secret", cycle["seed_secret"].as_str().unwrap()])
            .run()
    };
    let seeds = verify(cycle["seed_commitment"].as_str().unwrap()).with_code(0).json();
    for task in &now {
        let seed =
            seeds.as_array().unwrap().iter().find(|seed| {
                seed["env_id"] == task.env_id.as_str() && seed["episode"] == task.episode
            });
        assert_eq!(seed.unwrap()["seed"], task.seed.0, "{task:?}");
    }
    verify(&"0".repeat(64)).failed(1, &["was published at the start"], &[]);
}

#[test]
fn it_ends_when_it_is_told_to_and_the_cycle_stays() {
    let world = World::new();
    for signal in ["INT", "TERM"] {
        let scheduler = world.scheduler().start();
        let plan = world.running_cycle();
        std::thread::sleep(Duration::from_millis(500));
        scheduler.signal(signal);
        let finished = scheduler.wait().with_code(130);
        finished.says(&["stopped"], &[]);
        assert_eq!(world.running_cycle().cycle.id, plan.cycle.id);
    }
}

#[test]
fn what_makes_no_sense_is_said_before_anything_is_done() {
    let scheduler = |arguments: &str| {
        kinitro(&format!("scheduler --database-url sqlite::memory: {arguments}")).run()
    };
    let family = scheduler("--env-families metaworld,genesis");
    family.failed(2, &["`genesis` is no family"], &["metaworld"]);
    scheduler("--env metaworld/rech-v3").failed(2, &["rech-v3", "reach-v3"], &["env list"]);
    scheduler("--pareto-temperature 0").failed(2, &["above 0"], &[]);
    scheduler("--eval-interval never").failed(2, &["number of seconds"], &[]);
    scheduler("--network ftp://x").failed(2, &["ftp://x"], &[]);
    let unreachable = scheduler("--network ws://127.0.0.1:9 --timeout 2");
    assert!(unreachable.stderr.contains("cannot connect"), "{}", unreachable.stderr);
    let _ = unreachable.with_code(3);

    let key = "4420823cfde6f1c26b30f90ec7dd01e4887534a20f0b0d04c36ed80e71e0fd77";
    let with_key = |key: &str, arguments: &str| {
        kinitro(&format!("scheduler --database-url sqlite::memory: {arguments}"))
            .env("KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY", key)
            .run()
    };
    let bad = with_key(&key[..63], "");
    assert!(!bad.stderr.contains(&key[..8]), "{}", bad.stderr);
    bad.failed(2, &["not a private key"], &[]);
    with_key(key, "--backend-private-key-file /nonexistent").failed(2, &["as a file"], &[]);
    let missing = scheduler("--backend-private-key-file /nonexistent");
    missing.failed(3, &["/nonexistent"], &[]);
}
