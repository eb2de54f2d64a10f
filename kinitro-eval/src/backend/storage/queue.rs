//! What the queue decides, apart from any database: whether an answer is taken, and what becomes
//! of its task. `docs/DELIVERY.md` says it in words.

use std::fmt::Write as _;
use std::time::Duration;

use kinitro_core::Outcome;
use sha2::{Digest as _, Sha256};

use super::task::{Answer, Refusal, RetryPolicy, Settled, TaskStatus, Verdict};

/// What an answer is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TaskState {
    pub(super) status: TaskStatus,
    pub(super) attempts: u32,
    /// Who works on the task, or did last.
    pub(super) executor_id: Option<String>,
    /// The token of the running lease.
    pub(super) lease_token: Option<String>,
    /// The lease of the last answer that was taken, who gave it, and [`digest`] of it.
    pub(super) answer_token: Option<String>,
    pub(super) answer_executor: Option<String>,
    pub(super) answer_digest: Option<String>,
}

/// Judges an answer, and changes the task when it is taken. `jitter`, in `[0, 1)`, is random.
pub(super) fn judge(
    task: &mut TaskState,
    executor_id: &str,
    answer: &Answer,
    retry: &RetryPolicy,
    jitter: f64,
) -> Verdict {
    if !is_sensible(answer) {
        return Verdict::Refused(Refusal::Senseless);
    }
    let token = answer.lease_token.as_deref();
    let digest = digest(answer);
    // First of all, since the answer to a repeated question must not depend on what came between.
    let answered_under_same_lease = match token {
        Some(token) => task.answer_token.as_deref() == Some(token),
        // Without a token only a running lease tells a new answer from a repeated one.
        None => {
            task.status != TaskStatus::Assigned
                && task.answer_executor.as_deref() == Some(executor_id)
        }
    };
    if answered_under_same_lease {
        return if task.answer_digest.as_deref() == Some(&digest) {
            Verdict::Duplicate
        } else if matches!(task.status, TaskStatus::Completed | TaskStatus::Failed) {
            Verdict::Refused(Refusal::Over)
        } else {
            Verdict::Refused(Refusal::OtherAnswer)
        };
    }
    match task.status {
        TaskStatus::Completed | TaskStatus::Failed => return Verdict::Refused(Refusal::Over),
        TaskStatus::Pending => return Verdict::Refused(Refusal::LeaseLost),
        TaskStatus::Assigned => {
            let holds_the_lease = match token {
                Some(token) => task.lease_token.as_deref() == Some(token),
                None => task.executor_id.as_deref() == Some(executor_id),
            };
            if !holds_the_lease {
                return Verdict::Refused(Refusal::OtherLease);
            }
        }
    }
    let settled = match &answer.outcome {
        Outcome::Success | Outcome::Failure | Outcome::PolicyFault(_) => Settled::Completed,
        Outcome::InfraFault(_) if is_used_up(task.attempts, retry) => Settled::Failed,
        Outcome::InfraFault(_) => Settled::Retried(retry_delay(task.attempts, retry, jitter)),
        Outcome::Cancelled => Settled::Released,
    };
    task.answer_token = task.lease_token.take();
    task.answer_executor = Some(executor_id.to_owned());
    task.answer_digest = Some(digest);
    task.status = match settled {
        Settled::Completed => TaskStatus::Completed,
        Settled::Failed => TaskStatus::Failed,
        Settled::Retried(_) | Settled::Released => TaskStatus::Pending,
    };
    if settled == Settled::Released {
        task.attempts = task.attempts.saturating_sub(1);
    }
    Verdict::Accepted(settled)
}

/// Whether a task that was handed out so often is not tried again.
pub(super) fn is_used_up(attempts: u32, retry: &RetryPolicy) -> bool {
    attempts > retry.retries
}

/// How long a task waits after its `attempts`-th attempt: between half and all of a time that
/// doubles, so that what broke down together does not come back together.
fn retry_delay(attempts: u32, retry: &RetryPolicy, jitter: f64) -> Duration {
    let doublings = attempts.saturating_sub(1).min(31);
    let longest = retry.delay.saturating_mul(1 << doublings).min(retry.max_delay);
    longest.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0))
}

fn is_sensible(answer: &Answer) -> bool {
    let verification = answer.verification.and_then(|verification| verification.score);
    (0.0..=1.0).contains(&answer.score)
        && answer.total_reward.is_finite()
        && verification.is_none_or(f64::is_finite)
}

/// What a repetition of an answer is known by: the SHA-256 of all it says of the episode.
pub(super) fn digest(answer: &Answer) -> String {
    let Answer { outcome, score, total_reward, timesteps, verification, .. } = answer;
    let mut text = outcome.label();
    if let Outcome::PolicyFault(fault) = outcome {
        let _ = write!(text, "\n{:?}", fault.detail);
    }
    if let Outcome::InfraFault(fault) = outcome {
        let _ = write!(text, "\n{:?}", fault.detail);
    }
    let _ = write!(text, "\n{score:e}\n{total_reward:e}\n{timesteps}\n{verification:?}");
    base16ct::lower::encode_string(&Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use kinitro_core::{InfraFault, InfraFaultKind, PolicyFault, PolicyFaultKind};

    use super::super::task::Verification;
    use super::*;

    fn assigned() -> TaskState {
        TaskState {
            status: TaskStatus::Assigned,
            attempts: 1,
            executor_id: Some("executor".to_owned()),
            lease_token: Some("token".to_owned()),
            answer_token: None,
            answer_executor: None,
            answer_digest: None,
        }
    }

    fn answer(outcome: Outcome, token: Option<&str>) -> Answer {
        Answer {
            task_uuid: String::new(),
            lease_token: token.map(str::to_owned),
            score: outcome.score().unwrap_or(0.0),
            outcome,
            total_reward: 1.5,
            timesteps: 7,
            verification: None,
        }
    }

    fn broken() -> Outcome {
        InfraFault::new(InfraFaultKind::Simulator, "unstable").into()
    }

    fn tell(task: &mut TaskState, executor: &str, answer: &Answer) -> Verdict {
        judge(task, executor, answer, &RetryPolicy::default(), 0.0)
    }

    #[test]
    fn what_the_policy_did_is_final_whatever_it_was() {
        let fault = PolicyFault::new(PolicyFaultKind::Timeout, "no answer").into();
        for outcome in [Outcome::Success, Outcome::Failure, fault] {
            let (mut task, answer) = (assigned(), answer(outcome, Some("token")));
            assert_eq!(tell(&mut task, "executor", &answer), Verdict::Accepted(Settled::Completed));
            assert_eq!(task.status, TaskStatus::Completed);
            let after = task.clone();
            assert_eq!(tell(&mut task, "executor", &answer), Verdict::Duplicate);
            assert_eq!(task, after, "a repeated answer changed the task");
        }
    }

    #[test]
    fn infrastructure_faults_are_tried_again_and_at_last_given_up() {
        let answer = answer(broken(), Some("token"));
        for attempts in 1..=5 {
            let mut task = TaskState { attempts, ..assigned() };
            let verdict = tell(&mut task, "executor", &answer);
            assert_eq!(
                verdict,
                Verdict::Accepted(Settled::Retried(Duration::from_secs(1 << (attempts - 1))))
            );
            assert_eq!(task.status, TaskStatus::Pending);
            assert_eq!(tell(&mut task, "executor", &answer), Verdict::Duplicate);
        }
        let mut task = TaskState { attempts: 6, ..assigned() };
        assert_eq!(tell(&mut task, "executor", &answer), Verdict::Accepted(Settled::Failed));
        assert_eq!(task.status, TaskStatus::Failed);
    }

    #[test]
    fn the_wait_doubles_up_to_its_limit_with_jitter_below() {
        let retry = RetryPolicy::default();
        let wait = |attempts, jitter| retry_delay(attempts, &retry, jitter).as_secs_f64();
        assert_eq!([wait(1, 0.0), wait(1, 1.0)], [1.0, 2.0]);
        assert_eq!([wait(5, 0.0), wait(5, 1.0)], [16.0, 32.0]);
        assert_eq!([wait(6, 1.0), wait(u32::MAX, 1.0)], [60.0, 60.0]);
    }

    #[test]
    fn a_task_that_is_given_back_has_lost_nothing() {
        let mut task = assigned();
        let verdict = tell(&mut task, "executor", &answer(Outcome::Cancelled, Some("token")));
        assert_eq!(verdict, Verdict::Accepted(Settled::Released));
        assert_eq!((task.status, task.attempts), (TaskStatus::Pending, 0));
    }

    #[test]
    fn late_and_foreign_answers_are_refused() {
        let late = answer(Outcome::Success, Some("token"));
        let mut task = TaskState { status: TaskStatus::Pending, lease_token: None, ..assigned() };
        assert_eq!(tell(&mut task, "executor", &late), Verdict::Refused(Refusal::LeaseLost));
        let mut task = TaskState { lease_token: Some("newer".to_owned()), ..assigned() };
        assert_eq!(tell(&mut task, "executor", &late), Verdict::Refused(Refusal::OtherLease));
        let mut task = assigned();
        assert_eq!(tell(&mut task, "executor", &late), Verdict::Accepted(Settled::Completed));
        let other = answer(Outcome::Failure, Some("token"));
        assert_eq!(tell(&mut task, "executor", &other), Verdict::Refused(Refusal::Over));
        let mut task = assigned();
        let _ = tell(&mut task, "executor", &answer(broken(), Some("token")));
        assert_eq!(tell(&mut task, "executor", &other), Verdict::Refused(Refusal::OtherAnswer));
    }

    #[test]
    fn without_a_token_the_executor_id_decides() {
        let result = answer(Outcome::Success, None);
        let mut task = assigned();
        assert_eq!(tell(&mut task, "other", &result), Verdict::Refused(Refusal::OtherLease));
        assert_eq!(tell(&mut task, "executor", &result), Verdict::Accepted(Settled::Completed));
        assert_eq!(tell(&mut task, "executor", &result), Verdict::Duplicate);
        assert_eq!(tell(&mut task, "other", &result), Verdict::Refused(Refusal::Over));

        // Handed out again to the same executor, the same fault is a new one.
        let fault = answer(broken(), None);
        let mut task = assigned();
        let _ = tell(&mut task, "executor", &fault);
        task.status = TaskStatus::Assigned;
        task.attempts = 2;
        let verdict = tell(&mut task, "executor", &fault);
        assert!(matches!(verdict, Verdict::Accepted(Settled::Retried(_))), "{verdict:?}");
    }

    #[test]
    fn numbers_that_no_episode_gives_are_refused() {
        let good = answer(Outcome::Success, Some("token"));
        let unmeasured = Verification { passed: true, score: Some(f64::NAN) };
        for bad in [
            Answer { score: 1.5, ..good.clone() },
            Answer { score: f64::NAN, ..good.clone() },
            Answer { total_reward: f64::INFINITY, ..good.clone() },
            Answer { verification: Some(unmeasured), ..good.clone() },
        ] {
            let verdict = tell(&mut assigned(), "executor", &bad);
            assert_eq!(verdict, Verdict::Refused(Refusal::Senseless), "{bad:?}");
        }
    }
}
