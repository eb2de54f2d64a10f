//! The queue as a state machine: whatever executors do, in whatever order, every database does what
//! a model of a few lines does.

use std::time::Duration;

use kinitro_core::{EnvId, InfraFault, InfraFaultKind, Outcome, PolicyFault, PolicyFaultKind};
use kinitro_eval::backend::storage::conformance::example_cycle;
use kinitro_eval::backend::storage::{
    Answer, Claim, ClaimedJob, DatabaseUrl, JobStatus, Lease, MemoryStore, Refusal, RetryPolicy,
    Settled, Store, Verdict, connect,
};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::databases::{SqliteFile, postgres};

const RETRY: RetryPolicy = RetryPolicy::new(2, Duration::ZERO, Duration::ZERO);
const EXECUTORS: [&str; 3] = ["ada", "bob", "eve"];

#[derive(Debug, Clone)]
enum Step {
    /// Some leases are over at once.
    Claim {
        executor: usize,
        limit: u32,
        only_a: bool,
        short: bool,
    },
    /// Of a task that was claimed at some time.
    Submit {
        executor: usize,
        claimed: prop::sample::Index,
        outcome: usize,
        token: Token,
    },
    Renew {
        claimed: prop::sample::Index,
        token: Token,
    },
    Expire,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    Own,
    Forged,
    None,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let token =
        prop_oneof![6 => Just(Token::Own), 1 => Just(Token::Forged), 2 => Just(Token::None)];
    let step = prop_oneof![
        3 => (0..3_usize, 0..3_u32, prop::bool::weighted(0.3), prop::bool::weighted(0.3)).prop_map(
            |(executor, limit, only_a, short)| Step::Claim { executor, limit, only_a, short }
        ),
        6 => (0..3_usize, any::<prop::sample::Index>(), 0..5_usize, token.clone()).prop_map(
            |(executor, claimed, outcome, token)| {
                Step::Submit { executor, claimed, outcome, token }
            }
        ),
        1 => (any::<prop::sample::Index>(), token)
            .prop_map(|(claimed, token)| Step::Renew { claimed, token }),
        2 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 1..60)
}

fn outcome(number: usize) -> Outcome {
    match number {
        0 => Outcome::Success,
        1 => Outcome::Failure,
        2 => PolicyFault::new(PolicyFaultKind::Timeout, "no answer").into(),
        3 => InfraFault::new(InfraFaultKind::Simulator, "unstable").into(),
        _ => Outcome::Cancelled,
    }
}

/// A task, as simply as it can be said.
#[derive(Debug, Clone, Default)]
struct Model {
    uuid: String,
    in_a: bool,
    attempts: u32,
    state: State,
    /// The lease that was answered last, by whom and with what.
    answered: Option<(String, usize, usize)>,
}

#[derive(Debug, Clone, Default, PartialEq)]
enum State {
    #[default]
    Pending,
    Assigned {
        token: String,
        executor: usize,
        over: bool,
    },
    Completed,
    Failed,
}

impl Model {
    fn submit(&mut self, executor: usize, outcome: usize, token: Option<&str>) -> Verdict {
        let is_final = matches!(self.state, State::Completed | State::Failed);
        if let Some((lease, by, what)) = &self.answered {
            let same_lease = match token {
                Some(token) => token == lease,
                None => !matches!(self.state, State::Assigned { .. }) && *by == executor,
            };
            if same_lease {
                return match (*what == outcome, is_final) {
                    (true, _) => Verdict::Duplicate,
                    (false, true) => Verdict::Refused(Refusal::Over),
                    (false, false) => Verdict::Refused(Refusal::OtherAnswer),
                };
            }
        }
        let State::Assigned { token: lease, executor: holder, .. } = &self.state else {
            let refusal = if is_final { Refusal::Over } else { Refusal::LeaseLost };
            return Verdict::Refused(refusal);
        };
        if !token.map_or(*holder == executor, |token| token == lease) {
            return Verdict::Refused(Refusal::OtherLease);
        }
        self.answered = Some((lease.clone(), executor, outcome));
        let (state, settled) = match outcome {
            0..=2 => (State::Completed, Settled::Completed),
            3 if self.attempts > RETRY.retries => (State::Failed, Settled::Failed),
            3 => (State::Pending, Settled::Retried(Duration::ZERO)),
            _ => {
                self.attempts -= 1;
                (State::Pending, Settled::Released)
            }
        };
        self.state = state;
        Verdict::Accepted(settled)
    }

    fn status(&self) -> JobStatus {
        match self.state {
            State::Pending => JobStatus::Pending,
            State::Assigned { .. } => JobStatus::Assigned,
            State::Completed => JobStatus::Completed,
            State::Failed => JobStatus::Failed,
        }
    }
}

async fn play(one: &dyn Store, other: &dyn Store, steps: &[Step]) {
    one.reset().await.unwrap();
    let cycle = one.create_cycle(&example_cycle(2, 2)).await.unwrap();
    let a: EnvId = "point/a".parse().unwrap();
    let listed = one.jobs(cycle, 0, 100).await.unwrap();
    let mut model: Vec<Model> = listed
        .iter()
        .map(|task| Model { uuid: task.uuid.clone(), in_a: task.env_id == a, ..Model::default() })
        .collect();
    let mut claimed: Vec<ClaimedJob> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let store = if number % 2 == 0 { one } else { other };
        match step {
            Step::Claim { executor, limit, only_a, short } => {
                let lease = Duration::from_secs(if *short { 0 } else { 3600 });
                let mut claim = Claim::new(EXECUTORS[*executor], *limit, lease);
                claim.env_ids = only_a.then(|| vec![a.clone()]);
                let got = store.claim(&claim).await.unwrap();
                let mut expected = Vec::new();
                let free = model
                    .iter_mut()
                    .filter(|task| task.state == State::Pending && (task.in_a || !only_a));
                for (task, got) in free.take(*limit as usize).zip(&got) {
                    let token = got.lease_token.clone();
                    task.attempts += 1;
                    task.state = State::Assigned { token, executor: *executor, over: *short };
                    expected.push((task.uuid.clone(), task.attempts));
                }
                let handed_out: Vec<(String, u32)> =
                    got.iter().map(|task| (task.uuid.clone(), task.attempt)).collect();
                assert_eq!(handed_out, expected);
                claimed.extend(got);
            }
            Step::Submit { executor, claimed: index, outcome: number, token } => {
                if claimed.is_empty() {
                    continue;
                }
                let task = index.get(&claimed);
                let lease_token = token_of(task, *token);
                let outcome = outcome(*number);
                let mut answer = Answer::new(&task.uuid, outcome).episode(1.0, 1);
                answer.lease_token.clone_from(&lease_token);
                let model = model.iter_mut().find(|model| model.uuid == task.uuid).unwrap();
                let expected = model.submit(*executor, *number, lease_token.as_deref());
                let verdicts = store.submit(EXECUTORS[*executor], &[answer], &RETRY).await.unwrap();
                assert_eq!(verdicts, [expected]);
            }
            Step::Renew { claimed: index, token } => {
                if claimed.is_empty() {
                    continue;
                }
                let task = index.get(&claimed);
                let Some(lease_token) = token_of(task, *token) else { continue };
                let model = model.iter_mut().find(|model| model.uuid == task.uuid).unwrap();
                let holds = match &mut model.state {
                    State::Assigned { token, over, .. } if *token == lease_token => {
                        *over = false;
                        true
                    }
                    _ => false,
                };
                let lease = Lease::new(&task.uuid, lease_token);
                let renewed = store.renew(&[lease], Duration::from_secs(3600)).await.unwrap();
                assert_eq!(renewed[0].is_some(), holds);
            }
            Step::Expire => {
                let (mut returned, mut failed) = (0, 0);
                for task in &mut model {
                    if matches!(task.state, State::Assigned { over: true, .. }) {
                        if task.attempts > RETRY.retries {
                            task.state = State::Failed;
                            failed += 1;
                        } else {
                            task.state = State::Pending;
                            returned += 1;
                        }
                    }
                }
                let expired = store.expire_leases(&RETRY).await.unwrap();
                assert_eq!((expired.returned, expired.failed), (returned, failed));
            }
        }
    }
    let listed = one.jobs(cycle, 0, 100).await.unwrap();
    for (task, model) in listed.iter().zip(&model) {
        let stored = (&task.uuid, task.status, task.attempts);
        assert_eq!(stored, (&model.uuid, model.status(), model.attempts));
        // A result is there exactly where the task counts.
        assert_eq!(task.success.is_some(), model.state == State::Completed, "{task:?}");
        assert_eq!(task.total_reward.is_some(), model.state == State::Completed, "{task:?}");
    }
}

fn token_of(task: &ClaimedJob, token: Token) -> Option<String> {
    match token {
        Token::Own => Some(task.lease_token.clone()),
        Token::Forged => Some("0".repeat(32)),
        Token::None => None,
    }
}

fn check(cases: u32, one: &dyn Store, other: &dyn Store) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let handle = tokio::runtime::Handle::current();
    let result = TestRunner::new(config).run(&steps(), |steps| {
        tokio::task::block_in_place(|| handle.block_on(play(one, other, &steps)));
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_what_the_model_does() {
    let store = MemoryStore::new();
    check(256, &store, &store.clone());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_memory_does_what_the_model_does() {
    let store = connect(&DatabaseUrl::IN_MEMORY).await.unwrap();
    check(256, &*store, &*store);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_a_file_does_what_the_model_does() {
    let database = SqliteFile::new().await;
    let (one, other) = (database.connect().await, database.connect().await);
    check(8, &*one, &*other);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_does_what_the_model_does() {
    let Some(database) = postgres("the queue against its model").await else { return };
    let (one, other) = (database.connect().await, database.connect().await);
    check(24, &*one, &*other);
}
