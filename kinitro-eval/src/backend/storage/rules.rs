//! The decisions of a store, independent of any database: when a job is handed out, whether an
//! answer is accepted, and what happens to its job. `docs/DELIVERY.md` explains the reasons.
//!
//! The stores of this crate decide by these functions, and so should any other: [`in_order`] checks
//! and sorts a new cycle, [`JobState`] tracks a job through its life, and [`Recorded`] is what is
//! stored of an answer.
//!
//! ```
//! use std::time::Duration;
//!
//! use kinitro_core::Outcome;
//! use kinitro_eval::backend::storage::rules::{self, JobState};
//! use kinitro_eval::backend::storage::{Answer, JobStatus, Refusal, RetryPolicy, Verdict};
//!
//! let retry = RetryPolicy::default();
//! let mut job = JobState::new();
//! job.claim("ada", "token-1");
//! // The lease runs out, and the job goes to somebody else.
//! job.expire(&retry);
//! job.claim("bob", "token-2");
//! assert_eq!(job.attempts, 2);
//! let late = Answer::new("6b0d9cf2-38ac-42ae-8d64-8b8e3ac4ab1f", Outcome::Success).token("token-1");
//! let verdict = job.judge("ada", &late, &retry, rules::jitter());
//! assert_eq!(verdict, Verdict::Refused(Refusal::OtherLease));
//! ```

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use kinitro_core::{Backoff, BlockNumber, MinerUid, Outcome};
use sha2::{Digest as _, Sha256};

use super::{
    Answer, JobStatus, Lease, MAX_ERROR, Miner, NewCycle, NewJob, Refusal, RetryPolicy, Settled,
    StoreError, StoreErrorKind, Verdict, Verification,
};

/// The outcome recorded for a job whose lease ran out.
pub const LEASE_EXPIRED: &str = "infra_fault:lease_expired";
/// The error recorded for a job whose lease ran out.
pub const LEASE_EXPIRED_ERROR: &str = "the lease ran out";
/// The outcome recorded for a job whose cycle ended first.
pub const GIVEN_UP: &str = "cancelled";
/// The error recorded for a job whose cycle ended first.
pub const GIVEN_UP_ERROR: &str = "the cycle ended first";

/// The state of a job on which decisions depend.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobState {
    /// The status of the job.
    pub status: JobStatus,
    /// How often the job was handed out, not counting releases.
    pub attempts: u32,
    /// The executor that is working on the job, or did last.
    pub executor_id: Option<String>,
    /// The token of the running lease.
    pub lease_token: Option<String>,
    /// The token of the lease whose answer was accepted last.
    pub answer_token: Option<String>,
    /// The executor that gave that answer.
    pub answer_executor: Option<String>,
    /// The [`digest`] of that answer.
    pub answer_digest: Option<String>,
}

impl Default for JobState {
    fn default() -> Self {
        Self::new()
    }
}

impl JobState {
    /// A job that no executor has worked on.
    pub fn new() -> Self {
        Self {
            status: JobStatus::Pending,
            attempts: 0,
            executor_id: None,
            lease_token: None,
            answer_token: None,
            answer_executor: None,
            answer_digest: None,
        }
    }

    /// Hands out a pending job under a new lease with its own token.
    pub fn claim(&mut self, executor_id: &str, lease_token: &str) {
        self.status = JobStatus::Assigned;
        self.attempts += 1;
        self.executor_id = Some(executor_id.to_owned());
        self.lease_token = Some(lease_token.to_owned());
    }

    /// Whether this lease on the job is running, and so can be renewed.
    pub fn holds(&self, lease: &Lease) -> bool {
        self.status == JobStatus::Assigned && self.lease_token.as_ref() == Some(&lease.lease_token)
    }

    /// Takes the job back after its lease has run out: it becomes pending again at once, or failed
    /// if it has been tried too often. A job that is not assigned stays as it is.
    pub fn expire(&mut self, retry: &RetryPolicy) {
        if self.status == JobStatus::Assigned {
            self.lease_token = None;
            self.status = match is_used_up(self.attempts, retry) {
                true => JobStatus::Failed,
                false => JobStatus::Pending,
            };
        }
    }

    /// Gives up the job because its cycle ended. Returns whether that changed anything: a finished
    /// job stays as it is.
    pub fn give_up(&mut self) -> bool {
        let open = matches!(self.status, JobStatus::Pending | JobStatus::Assigned);
        if open {
            self.status = JobStatus::Failed;
            self.lease_token = None;
        }
        open
    }

    /// Judges an answer, and updates the job if the answer is accepted. `jitter` is a random number
    /// in `[0, 1)` that spreads out retries.
    pub fn judge(
        &mut self,
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
        // This comes first: the reply to a repeated answer must not depend on what happened in
        // between.
        let answered_under_same_lease = match token {
            Some(token) => self.answer_token.as_deref() == Some(token),
            // Without a token, only a running lease distinguishes a new answer from a repeated one.
            None => {
                self.status != JobStatus::Assigned
                    && self.answer_executor.as_deref() == Some(executor_id)
            }
        };
        if answered_under_same_lease {
            return if self.answer_digest.as_deref() == Some(&digest) {
                Verdict::Duplicate
            } else if matches!(self.status, JobStatus::Completed | JobStatus::Failed) {
                Verdict::Refused(Refusal::Over)
            } else {
                Verdict::Refused(Refusal::OtherAnswer)
            };
        }
        match self.status {
            JobStatus::Completed | JobStatus::Failed => return Verdict::Refused(Refusal::Over),
            JobStatus::Pending => return Verdict::Refused(Refusal::LeaseLost),
            JobStatus::Assigned => {
                let holds_the_lease = match token {
                    Some(token) => self.lease_token.as_deref() == Some(token),
                    None => self.executor_id.as_deref() == Some(executor_id),
                };
                if !holds_the_lease {
                    return Verdict::Refused(Refusal::OtherLease);
                }
            }
        }
        let settled = match &answer.outcome {
            Outcome::Success | Outcome::Failure | Outcome::PolicyFault(_) => Settled::Completed,
            Outcome::InfraFault(_) if is_used_up(self.attempts, retry) => Settled::Failed,
            Outcome::InfraFault(_) => Settled::Retried(retry_delay(self.attempts, retry, jitter)),
            Outcome::Cancelled => Settled::Released,
        };
        self.answer_token = self.lease_token.take();
        self.answer_executor = Some(executor_id.to_owned());
        self.answer_digest = Some(digest);
        self.status = match settled {
            Settled::Completed => JobStatus::Completed,
            Settled::Failed => JobStatus::Failed,
            Settled::Retried(_) | Settled::Released => JobStatus::Pending,
        };
        if settled == Settled::Released {
            self.attempts = self.attempts.saturating_sub(1);
        }
        Verdict::Accepted(settled)
    }
}

/// Whether a job that has been handed out `attempts` times has no retries left.
pub fn is_used_up(attempts: u32, retry: &RetryPolicy) -> bool {
    attempts > retry.retries
}

/// How long a job waits after attempt number `attempts`: between half and all of a delay that
/// doubles with each attempt, so that jobs that broke down together do not come back together.
/// `jitter` is a random number in `[0, 1)`.
pub fn retry_delay(attempts: u32, retry: &RetryPolicy, jitter: f64) -> Duration {
    Backoff::new(retry.delay, retry.max_delay).wait_after(attempts.max(1), jitter)
}

fn is_sensible(answer: &Answer) -> bool {
    let verification = answer.verification.and_then(|verification| verification.score);
    (0.0..=1.0).contains(&answer.score)
        && answer.total_reward.is_finite()
        && verification.is_none_or(f64::is_finite)
}

/// The SHA-256, in hex, of everything an answer says about the episode. It identifies repeated
/// answers.
pub fn digest(answer: &Answer) -> String {
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

/// What is stored of an accepted answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// [`Outcome::label`] of the answer.
    pub outcome: String,
    /// Whether the robot succeeded; `None` unless the episode counts.
    pub success: Option<bool>,
    /// The score of the episode, in `[0, 1]`; `None` unless the episode counts.
    pub score: Option<f64>,
    /// The sum of the rewards; `None` unless the episode counts.
    pub total_reward: Option<f64>,
    /// How many steps the episode took; `None` unless it counts.
    pub timesteps: Option<u32>,
    /// What went wrong, made [`storable`].
    pub error: Option<String>,
    /// Whether the policy is the committed one; `None` unless the episode counts and that was
    /// checked.
    pub verification: Option<Verification>,
}

impl Recorded {
    /// What is stored of `answer`, given what happened to its job.
    pub fn new(answer: &Answer, settled: Settled) -> Self {
        let error = match &answer.outcome {
            Outcome::PolicyFault(fault) => Some(storable(&fault.detail)),
            Outcome::InfraFault(fault) => Some(storable(&fault.detail)),
            Outcome::Success | Outcome::Failure | Outcome::Cancelled => None,
        };
        // Numbers are stored only for episodes that count.
        let counts = settled == Settled::Completed;
        Self {
            outcome: answer.outcome.label(),
            success: counts.then(|| answer.outcome == Outcome::Success),
            score: counts.then_some(answer.score),
            total_reward: counts.then_some(answer.total_reward),
            timesteps: counts.then_some(answer.timesteps),
            error,
            verification: answer.verification.filter(|_| counts),
        }
    }
}

/// A text in the form in which it is stored: at most [`MAX_ERROR`] characters, without NUL
/// characters, which PostgreSQL rejects.
pub fn storable(text: &str) -> String {
    let replace = |c| if c == '\0' { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(replace).take(MAX_ERROR).collect()
}

/// Limits a lease to one year, which outlasts every cycle and keeps sums with it from overflowing.
pub fn lease_length(lease: Duration) -> Duration {
    lease.min(Duration::from_secs(365 * 24 * 3600))
}

/// A random number in `[0, 1)` for [`JobState::judge`]. If no randomness is available it is 0,
/// which gives the shortest delays.
pub fn jitter() -> f64 {
    f64::from(getrandom::u32().unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
}

/// A token for a lease: 32 hex digits that nobody can guess.
///
/// # Errors
/// [`StoreErrorKind::Other`] when the operating system provides no random numbers.
pub fn lease_token() -> Result<String, StoreError> {
    let mut token = [0_u8; 16];
    getrandom::fill(&mut token).map_err(|error| {
        let message = "the operating system gave no random numbers";
        StoreError::new(StoreErrorKind::Other, message).with_source(error)
    })?;
    Ok(base16ct::lower::encode_string(&token))
}

/// The largest block number that can be stored: the databases have only signed integers.
const MAX_BLOCK: u64 = i64::MAX.unsigned_abs();

/// The jobs of a new cycle in the order in which they are handed out: episode by episode, and within
/// an episode environment by environment, so that all miners meet a seed at about the same time.
///
/// # Errors
/// [`StoreErrorKind::Invalid`] when a miner is in the cycle twice, an episode of a miner is, a job is
/// for a miner that is not in the cycle or is not named by a UUID of 36 characters, or the block
/// does not fit in an `i64`.
pub fn in_order(cycle: &NewCycle) -> Result<Vec<&NewJob>, StoreError> {
    check_block(cycle.block)?;
    let uids: BTreeSet<MinerUid> = cycle.miners.iter().map(|miner| miner.uid).collect();
    if uids.len() < cycle.miners.len() {
        return Err(invalid("a miner is in the cycle twice"));
    }
    let mut jobs: Vec<&NewJob> = cycle.jobs.iter().collect();
    jobs.sort_by_key(|job| (job.episode, &job.env_id, job.miner));
    for job in &jobs {
        if !uids.contains(&job.miner) {
            let message = format!("a job is of miner {}, which is not in the cycle", job.miner);
            return Err(StoreError::new(StoreErrorKind::Invalid, message));
        }
        if uuid::Uuid::try_parse(&job.uuid).is_err() || job.uuid.len() != 36 {
            return Err(invalid("a job is not named by a UUID of 36 characters"));
        }
    }
    let is_same = |one: &NewJob, other: &NewJob| {
        (one.episode, one.miner, &one.env_id) == (other.episode, other.miner, &other.env_id)
    };
    if jobs.windows(2).any(|pair| is_same(pair[0], pair[1])) {
        return Err(invalid("an episode of a miner is in the cycle twice"));
    }
    Ok(jobs)
}

/// Checks that a block can be stored.
///
/// # Errors
/// [`StoreErrorKind::Invalid`] when it does not fit in an `i64`.
pub fn check_block(block: BlockNumber) -> Result<(), StoreError> {
    if block.0 <= MAX_BLOCK {
        return Ok(());
    }
    let message = format!("the block {block} is too large");
    Err(StoreError::new(StoreErrorKind::Invalid, message))
}

/// The block since which a miner has had its policy, given what was stored for the hotkey before:
/// the earlier block while repository and revision stay the same, otherwise the new one.
pub fn first_block(before: Option<&Miner>, now: &Miner) -> Option<BlockNumber> {
    match before {
        Some(before) if (&before.repo, &before.revision) == (&now.repo, &now.revision) => {
            match (before.first_block, now.first_block) {
                (Some(before), Some(now)) => Some(before.min(now)),
                (before, now) => before.or(now),
            }
        }
        _ => now.first_block,
    }
}

fn invalid(message: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use kinitro_core::{InfraFault, InfraFaultKind, PolicyFault, PolicyFaultKind};

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
        job.judge(executor, answer, &RetryPolicy::default(), 0.0)
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

        // After the job is handed out again to the same executor, the same fault is a new one.
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
