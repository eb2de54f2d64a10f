//! What people, dashboards and validators ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use kinitro_core::{BlockNumber, CycleId, EnvId, Hotkey};

use super::super::super::Timestamp;
use super::super::{
    CycleScores, CycleStatus, EnvironmentStatus, MinerScore, MinerStatus, Overview,
    PublishedWeights, Reports, SchedulerState, StoreError,
};
use super::{MemoryStore, State, StoredCycle};

/// How many durations of cycles are asked for at most.
const DURATIONS: usize = 1000;

impl State {
    fn scores(&self, id: Option<CycleId>) -> Option<CycleScores> {
        let stored = match id {
            Some(id) => self.cycles.get(&id.0)?,
            None => self.completed().next()?.0,
        };
        let (rows, frontier) = match &stored.result {
            Some(result) => (result.scores.clone(), result.frontier.clone()),
            None => (Vec::new(), Vec::new()),
        };
        Some(CycleScores { cycle: stored.cycle.clone(), rows, frontier })
    }

    fn weights(&self, block: Option<BlockNumber>) -> Option<PublishedWeights> {
        let mut completed = self.completed();
        let (stored, result) =
            completed.find(|(stored, _)| block.is_none_or(|block| stored.cycle.block == block))?;
        let hotkeys = stored.miners.iter().map(|(uid, miner)| (*uid, miner.hotkey));
        Some(PublishedWeights {
            cycle: stored.cycle.clone(),
            created_at: stored.cycle.completed_at.unwrap_or(stored.cycle.started_at),
            weights: result.weights.clone(),
            frontier: result.frontier.clone(),
            hotkeys: hotkeys.collect(),
        })
    }

    /// The last completed cycle that judged a hotkey, and its scores there.
    fn last_scores(&self, hotkey: Hotkey) -> Option<(&StoredCycle, Vec<&MinerScore>)> {
        self.completed().find_map(|(stored, result)| {
            let scores: Vec<_> =
                result.scores.iter().filter(|score| score.hotkey == hotkey).collect();
            (!scores.is_empty()).then_some((stored, scores))
        })
    }

    fn miners(&self) -> Vec<MinerStatus> {
        let mut miners: Vec<MinerStatus> = Vec::new();
        for (hotkey, (miner, active)) in &self.miners {
            let mut status = MinerStatus::new(miner.clone(), *active);
            if let Some((stored, scores)) = self.last_scores(*hotkey) {
                let sum: f64 = scores.iter().map(|score| score.success_rate).sum();
                status.last_evaluated = stored.cycle.completed_at;
                status.last_evaluated_block = Some(stored.cycle.block);
                status.avg_success_rate = Some(sum / scores.len() as f64);
                status.environments_evaluated = u32::try_from(scores.len()).unwrap_or(u32::MAX);
            }
            miners.push(status);
        }
        miners.sort_by_key(|status| {
            (!status.active, status.miner.uid, status.miner.hotkey.to_string())
        });
        miners
    }

    fn environments(&self) -> Vec<EnvironmentStatus> {
        let mut sums: BTreeMap<EnvId, (u64, f64)> = BTreeMap::new();
        for score in self.completed().flat_map(|(_, result)| &result.scores) {
            let (episodes, successes) = sums.entry(score.env_id.clone()).or_default();
            *episodes += u64::from(score.episodes_completed);
            *successes += score.success_rate * f64::from(score.episodes_completed);
        }
        for env_id in self.heartbeat.iter().flat_map(|(heartbeat, _)| &heartbeat.environments) {
            sums.entry(env_id.clone()).or_default();
        }
        sums.into_iter()
            .map(|(env_id, (evaluations, successes))| EnvironmentStatus {
                env_id,
                evaluations,
                avg_success_rate: (evaluations > 0).then(|| successes / evaluations as f64),
            })
            .collect()
    }

    fn overview(&self) -> Overview {
        let scheduler = self.heartbeat.as_ref().map(|(heartbeat, at)| {
            let passed = Timestamp::now().since(*at);
            let left = |time: Duration| time.saturating_sub(passed);
            let mut state = SchedulerState::new(heartbeat.clone(), *at);
            state.next_cycle_in = state.next_cycle_in.map(left);
            state
        });
        let judged = self.completed().flat_map(|(_, result)| &result.scores);
        let judged: BTreeSet<Hotkey> = judged.map(|score| score.hotkey).collect();
        let failed = |stored: &&StoredCycle| stored.cycle.status == CycleStatus::Failed;
        Overview {
            scheduler,
            current_cycle: self.running().map(|stored| stored.cycle.clone()),
            last_completed_cycle: self.completed().next().map(|(stored, _)| stored.cycle.clone()),
            total_cycles: self.cycles.len() as u64,
            failed_cycles: self.cycles.values().filter(failed).count() as u64,
            total_miners_evaluated: judged.len() as u64,
            active_miners: self.miners.values().filter(|(_, active)| *active).count() as u64,
        }
    }
}

#[async_trait]
impl Reports for MemoryStore {
    async fn weights(
        &self,
        block: Option<BlockNumber>,
    ) -> Result<Option<PublishedWeights>, StoreError> {
        Ok(self.with(|state| state.weights(block)))
    }

    async fn scores(&self, id: Option<CycleId>) -> Result<Option<CycleScores>, StoreError> {
        Ok(self.with(|state| state.scores(id)))
    }

    async fn miners(&self) -> Result<Vec<MinerStatus>, StoreError> {
        Ok(self.with(|state| state.miners()))
    }

    async fn environments(&self) -> Result<Vec<EnvironmentStatus>, StoreError> {
        Ok(self.with(|state| state.environments()))
    }

    async fn overview(&self) -> Result<Overview, StoreError> {
        Ok(self.with(|state| state.overview()))
    }

    async fn cycle_seconds(&self) -> Result<Vec<f64>, StoreError> {
        Ok(self.with(|state| {
            let durations = state.completed().filter_map(|(stored, _)| stored.cycle.duration());
            durations.take(DURATIONS).map(|duration| duration.as_secs_f64()).collect()
        }))
    }
}
