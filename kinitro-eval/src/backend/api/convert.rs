//! Conversions between the types of the storage and the JSON of the API.

use std::collections::BTreeMap;

use kinitro_core::scoring::ChainWeights;
use kinitro_core::{EnvId, MinerUid, Outcome, PolicyFault, PolicyFaultKind, Seed, TaskConfig};

use crate::backend::storage::{
    self, Answer, ClaimedJob, Cycle, CycleScores, EnvironmentStatus, JobStats, MinerScore,
    MinerStatus, Overview, PublishedWeights, Verdict, Verification,
};
use crate::wire::{
    CycleBody, CycleStatus, EnvironmentBody, Lease, MinerBody, ScoreRow, ScoresBody, SeedMode,
    StatusBody, SubmitAnswer, TaskBody, TaskResult, TaskStatsBody, TaskStatus, WeightsBody,
    WeightsMetadata,
};

impl From<storage::CycleStatus> for CycleStatus {
    fn from(status: storage::CycleStatus) -> Self {
        match status {
            storage::CycleStatus::Pending => Self::Pending,
            storage::CycleStatus::Running => Self::Running,
            storage::CycleStatus::Completed => Self::Completed,
            storage::CycleStatus::Failed => Self::Failed,
        }
    }
}

impl From<storage::SeedMode> for SeedMode {
    fn from(mode: storage::SeedMode) -> Self {
        match mode {
            storage::SeedMode::Paired => Self::Paired,
            storage::SeedMode::PerTask => Self::PerTask,
        }
    }
}

impl From<Lease> for storage::Lease {
    fn from(lease: Lease) -> Self {
        Self { task_uuid: lease.task_uuid, lease_token: lease.lease_token }
    }
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

impl From<Cycle> for CycleBody {
    fn from(cycle: Cycle) -> Self {
        Self {
            duration_seconds: cycle.duration().map(|duration| duration.as_secs_f64()),
            id: cycle.id,
            block_number: cycle.block,
            started_at: cycle.started_at,
            completed_at: cycle.completed_at,
            status: cycle.status.into(),
            n_miners: cycle.miners,
            n_environments: cycle.environments,
            episodes_per_env: cycle.episodes_per_env,
            seed_mode: cycle.seed_mode.into(),
            seed_commitment: cycle.seed_commitment,
            seed_secret: cycle.seed_secret.map(|secret| secret.to_hex()),
            report: cycle.report,
            failure: cycle.failure,
        }
    }
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
    /// The scores of a cycle, including `rows` if `with_rows`.
    pub(super) fn new(scores: CycleScores, with_rows: bool) -> Self {
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
            status: TaskStatus::Assigned,
            created_at: task.created_at,
            episode: task.episode,
            attempt: task.attempt,
            lease_token: task.lease_token,
            lease_expires_at: task.lease_expires_at,
        }
    }
}

impl TaskResult {
    /// The answer for the queue.
    ///
    /// # Errors
    /// A message for the sender when `success` and `outcome` contradict each other.
    pub(super) fn into_answer(self) -> Result<Answer, String> {
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

impl SubmitAnswer {
    /// Counts a result that the queue has decided on.
    pub(super) fn add(&mut self, task_uuid: &str, verdict: &Verdict) {
        match verdict {
            Verdict::Accepted(_) => self.accepted += 1,
            Verdict::Duplicate => {
                self.accepted += 1;
                self.duplicates += 1;
            }
            Verdict::Refused(refusal) => self.reject(task_uuid, refusal),
        }
    }

    /// Counts a result that is rejected.
    pub(super) fn reject(&mut self, task_uuid: &str, reason: impl std::fmt::Display) {
        // An unknown UUID may be any text of any length.
        let name: String = task_uuid.chars().take(64).collect();
        self.rejected += 1;
        self.errors.push(format!("{}: {reason}", name.escape_debug()));
    }
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

    use kinitro_core::scoring::{Method, WeightSet};
    use kinitro_core::{BlockNumber, CycleId};
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::backend::storage::{Miner, Refusal, SchedulerState, SeedSecret, Settled};
    use crate::wire::{FetchRequest, Health, Timestamp};

    const HOTKEY: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";

    fn reach() -> EnvId {
        "metaworld/reach-v3".parse().unwrap()
    }

    fn cycle() -> Cycle {
        Cycle {
            id: CycleId(42),
            block: BlockNumber(12300),
            status: storage::CycleStatus::Completed,
            started_at: "2024-01-15T10:00:00Z".parse().unwrap(),
            completed_at: Some("2024-01-15T10:30:00.5Z".parse().unwrap()),
            miners: 2,
            environments: 1,
            episodes_per_env: 50,
            seed_mode: storage::SeedMode::Paired,
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
    fn a_result_becomes_the_answer_that_it_says() {
        let outcome: Outcome = PolicyFault::new(PolicyFaultKind::Timeout, "no answer").into();
        let result =
            TaskResult::new("t", outcome.clone()).lease_token("f".repeat(32)).steps(0.1 + 0.2, 3);
        let json = to_json(&result);
        assert_eq!(json["outcome"]["kind"], "timeout");
        assert_eq!((&json["success"], &json["error"]), (&json!(false), &json!("no answer")));
        let mut result: TaskResult = serde_json::from_value(json).unwrap();
        result.verification_passed = Some(false);
        result.verification_score = Some(0.25);
        let answer = Answer {
            task_uuid: "t".to_owned(),
            lease_token: Some("f".repeat(32)),
            outcome,
            score: 0.0,
            total_reward: 0.1 + 0.2,
            timesteps: 3,
            verification: Some(Verification { passed: false, score: Some(0.25) }),
        };
        assert_eq!(result.clone().into_answer().unwrap(), answer);
        let contradiction = TaskResult { success: true, ..result };
        let error = contradiction.into_answer().unwrap_err();
        assert!(error.contains("policy_fault:timeout"), "{error}");
    }

    #[test]
    fn what_became_of_results_is_counted() {
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
