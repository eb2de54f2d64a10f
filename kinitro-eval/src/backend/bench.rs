//! Measures a store: a whole cycle is created at once, and many workers claim and answer its jobs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kinitro_core::{BlockNumber, EnvId, Hotkey, MinerUid, Outcome, Seed};
use serde::Serialize;

use super::storage::{
    Answer, Claim, CycleMiner, NewCycle, NewJob, RetryPolicy, SeedMode, SeedSecret, Store,
    StoreError, StoreErrorKind,
};

const ENVIRONMENTS: u16 = 8;

/// The load that a store is measured under.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Load {
    /// Miners of the cycle. Each has `episodes` jobs in each of eight environments.
    pub miners: u16,
    /// Episodes of each miner in each environment.
    pub episodes: u32,
    /// Workers that claim and answer at the same time.
    pub workers: u32,
    /// Tasks that each claims, and answers, at a time.
    pub batch: u32,
}

impl Default for Load {
    /// 102,400 tasks, which 20 workers take by tens.
    fn default() -> Self {
        Self { miners: 256, episodes: 50, workers: 20, batch: 10 }
    }
}

/// The measured speed of a store.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Throughput {
    /// How many tasks the cycle has.
    pub tasks: u64,
    /// How long it took to create them in one transaction, in seconds.
    pub create_seconds: f64,
    /// How many tasks were claimed and answered.
    pub answered: u64,
    /// How many jobs were claimed and answered per second.
    pub answered_per_second: f64,
    /// How long it took to sum up the cycle, in seconds.
    pub progress_seconds: f64,
}

/// Measures a store. There must be no cycle in it; the one that is made here fails in the end.
///
/// # Errors
/// [`StoreErrorKind::Conflict`] when there are cycles in it, and those of the store.
pub async fn throughput(store: Arc<dyn Store>, load: Load) -> Result<Throughput, StoreError> {
    if store.overview().await?.total_cycles > 0 {
        let message = "there are cycles in the database: measure an empty one";
        return Err(StoreError::new(StoreErrorKind::Conflict, message));
    }
    let cycle = cycle(load)?;
    let started = Instant::now();
    let id = store.create_cycle(&cycle).await?;
    let create_seconds = started.elapsed().as_secs_f64();

    let started = Instant::now();
    let workers: Vec<_> = (0..load.workers)
        .map(|number| tokio::spawn(work(Arc::clone(&store), number, load.batch)))
        .collect();
    let mut answered = 0;
    for worker in workers {
        answered += worker.await.map_err(|error| {
            StoreError::new(StoreErrorKind::Other, "a worker broke down").with_source(error)
        })??;
    }
    let answered_per_second = answered as f64 / started.elapsed().as_secs_f64();
    let started = Instant::now();
    store.progress(id).await?;
    let progress_seconds = started.elapsed().as_secs_f64();
    store.fail_cycle(id, "it was a measurement").await?;
    let tasks = cycle.jobs.len() as u64;
    Ok(Throughput { tasks, create_seconds, answered, answered_per_second, progress_seconds })
}

fn cycle(load: Load) -> Result<NewCycle, StoreError> {
    let invalid =
        |error| StoreError::new(StoreErrorKind::Other, "there is no randomness").with_source(error);
    let mut envs = Vec::new();
    for number in 0..ENVIRONMENTS {
        let env: Result<EnvId, _> = EnvId::new("bench", &number.to_string());
        envs.push(env.map_err(|error| {
            StoreError::new(StoreErrorKind::Invalid, "a bad name").with_source(error)
        })?);
    }
    let mut tasks = Vec::new();
    for miner in (0..load.miners).map(MinerUid) {
        for env_id in &envs {
            for episode in 0..load.episodes {
                let mut bytes = [0; 16];
                getrandom::fill(&mut bytes).map_err(invalid)?;
                tasks.push(NewJob {
                    uuid: uuid::Uuid::from_bytes(bytes).hyphenated().to_string(),
                    miner,
                    env_id: env_id.clone(),
                    episode,
                    seed: Seed(u64::from(episode)),
                });
            }
        }
    }
    let miners = (0..load.miners).map(|uid| {
        let mut account = [0; 32];
        account[..2].copy_from_slice(&uid.to_be_bytes());
        CycleMiner {
            uid: MinerUid(uid),
            hotkey: Hotkey::from_account_id(account),
            endpoint: "https://policy.example".to_owned(),
            repo: "user/repo".to_owned(),
            revision: "12345678".to_owned(),
            first_block: None,
        }
    });
    Ok(NewCycle {
        block: BlockNumber(0),
        seed_mode: SeedMode::Paired,
        seed_secret: SeedSecret::draw().map_err(invalid)?,
        episodes_per_env: load.episodes,
        settings: serde_json::Value::Null,
        miners: miners.collect(),
        jobs: tasks,
    })
}

/// Claims and answers tasks until there are no more.
async fn work(store: Arc<dyn Store>, number: u32, batch: u32) -> Result<u64, StoreError> {
    let executor_id = format!("worker-{number}");
    let mut answered = 0;
    loop {
        let claim = Claim {
            executor_id: executor_id.clone(),
            limit: batch,
            env_ids: None,
            lease: Duration::from_secs(300),
        };
        let answers: Vec<Answer> = store
            .claim(&claim)
            .await?
            .into_iter()
            .map(|task| Answer {
                task_uuid: task.uuid,
                lease_token: Some(task.lease_token),
                outcome: Outcome::Success,
                score: 1.0,
                total_reward: 123.456,
                timesteps: 321,
                verification: None,
            })
            .collect();
        if answers.is_empty() {
            return Ok(answered);
        }
        answered += answers.len() as u64;
        store.submit(&executor_id, &answers, &RetryPolicy::default()).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::storage::{DatabaseUrl, connect};
    use super::*;

    #[tokio::test]
    async fn a_measurement_answers_what_it_says_and_wants_an_empty_database() {
        let store: Arc<dyn Store> = Arc::from(connect(&DatabaseUrl::IN_MEMORY).await.unwrap());
        store.init().await.unwrap();
        let load = Load { miners: 3, episodes: 2, workers: 2, batch: 5 };
        let measured = throughput(Arc::clone(&store), load).await.unwrap();
        assert_eq!((measured.tasks, measured.answered), (48, 48));
        let error = throughput(store, load).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Conflict, "{error}");
    }
}
