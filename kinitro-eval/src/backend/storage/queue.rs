//! What the queue decides, apart from any database: whether an answer is taken, and what becomes
//! of its job. `docs/DELIVERY.md` says it in words.

use std::fmt::Write as _;
use std::time::Duration;

use kinitro_core::Outcome;
use sha2::{Digest as _, Sha256};

use super::job::{Answer, JobStatus, Refusal, RetryPolicy, Settled, Verdict};

/// What an answer is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobState {
    pub(super) status: JobStatus,
    pub(super) attempts: u32,
    /// Who works on the job, or did last.
    pub(super) executor_id: Option<String>,
    /// The token of the running lease.
    pub(super) lease_token: Option<String>,
    /// The lease of the last answer that was taken, who gave it, and [`digest`] of it.
    pub(super) answer_token: Option<String>,
    pub(super) answer_executor: Option<String>,
    pub(super) answer_digest: Option<String>,
}

/// Judges an answer, and changes the job when it is taken. `jitter`, in `[0, 1)`, is random.
pub(super) fn judge(
    job: &mut JobState,
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
        Some(token) => job.answer_token.as_deref() == Some(token),
        // Without a token only a running lease tells a new answer from a repeated one.
        None => {
            job.status != JobStatus::Assigned && job.answer_executor.as_deref() == Some(executor_id)
        }
    };
    if answered_under_same_lease {
        return if job.answer_digest.as_deref() == Some(&digest) {
            Verdict::Duplicate
        } else if matches!(job.status, JobStatus::Completed | JobStatus::Failed) {
            Verdict::Refused(Refusal::Over)
        } else {
            Verdict::Refused(Refusal::OtherAnswer)
        };
    }
    match job.status {
        JobStatus::Completed | JobStatus::Failed => return Verdict::Refused(Refusal::Over),
        JobStatus::Pending => return Verdict::Refused(Refusal::LeaseLost),
        JobStatus::Assigned => {
            let holds_the_lease = match token {
                Some(token) => job.lease_token.as_deref() == Some(token),
                None => job.executor_id.as_deref() == Some(executor_id),
            };
            if !holds_the_lease {
                return Verdict::Refused(Refusal::OtherLease);
            }
        }
    }
    let settled = match &answer.outcome {
        Outcome::Success | Outcome::Failure | Outcome::PolicyFault(_) => Settled::Completed,
        Outcome::InfraFault(_) if is_used_up(job.attempts, retry) => Settled::Failed,
        Outcome::InfraFault(_) => Settled::Retried(retry_delay(job.attempts, retry, jitter)),
        Outcome::Cancelled => Settled::Released,
    };
    job.answer_token = job.lease_token.take();
    job.answer_executor = Some(executor_id.to_owned());
    job.answer_digest = Some(digest);
    job.status = match settled {
        Settled::Completed => JobStatus::Completed,
        Settled::Failed => JobStatus::Failed,
        Settled::Retried(_) | Settled::Released => JobStatus::Pending,
    };
    if settled == Settled::Released {
        job.attempts = job.attempts.saturating_sub(1);
    }
    Verdict::Accepted(settled)
}

/// Whether a job that was handed out so often is not tried again.
pub(super) fn is_used_up(attempts: u32, retry: &RetryPolicy) -> bool {
    attempts > retry.retries
}

/// How long a job waits after its `attempts`-th attempt: between half and all of a time that
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

    use super::super::job::Verification;
    use super::*;

    fn assigned() -> JobState {
        JobState {
            status: JobStatus::Assigned,
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

    fn tell(job: &mut JobState, executor: &str, answer: &Answer) -> Verdict {
        judge(job, executor, answer, &RetryPolicy::default(), 0.0)
    }

    #[test]
    fn what_the_policy_did_is_final_whatever_it_was() {
        let fault = PolicyFault::new(PolicyFaultKind::Timeout, "no answer").into();
        for outcome in [Outcome::Success, Outcome::Failure, fault] {
            let (mut job, answer) = (assigned(), answer(outcome, Some("token")));
            assert_eq!(tell(&mut job, "executor", &answer), Verdict::Accepted(Settled::Completed));
            assert_eq!(job.status, JobStatus::Completed);
            let after = job.clone();
            assert_eq!(tell(&mut job, "executor", &answer), Verdict::Duplicate);
            assert_eq!(job, after, "a repeated answer changed the job");
        }
    }

    #[test]
    fn infrastructure_faults_are_tried_again_and_at_last_given_up() {
        let answer = answer(broken(), Some("token"));
        for attempts in 1..=5 {
            let mut job = JobState { attempts, ..assigned() };
            let verdict = tell(&mut job, "executor", &answer);
            assert_eq!(
                verdict,
                Verdict::Accepted(Settled::Retried(Duration::from_secs(1 << (attempts - 1))))
            );
            assert_eq!(job.status, JobStatus::Pending);
            assert_eq!(tell(&mut job, "executor", &answer), Verdict::Duplicate);
        }
        let mut job = JobState { attempts: 6, ..assigned() };
        assert_eq!(tell(&mut job, "executor", &answer), Verdict::Accepted(Settled::Failed));
        assert_eq!(job.status, JobStatus::Failed);
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
        let mut job = assigned();
        let verdict = tell(&mut job, "executor", &answer(Outcome::Cancelled, Some("token")));
        assert_eq!(verdict, Verdict::Accepted(Settled::Released));
        assert_eq!((job.status, job.attempts), (JobStatus::Pending, 0));
    }

    #[test]
    fn late_and_foreign_answers_are_refused() {
        let late = answer(Outcome::Success, Some("token"));
        let mut job = JobState { status: JobStatus::Pending, lease_token: None, ..assigned() };
        assert_eq!(tell(&mut job, "executor", &late), Verdict::Refused(Refusal::LeaseLost));
        let mut job = JobState { lease_token: Some("newer".to_owned()), ..assigned() };
        assert_eq!(tell(&mut job, "executor", &late), Verdict::Refused(Refusal::OtherLease));
        let mut job = assigned();
        assert_eq!(tell(&mut job, "executor", &late), Verdict::Accepted(Settled::Completed));
        let other = answer(Outcome::Failure, Some("token"));
        assert_eq!(tell(&mut job, "executor", &other), Verdict::Refused(Refusal::Over));
        let mut job = assigned();
        let _ = tell(&mut job, "executor", &answer(broken(), Some("token")));
        assert_eq!(tell(&mut job, "executor", &other), Verdict::Refused(Refusal::OtherAnswer));
    }

    #[test]
    fn without_a_token_the_executor_id_decides() {
        let result = answer(Outcome::Success, None);
        let mut job = assigned();
        assert_eq!(tell(&mut job, "other", &result), Verdict::Refused(Refusal::OtherLease));
        assert_eq!(tell(&mut job, "executor", &result), Verdict::Accepted(Settled::Completed));
        assert_eq!(tell(&mut job, "executor", &result), Verdict::Duplicate);
        assert_eq!(tell(&mut job, "other", &result), Verdict::Refused(Refusal::Over));

        // Handed out again to the same executor, the same fault is a new one.
        let fault = answer(broken(), None);
        let mut job = assigned();
        let _ = tell(&mut job, "executor", &fault);
        job.status = JobStatus::Assigned;
        job.attempts = 2;
        let verdict = tell(&mut job, "executor", &fault);
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
