//! The JSON that the API speaks (spec/wire.md, section 4).
//!
//! Answers carry the names of the guide and a second set that programs in the field read. Unknown
//! fields of requests are ignored, so that a newer executor can speak to an older API.

use std::collections::BTreeMap;

use kinitro_core::scoring::{ChainWeights, Method};
use kinitro_core::{
    BlockNumber, CycleId, EnvId, Hotkey, MinerUid, Outcome, PolicyFault, PolicyFaultKind, Seed,
    TaskConfig,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::Timestamp;
use super::storage::{
    Answer, ClaimedJob, Cycle, CycleScores, CycleStatus, EnvironmentStatus, JobStats, JobStatus,
    Lease, MinerScore, MinerStatus, Overview, PublishedWeights, SeedMode, Verdict, Verification,
};

/// What the API document says of types that the core has, which knows nothing of such documents.
mod foreign {
    use utoipa::ToSchema;

    /// Weights in the unit of the chain: two lists of the same length and order.
    #[derive(ToSchema)]
    #[schema(as = ChainWeights)]
    #[expect(dead_code, reason = "only its schema is used")]
    pub(super) struct ChainWeightsSchema {
        /// The miners.
        uids: Vec<u16>,
        /// Their weights, in units of 1/65535.
        values: Vec<u16>,
    }

    /// The rule that made weights.
    #[derive(ToSchema)]
    #[schema(as = Method)]
    #[expect(dead_code, reason = "only its schema is used")]
    pub(super) struct MethodSchema {
        /// The name of the rule.
        name: String,
        /// All its options.
        #[schema(value_type = Object)]
        options: serde_json::Value,
    }

    /// How an episode ended.
    #[derive(ToSchema)]
    #[schema(as = Outcome)]
    #[expect(dead_code, reason = "only its schema is used")]
    pub(super) struct OutcomeSchema {
        /// `success`, `failure`, `policy_fault`, `infra_fault` or `cancelled`.
        outcome: String,
        /// Of a policy's fault: `unreachable`, `timeout`, `bad_answer`, `bad_action` or `error`; of
        /// one of the infrastructure: `simulator`, `container` or `database`.
        kind: Option<String>,
        /// What happened. There for faults only.
        detail: Option<String>,
    }
}

use foreign::{ChainWeightsSchema, MethodSchema, OutcomeSchema};

/// `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `healthy`, or `unhealthy` when the database does not answer.
    pub status: String,
    /// `connected` or `disconnected`.
    pub database: String,
    /// The version of the program.
    pub version: String,
}

impl Health {
    /// What the API says of itself.
    pub fn new(database_answers: bool) -> Self {
        let (status, database) =
            if database_answers { ("healthy", "connected") } else { ("unhealthy", "disconnected") };
        Self {
            status: status.to_owned(),
            database: database.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Any error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// What is wrong.
    pub detail: String,
}

/// A cycle, as several answers show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CycleBody {
    /// Its number.
    #[schema(value_type = i64)]
    pub id: CycleId,
    /// The block that it judges.
    #[schema(value_type = u64)]
    pub block_number: BlockNumber,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was over.
    pub completed_at: Option<Timestamp>,
    /// How far it is.
    pub status: CycleStatus,
    /// How many miners it judges.
    pub n_miners: u32,
    /// How many environments it judges them in.
    pub n_environments: u32,
    /// How long it took.
    pub duration_seconds: Option<f64>,
    /// How many episodes each miner has in each environment.
    pub episodes_per_env: u32,
    /// Whose tasks share a seed.
    pub seed_mode: SeedMode,
    /// The SHA-256 of the secret that the seeds grow from, in hex; known from the start.
    pub seed_commitment: String,
    /// The secret, in hex, once the cycle is over.
    pub seed_secret: Option<String>,
    /// What else was said of its result.
    #[schema(value_type = Option<Object>)]
    pub report: Option<Value>,
    /// Why it failed.
    pub failure: Option<String>,
}

impl From<Cycle> for CycleBody {
    fn from(cycle: Cycle) -> Self {
        Self {
            duration_seconds: cycle.duration().map(|duration| duration.as_secs_f64()),
            id: cycle.id,
            block_number: cycle.block,
            started_at: cycle.started_at,
            completed_at: cycle.completed_at,
            status: cycle.status,
            n_miners: cycle.miners,
            n_environments: cycle.environments,
            episodes_per_env: cycle.episodes_per_env,
            seed_mode: cycle.seed_mode,
            seed_commitment: cycle.seed_commitment,
            seed_secret: cycle.seed_secret.map(|secret| secret.to_hex()),
            report: cycle.report,
            failure: cycle.failure,
        }
    }
}

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusBody {
    /// `running` once a scheduler has spoken, `starting` before.
    pub status: String,
    /// The newest block that the scheduler has seen.
    #[schema(value_type = Option<u64>)]
    pub current_block: Option<BlockNumber>,
    /// The block of the last completed cycle.
    #[schema(value_type = Option<u64>)]
    pub last_eval_block: Option<BlockNumber>,
    /// How long until the next cycle begins.
    pub next_eval_in_seconds: Option<u64>,
    /// How many miners have a commitment.
    pub miners_registered: u64,
    /// The environments that miners are judged in.
    #[schema(value_type = Vec<String>)]
    pub environments_enabled: Vec<EnvId>,
    /// The cycle that runs.
    pub current_cycle: Option<CycleBody>,
    /// The cycle that was completed last.
    pub last_completed_cycle: Option<CycleBody>,
    /// How many cycles there were.
    pub total_cycles: u64,
    /// How many hotkeys have a score.
    pub total_miners_evaluated: u64,
    /// The same as `environments_enabled`.
    #[schema(value_type = Vec<String>)]
    pub environments: Vec<EnvId>,
    /// A cycle runs.
    pub is_evaluating: bool,
}

impl From<Overview> for StatusBody {
    fn from(overview: Overview) -> Self {
        let scheduler = overview.scheduler;
        let status = if scheduler.is_some() { "running" } else { "starting" };
        let next = scheduler.as_ref().and_then(|state| state.next_cycle_in);
        let current_block = scheduler.as_ref().map(|state| state.current_block);
        let environments = scheduler.map(|state| state.environments).unwrap_or_default();
        Self {
            status: status.to_owned(),
            current_block,
            last_eval_block: overview.last_completed_cycle.as_ref().map(|cycle| cycle.block),
            next_eval_in_seconds: next.map(|time| time.as_secs()),
            miners_registered: overview.active_miners,
            environments_enabled: environments.clone(),
            is_evaluating: overview.current_cycle.is_some(),
            current_cycle: overview.current_cycle.map(Into::into),
            last_completed_cycle: overview.last_completed_cycle.map(Into::into),
            total_cycles: overview.total_cycles,
            total_miners_evaluated: overview.total_miners_evaluated,
            environments,
        }
    }
}

/// `GET /v1/weights/latest` and `GET /v1/weights/{block}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WeightsBody {
    /// The block that was judged.
    #[schema(value_type = u64)]
    pub block: BlockNumber,
    /// The share of each miner; the sum is 1.
    #[schema(value_type = BTreeMap<String, f64>)]
    pub weights: BTreeMap<MinerUid, f64>,
    /// When they were stored.
    pub created_at: Timestamp,
    /// The cycle that they are of.
    #[schema(value_type = i64)]
    pub cycle_id: CycleId,
    /// The same as `block`.
    #[schema(value_type = u64)]
    pub block_number: BlockNumber,
    /// The same as `created_at`.
    pub timestamp: Timestamp,
    /// The weights in the unit of the chain.
    #[schema(value_type = ChainWeightsSchema)]
    pub weights_u16: ChainWeights,
    /// The hotkeys that were judged. A slot may have a new owner by now, who has earned nothing.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, String>)]
    pub hotkeys: BTreeMap<MinerUid, Hotkey>,
    /// What they rest on.
    pub metadata: WeightsMetadata,
}

/// What weights rest on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WeightsMetadata {
    /// How many miners were judged.
    pub n_miners_evaluated: u32,
    /// In how many environments.
    pub n_environments: u32,
    /// How long that took.
    pub evaluation_duration_seconds: Option<f64>,
    /// The rule that made them, with its options.
    #[schema(value_type = MethodSchema)]
    pub method: Method,
}

impl From<PublishedWeights> for WeightsBody {
    fn from(published: PublishedWeights) -> Self {
        let PublishedWeights { cycle, created_at, weights, hotkeys, .. } = published;
        Self {
            block: cycle.block,
            weights_u16: ChainWeights::from(&weights),
            weights: weights.uids.into_iter().zip(weights.shares).collect(),
            created_at,
            cycle_id: cycle.id,
            block_number: cycle.block,
            timestamp: created_at,
            hotkeys,
            metadata: WeightsMetadata {
                n_miners_evaluated: cycle.miners,
                n_environments: cycle.environments,
                evaluation_duration_seconds: cycle.duration().map(|time| time.as_secs_f64()),
                method: weights.method,
            },
        }
    }
}

/// `GET /v1/scores/latest` and `GET /v1/scores/{cycle_id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoresBody {
    /// The cycle.
    #[schema(value_type = i64)]
    pub cycle_id: CycleId,
    /// The block that was judged.
    #[schema(value_type = u64)]
    pub block: BlockNumber,
    /// The success rates by miner and environment.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, f64>>)]
    pub scores: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// The miners whom nobody dominates.
    #[schema(value_type = Vec<u16>)]
    pub pareto_frontier: Vec<MinerUid>,
    /// When the cycle was over; while it is not, when it began.
    pub created_at: Timestamp,
    /// The cycle in full.
    pub cycle: CycleBody,
    /// The same as `scores`.
    #[schema(value_type = BTreeMap<String, BTreeMap<String, f64>>)]
    pub miner_summary: BTreeMap<MinerUid, BTreeMap<EnvId, f64>>,
    /// One row for each miner and environment; only where `?detail=rows` asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<ScoreRow>>,
}

/// What one miner reached in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ScoreRow {
    /// The miner's slot.
    #[schema(value_type = u16)]
    pub uid: MinerUid,
    /// The miner's key.
    #[schema(value_type = String)]
    pub hotkey: Hotkey,
    /// The environment.
    #[schema(value_type = String)]
    pub env_id: EnvId,
    /// The share of the completed episodes in which the robot did it.
    pub success_rate: f64,
    /// The mean of the total rewards of the completed episodes.
    pub mean_reward: f64,
    /// Episodes that count.
    pub episodes_completed: u32,
    /// Episodes that could not be run and do not count.
    pub episodes_failed: u32,
}

impl From<MinerScore> for ScoreRow {
    fn from(score: MinerScore) -> Self {
        Self {
            uid: score.uid,
            hotkey: score.hotkey,
            env_id: score.env_id,
            success_rate: score.success_rate,
            mean_reward: score.mean_reward,
            episodes_completed: score.episodes_completed,
            episodes_failed: score.episodes_failed,
        }
    }
}

impl ScoresBody {
    /// The scores of a cycle, with or without the rows.
    pub fn new(scores: CycleScores, with_rows: bool) -> Self {
        let CycleScores { cycle, rows, frontier } = scores;
        let mut by_miner: BTreeMap<MinerUid, BTreeMap<EnvId, f64>> = BTreeMap::new();
        for row in &rows {
            let rates = by_miner.entry(row.uid).or_default();
            rates.insert(row.env_id.clone(), row.success_rate);
        }
        Self {
            cycle_id: cycle.id,
            block: cycle.block,
            scores: by_miner.clone(),
            pareto_frontier: frontier,
            created_at: cycle.completed_at.unwrap_or(cycle.started_at),
            cycle: cycle.into(),
            miner_summary: by_miner,
            rows: with_rows.then(|| rows.into_iter().map(Into::into).collect()),
        }
    }
}

/// `GET /v1/miners`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MinersBody {
    /// Everybody who was ever seen with a commitment.
    pub miners: Vec<MinerBody>,
}

/// A miner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MinerBody {
    /// Its slot.
    #[schema(value_type = u16)]
    pub uid: MinerUid,
    /// Its key.
    #[schema(value_type = String)]
    pub hotkey: Hotkey,
    /// Where its policy answers; not shown where the miner has sealed it.
    pub endpoint: Option<String>,
    /// When it was judged last.
    pub last_evaluated: Option<Timestamp>,
    /// `active` while it is on the chain, `inactive` after.
    pub status: String,
    /// The block of the cycle that judged it last.
    #[schema(value_type = Option<u64>)]
    pub last_evaluated_block: Option<BlockNumber>,
    /// The mean of its success rates then.
    pub avg_success_rate: Option<f64>,
    /// In how many environments it was judged then.
    pub environments_evaluated: u32,
}

impl From<MinerStatus> for MinerBody {
    fn from(status: MinerStatus) -> Self {
        let miner = status.miner;
        Self {
            uid: miner.uid,
            hotkey: miner.hotkey,
            endpoint: miner.endpoint.filter(|_| !miner.endpoint_sealed),
            last_evaluated: status.last_evaluated,
            status: if status.active { "active" } else { "inactive" }.to_owned(),
            last_evaluated_block: status.last_evaluated_block,
            avg_success_rate: status.avg_success_rate,
            environments_evaluated: status.environments_evaluated,
        }
    }
}

/// `GET /v1/environments`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentsBody {
    /// The environments that miners are or were judged in.
    pub environments: Vec<EnvironmentBody>,
}

/// An environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentBody {
    /// Its name, `family/task`.
    #[schema(value_type = String)]
    pub env_id: EnvId,
    /// The family.
    pub env_name: String,
    /// The task.
    pub task_name: String,
    /// How many episodes counted, over all completed cycles.
    pub n_evaluations: u64,
    /// The share of them in which the robot did it.
    pub avg_success_rate: Option<f64>,
}

impl From<EnvironmentStatus> for EnvironmentBody {
    fn from(status: EnvironmentStatus) -> Self {
        let TaskConfig { env_id, env_name, task_name, .. } =
            TaskConfig::new(status.env_id, Seed(0));
        Self {
            env_id,
            env_name,
            task_name,
            n_evaluations: status.evaluations,
            avg_success_rate: status.avg_success_rate,
        }
    }
}

/// `POST /v1/tasks/fetch`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FetchRequest {
    /// Who wants tasks: 1 to 128 characters, no control characters.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub executor_id: String,
    /// How many at most, from 1 to 100.
    #[schema(minimum = 1, maximum = 100)]
    #[serde(default = "FetchRequest::default_batch_size")]
    pub batch_size: u32,
    /// Only tasks in these environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    pub env_ids: Option<Vec<EnvId>>,
}

impl FetchRequest {
    fn default_batch_size() -> u32 {
        10
    }
}

/// The answer to `POST /v1/tasks/fetch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FetchAnswer {
    /// Tasks to run.
    pub tasks: Vec<TaskBody>,
    /// How many nobody works on, within the last second or so.
    pub total_pending: u64,
    /// How long the lease on each of the tasks lasts, in seconds, for executors whose clock is not
    /// the database's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
}

/// A task to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskBody {
    /// Its name.
    pub task_uuid: String,
    /// Its cycle.
    #[schema(value_type = i64)]
    pub cycle_id: CycleId,
    /// Whose policy.
    #[schema(value_type = u16)]
    pub miner_uid: MinerUid,
    /// The miner's key.
    #[schema(value_type = String)]
    pub miner_hotkey: Hotkey,
    /// Where the policy answers.
    pub miner_endpoint: String,
    /// The repository with the miner's model.
    pub miner_repo: String,
    /// The revision of the repository.
    pub miner_revision: String,
    /// Where.
    #[schema(value_type = String)]
    pub env_id: EnvId,
    /// What the episode grows from.
    #[schema(value_type = u64)]
    pub seed: Seed,
    /// `assigned`.
    pub status: JobStatus,
    /// When it was made.
    pub created_at: Timestamp,
    /// The number of the episode among those of the miner in the environment.
    pub episode: u32,
    /// How often it was handed out, this time included.
    pub attempt: u32,
    /// What proves that the answer is of this lease.
    pub lease_token: String,
    /// When the task is taken back, by the clock of the database.
    pub lease_expires_at: Timestamp,
}

impl From<ClaimedJob> for TaskBody {
    fn from(task: ClaimedJob) -> Self {
        Self {
            task_uuid: task.uuid,
            cycle_id: task.cycle,
            miner_uid: task.uid,
            miner_hotkey: task.hotkey,
            miner_endpoint: task.endpoint,
            miner_repo: task.repo,
            miner_revision: task.revision,
            env_id: task.env_id,
            seed: task.seed,
            status: JobStatus::Assigned,
            created_at: task.created_at,
            episode: task.episode,
            attempt: task.attempt,
            lease_token: task.lease_token,
            lease_expires_at: task.lease_expires_at,
        }
    }
}

/// `POST /v1/tasks/renew`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RenewRequest {
    /// Who works on the tasks.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub executor_id: String,
    /// At most 1,000 leases that it wants to keep.
    #[schema(max_items = 1000)]
    pub leases: Vec<Lease>,
}

/// The answer to `POST /v1/tasks/renew`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RenewAnswer {
    /// The leases that were renewed.
    pub renewed: Vec<RenewedLease>,
    /// The tasks whose leases are lost. Their results would be refused.
    pub lost: Vec<String>,
    /// How long each of the leases lasts from now on, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_seconds: Option<f64>,
}

/// A lease that was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RenewedLease {
    /// The task.
    pub task_uuid: String,
    /// When it is taken back now.
    pub lease_expires_at: Timestamp,
}

/// `POST /v1/tasks/submit`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SubmitRequest {
    /// Who ran the tasks.
    #[schema(min_length = 1, max_length = 128, pattern = r"^[^\x00-\x1f\x7f-\x9f]*$")]
    pub executor_id: String,
    /// At most 1,000 results.
    #[schema(max_items = 1000)]
    pub results: Vec<TaskResult>,
}

/// What came of a task.
///
/// Without an `outcome`, as older executors send it, a result with `success` is a success, one with
/// an `error` the policy's fault and every other a failure. Only an executor that names the outcome
/// has its infrastructure faults tried again: else a policy could have the seeds that it does not
/// like taken out of the count by breaking down on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TaskResult {
    /// The task.
    pub task_uuid: String,
    /// The robot did it.
    pub success: bool,
    /// The score of the episode, in `[0, 1]`; by default what `success` says. A result with another
    /// number is rejected.
    #[serde(default)]
    pub score: Option<f64>,
    /// The sum of the rewards.
    #[serde(default)]
    pub total_reward: Option<f64>,
    /// How many steps it took.
    #[serde(default)]
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u32)]
    pub timesteps: Option<u32>,
    /// What went wrong.
    #[serde(default)]
    pub error: Option<String>,
    /// Whether the policy is the committed one, if that was looked at.
    #[serde(default)]
    pub verification_passed: Option<bool>,
    /// How closely.
    #[serde(default)]
    pub verification_score: Option<f64>,
    /// The token that came with the task. Without one the executor's id must do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_token: Option<String>,
    /// How the episode ended, and whose fault that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<OutcomeSchema>)]
    pub outcome: Option<Outcome>,
}

impl TaskResult {
    /// The answer as the queue takes it.
    ///
    /// # Errors
    /// In words, when `success` and `outcome` say different things.
    pub fn into_answer(self) -> Result<Answer, String> {
        let outcome = match (self.outcome, self.success, self.error) {
            (Some(outcome), success, _) if (outcome == Outcome::Success) == success => outcome,
            (Some(outcome), success, _) => {
                return Err(format!(
                    "`success` is {success}, and the outcome is {}",
                    outcome.label()
                ));
            }
            (None, true, _) => Outcome::Success,
            (None, false, Some(error)) => PolicyFault::new(PolicyFaultKind::Error, error).into(),
            (None, false, None) => Outcome::Failure,
        };
        Ok(Answer {
            task_uuid: self.task_uuid,
            lease_token: self.lease_token,
            score: self.score.or(outcome.score()).unwrap_or(0.0),
            outcome,
            total_reward: self.total_reward.unwrap_or(0.0),
            timesteps: self.timesteps.unwrap_or(0),
            verification: self
                .verification_passed
                .map(|passed| Verification { passed, score: self.verification_score }),
        })
    }
}

impl From<Answer> for TaskResult {
    /// The result as a current executor sends it.
    fn from(answer: Answer) -> Self {
        let error = match &answer.outcome {
            Outcome::PolicyFault(fault) => Some(fault.detail.clone()),
            Outcome::InfraFault(fault) => Some(fault.detail.clone()),
            Outcome::Cancelled => Some("cancelled".to_owned()),
            Outcome::Success | Outcome::Failure => None,
        };
        Self {
            task_uuid: answer.task_uuid,
            success: answer.outcome == Outcome::Success,
            score: Some(answer.score),
            total_reward: Some(answer.total_reward),
            timesteps: Some(answer.timesteps),
            error,
            verification_passed: answer.verification.map(|verification| verification.passed),
            verification_score: answer.verification.and_then(|verification| verification.score),
            lease_token: answer.lease_token,
            outcome: Some(answer.outcome),
        }
    }
}

/// The answer to `POST /v1/tasks/submit`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SubmitAnswer {
    /// How many results are stored now. A result that was stored before is among them.
    pub accepted: u32,
    /// How many are not.
    pub rejected: u32,
    /// Why, one for each that was rejected: the task and the reason. All reasons are final: the same
    /// result need not be sent again.
    pub errors: Vec<String>,
    /// How many of the accepted were stored before.
    #[serde(default)]
    pub duplicates: u32,
}

impl SubmitAnswer {
    /// Counts what became of a result.
    pub fn add(&mut self, task_uuid: &str, verdict: &Verdict) {
        match verdict {
            Verdict::Accepted(_) => self.accepted += 1,
            Verdict::Duplicate => {
                self.accepted += 1;
                self.duplicates += 1;
            }
            Verdict::Refused(refusal) => self.reject(task_uuid, refusal),
        }
    }

    /// Counts a result that is not taken.
    pub fn reject(&mut self, task_uuid: &str, reason: impl std::fmt::Display) {
        // What is no task's name is the sender's text, of any length.
        let name: String = task_uuid.chars().take(64).collect();
        self.rejected += 1;
        self.errors.push(format!("{}: {reason}", name.escape_debug()));
    }
}

/// `GET /v1/tasks/stats`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskStatsBody {
    /// All tasks of the cycle that runs, or of the last one.
    pub total_tasks: u64,
    /// Those that nobody works on.
    pub pending_tasks: u64,
    /// Those that an executor works on.
    pub assigned_tasks: u64,
    /// Those that count.
    pub completed_tasks: u64,
    /// Those that could not be run.
    pub failed_tasks: u64,
    /// Executors with a running lease.
    pub active_executors: u64,
    /// The cycle that runs.
    #[schema(value_type = Option<i64>)]
    pub current_cycle_id: Option<CycleId>,
}

impl From<JobStats> for TaskStatsBody {
    fn from(stats: JobStats) -> Self {
        Self {
            total_tasks: stats.total,
            pending_tasks: stats.pending,
            assigned_tasks: stats.assigned,
            completed_tasks: stats.completed,
            failed_tasks: stats.failed,
            active_executors: stats.active_executors,
            current_cycle_id: stats.current_cycle,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kinitro_core::scoring::WeightSet;
    use serde_json::json;

    use super::super::storage::{Miner, SchedulerState, SeedSecret};
    use super::*;

    const HOTKEY: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn reach() -> EnvId {
        "metaworld/reach-v3".parse().unwrap()
    }

    fn cycle() -> Cycle {
        Cycle {
            id: CycleId(42),
            block: BlockNumber(12300),
            status: CycleStatus::Completed,
            started_at: "2024-01-15T10:00:00Z".parse().unwrap(),
            completed_at: Some("2024-01-15T10:30:00.5Z".parse().unwrap()),
            miners: 2,
            environments: 1,
            episodes_per_env: 50,
            seed_mode: SeedMode::Paired,
            seed_commitment: SeedSecret::from_bytes([0; 32]).commitment(),
            seed_secret: Some(SeedSecret::from_bytes([0; 32])),
            report: Some(json!({"missing": []})),
            failure: None,
        }
    }

    fn cycle_json() -> Value {
        json!({
            "id": 42, "block_number": 12300, "status": "completed",
            "started_at": "2024-01-15T10:00:00.000Z", "completed_at": "2024-01-15T10:30:00.500Z",
            "n_miners": 2, "n_environments": 1, "duration_seconds": 1800.5, "episodes_per_env": 50,
            "seed_mode": "paired",
            "seed_commitment": "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925",
            "seed_secret": "0000000000000000000000000000000000000000000000000000000000000000",
            "report": {"missing": []}, "failure": null,
        })
    }

    fn to_json(body: &impl Serialize) -> Value {
        serde_json::to_value(body).unwrap()
    }

    #[test]
    fn weights_have_the_names_of_the_guide_and_the_second_set() {
        let published = PublishedWeights {
            cycle: cycle(),
            created_at: "2024-01-15T10:30:00.5Z".parse().unwrap(),
            weights: WeightSet {
                uids: vec![MinerUid(0), MinerUid(5)],
                shares: vec![0.25, 0.75],
                values: vec![16383, 49151],
                method: Method { name: "pareto-subsets".to_owned(), options: json!({"z": 1.5}) },
            },
            frontier: vec![MinerUid(5)],
            hotkeys: BTreeMap::from([(MinerUid(5), HOTKEY.parse().unwrap())]),
        };
        let expected = json!({
            "block": 12300, "weights": {"0": 0.25, "5": 0.75},
            "created_at": "2024-01-15T10:30:00.500Z",
            "cycle_id": 42, "block_number": 12300, "timestamp": "2024-01-15T10:30:00.500Z",
            "weights_u16": {"uids": [0, 5], "values": [16383, 49151]},
            "hotkeys": {"5": HOTKEY},
            "metadata": {
                "n_miners_evaluated": 2, "n_environments": 1,
                "evaluation_duration_seconds": 1800.5,
                "method": {"name": "pareto-subsets", "options": {"z": 1.5}},
            },
        });
        let body = WeightsBody::from(published);
        assert_eq!(to_json(&body), expected);
        assert_eq!(serde_json::from_value::<WeightsBody>(expected).unwrap(), body);
    }

    #[test]
    fn scores_have_rows_where_they_are_asked_for() {
        let score = MinerScore {
            uid: MinerUid(1),
            hotkey: HOTKEY.parse().unwrap(),
            env_id: reach(),
            success_rate: 0.85,
            mean_reward: 1.5,
            episodes_completed: 49,
            episodes_failed: 1,
        };
        let frontier = vec![MinerUid(1)];
        let scores = CycleScores { cycle: cycle(), rows: vec![score], frontier };
        let mut expected = json!({
            "cycle_id": 42, "block": 12300, "scores": {"1": {"metaworld/reach-v3": 0.85}},
            "pareto_frontier": [1], "created_at": "2024-01-15T10:30:00.500Z",
            "cycle": cycle_json(), "miner_summary": {"1": {"metaworld/reach-v3": 0.85}},
        });
        assert_eq!(to_json(&ScoresBody::new(scores.clone(), false)), expected);
        expected["rows"] = json!([{
            "uid": 1, "hotkey": HOTKEY, "env_id": "metaworld/reach-v3", "success_rate": 0.85,
            "mean_reward": 1.5, "episodes_completed": 49, "episodes_failed": 1,
        }]);
        assert_eq!(to_json(&ScoresBody::new(scores, true)), expected);
    }

    #[test]
    fn the_status_has_both_sets_of_names() {
        let overview = Overview {
            scheduler: Some(SchedulerState {
                current_block: BlockNumber(12345),
                next_cycle_in: Some(Duration::from_millis(1_800_900)),
                environments: vec![reach()],
                updated_at: Timestamp::from_millis(0),
            }),
            current_cycle: None,
            last_completed_cycle: Some(cycle()),
            total_cycles: 43,
            failed_cycles: 1,
            total_miners_evaluated: 17,
            active_miners: 15,
        };
        let expected = json!({
            "status": "running", "current_block": 12345, "last_eval_block": 12300,
            "next_eval_in_seconds": 1800, "miners_registered": 15,
            "environments_enabled": ["metaworld/reach-v3"],
            "current_cycle": null, "last_completed_cycle": cycle_json(), "total_cycles": 43,
            "total_miners_evaluated": 17, "environments": ["metaworld/reach-v3"],
            "is_evaluating": false,
        });
        assert_eq!(to_json(&StatusBody::from(overview)), expected);
        let body = to_json(&StatusBody::from(Overview::default()));
        assert_eq!((&body["status"], &body["current_block"]), (&json!("starting"), &Value::Null));
    }

    #[test]
    fn sealed_endpoints_are_not_shown() {
        let status = |endpoint_sealed| MinerStatus {
            miner: Miner {
                uid: MinerUid(0),
                hotkey: HOTKEY.parse().unwrap(),
                endpoint: Some("https://xxx.deployments.basilica.ai".to_owned()),
                endpoint_sealed,
                repo: "user/repo".to_owned(),
                revision: "12345678".to_owned(),
                first_block: None,
            },
            active: true,
            last_evaluated: Some("2024-01-15T10:30:00Z".parse().unwrap()),
            last_evaluated_block: Some(BlockNumber(12300)),
            avg_success_rate: Some(0.5),
            environments_evaluated: 3,
        };
        let mut expected = json!({
            "uid": 0, "hotkey": HOTKEY, "endpoint": "https://xxx.deployments.basilica.ai",
            "last_evaluated": "2024-01-15T10:30:00.000Z", "status": "active",
            "last_evaluated_block": 12300, "avg_success_rate": 0.5, "environments_evaluated": 3,
        });
        assert_eq!(to_json(&MinerBody::from(status(false))), expected);
        expected["endpoint"] = Value::Null;
        assert_eq!(to_json(&MinerBody::from(status(true))), expected);
    }

    #[test]
    fn small_answers() {
        let environment =
            EnvironmentStatus { env_id: reach(), evaluations: 100, avg_success_rate: Some(0.25) };
        let expected = json!({
            "env_id": "metaworld/reach-v3", "env_name": "metaworld", "task_name": "reach-v3",
            "n_evaluations": 100, "avg_success_rate": 0.25,
        });
        assert_eq!(to_json(&EnvironmentBody::from(environment)), expected);
        let stats = JobStats {
            current_cycle: Some(CycleId(42)),
            total: 10,
            pending: 4,
            assigned: 3,
            completed: 2,
            failed: 1,
            active_executors: 5,
        };
        let expected = json!({
            "total_tasks": 10, "pending_tasks": 4, "assigned_tasks": 3, "completed_tasks": 2,
            "failed_tasks": 1, "active_executors": 5, "current_cycle_id": 42,
        });
        assert_eq!(to_json(&TaskStatsBody::from(stats)), expected);
        let version = env!("CARGO_PKG_VERSION");
        let expected = json!({"status": "healthy", "database": "connected", "version": version});
        assert_eq!(to_json(&Health::new(true)), expected);
        assert_eq!(to_json(&Health::new(false))["database"], "disconnected");
    }

    #[test]
    fn a_task_has_all_that_an_executor_needs() {
        let task = ClaimedJob {
            uuid: "1e2feb89-414c-443c-9027-c4d1c386bbc4".to_owned(),
            cycle: CycleId(42),
            uid: MinerUid(7),
            hotkey: HOTKEY.parse().unwrap(),
            endpoint: "https://xxx.deployments.basilica.ai".to_owned(),
            repo: "user/repo".to_owned(),
            revision: "12345678".to_owned(),
            env_id: reach(),
            episode: 3,
            seed: Seed(2_015_167_423),
            attempt: 1,
            created_at: "2024-01-15T10:00:00Z".parse().unwrap(),
            lease_token: "f".repeat(32),
            lease_expires_at: "2024-01-15T10:05:00Z".parse().unwrap(),
        };
        let expected = json!({
            "task_uuid": "1e2feb89-414c-443c-9027-c4d1c386bbc4", "cycle_id": 42, "miner_uid": 7,
            "miner_hotkey": HOTKEY, "miner_endpoint": "https://xxx.deployments.basilica.ai",
            "miner_repo": "user/repo", "miner_revision": "12345678",
            "env_id": "metaworld/reach-v3", "seed": 2_015_167_423, "status": "assigned",
            "created_at": "2024-01-15T10:00:00.000Z", "episode": 3, "attempt": 1,
            "lease_token": "f".repeat(32), "lease_expires_at": "2024-01-15T10:05:00.000Z",
        });
        assert_eq!(to_json(&TaskBody::from(task)), expected);
    }

    #[test]
    fn requests_of_older_and_newer_executors_are_read() {
        let request: FetchRequest =
            serde_json::from_value(json!({"executor_id": "e", "something": "new"})).unwrap();
        assert_eq!((request.batch_size, request.env_ids), (10, None));
        let request = json!({"executor_id": "e", "batch_size": 1, "env_ids": ["reach"]});
        assert!(serde_json::from_value::<FetchRequest>(request).is_err());

        let older = |success, error: Option<&str>| {
            let result: TaskResult = serde_json::from_value(json!({
                "task_uuid": "t", "success": success, "score": f64::from(u8::from(success)),
                "total_reward": 1.5, "timesteps": 77, "error": error,
                "verification_passed": null, "verification_score": null,
            }))
            .unwrap();
            result.into_answer().unwrap()
        };
        let success = older(true, None);
        assert_eq!((success.outcome, success.score), (Outcome::Success, 1.0));
        assert_eq!((success.total_reward, success.timesteps), (1.5, 77));
        assert_eq!((success.lease_token, success.verification), (None, None));
        assert_eq!(older(false, None).outcome, Outcome::Failure);
        assert_eq!(older(false, Some("timeout")).outcome.label(), "policy_fault:error");
    }

    #[test]
    fn a_result_comes_back_as_the_answer_it_was() {
        let answer = Answer {
            task_uuid: "t".to_owned(),
            lease_token: Some("f".repeat(32)),
            outcome: PolicyFault::new(PolicyFaultKind::Timeout, "no answer").into(),
            score: 0.0,
            total_reward: 0.1 + 0.2,
            timesteps: 3,
            verification: Some(Verification { passed: false, score: Some(0.25) }),
        };
        let result = TaskResult::from(answer.clone());
        let json = to_json(&result);
        assert_eq!(json["outcome"]["kind"], "timeout");
        assert_eq!((&json["success"], &json["error"]), (&json!(false), &json!("no answer")));
        let result: TaskResult = serde_json::from_value(json).unwrap();
        assert_eq!(result.clone().into_answer().unwrap(), answer);
        let contradiction = TaskResult { success: true, ..result };
        let error = contradiction.into_answer().unwrap_err();
        assert!(error.contains("policy_fault:timeout"), "{error}");
    }

    #[test]
    fn what_became_of_results_is_counted() {
        use super::super::storage::{Refusal, Settled};
        let mut answer = SubmitAnswer::default();
        answer.add("a", &Verdict::Accepted(Settled::Completed));
        answer.add("b", &Verdict::Duplicate);
        answer.add("c\n", &Verdict::Refused(Refusal::UnknownTask));
        let expected = json!({
            "accepted": 2, "rejected": 1, "errors": ["c\\n: there is no such task"],
            "duplicates": 1,
        });
        assert_eq!(to_json(&answer), expected);
    }
}
