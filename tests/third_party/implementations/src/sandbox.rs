//! `Sandbox`.

use std::time::Instant;

use kinitro_eval::env::{EnvironmentError, Registry};
use kinitro_eval::episode::{EpisodeOptions, EpisodeRecord, run_episode};
use kinitro_eval::isolation::{EpisodeJob, EpisodeResult, Sandbox, SandboxError};
use kinitro_eval::kinitro_core::{EnvId, Outcome, PolicyFault, PolicyFaultKind};
use kinitro_eval::policy::TimeLimits;
use kinitro_eval::{CancellationToken, Policy, async_trait};
use tokio::sync::oneshot;

use crate::{Broken, Slow, Still, Walker};

/// Runs each episode on a thread of its own, with a policy that the endpoint names.
#[derive(Debug)]
pub struct Threads {
    registry: Registry,
}

impl Threads {
    pub fn new(registry: Registry) -> Self {
        Self { registry }
    }
}

fn policy(endpoint: &str) -> Result<Box<dyn Policy>, PolicyFault> {
    match endpoint {
        "walker" => Ok(Box::new(Walker::default())),
        "still" => Ok(Box::new(Still)),
        "broken" => Ok(Box::new(Broken)),
        "slow" => Ok(Box::new(Slow)),
        other => {
            let detail = format!("there is no policy `{other}`");
            Err(PolicyFault::new(PolicyFaultKind::Unreachable, detail))
        }
    }
}

fn play(
    registry: &Registry,
    job: &EpisodeJob,
    mut policy: Box<dyn Policy>,
    stop: &CancellationToken,
) -> Result<EpisodeRecord, EnvironmentError> {
    let broken = |error: std::io::Error| EnvironmentError::Simulation(error.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(broken)?;
    let mut environment = registry.make(&job.env_id)?;
    let scenario = environment.generate_scenario(job.seed)?;
    let cameras = environment.spec().cameras.clone().into_iter();
    let cameras = cameras.filter(|_| job.limits.use_images && policy.uses_images());
    let options = EpisodeOptions::default()
        .with_max_steps(job.limits.max_timesteps)
        .with_limits(TimeLimits::new(job.limits.reset_timeout, job.limits.action_timeout))
        .with_cameras(cameras.map(|camera| camera.name));
    let (world, policy) = (environment.as_mut(), policy.as_mut());
    runtime.block_on(run_episode(world, policy, &scenario, &options, stop, || {}))
}

#[async_trait]
impl Sandbox for Threads {
    async fn environments(&self) -> Result<Vec<EnvId>, SandboxError> {
        Ok(self.registry.env_ids())
    }

    async fn run(
        &self,
        job: &EpisodeJob,
        stop: &CancellationToken,
    ) -> Result<EpisodeResult, SandboxError> {
        let started = Instant::now();
        self.registry.spec(&job.env_id)?;
        let policy = match policy(&job.endpoint) {
            Ok(policy) => policy,
            Err(fault) => return Ok(EpisodeResult::without_steps(fault, started.elapsed())),
        };
        let halt = stop.child_token();
        let _halt_when_dropped = halt.clone().drop_guard();
        let (report, reported) = oneshot::channel();
        let (registry, own_job, own_halt) = (self.registry.clone(), job.clone(), halt.clone());
        std::thread::Builder::new().spawn(move || {
            // If the future was dropped, nothing is waiting any more.
            let _ = report.send(play(&registry, &own_job, policy, &own_halt));
        })?;
        let limit = job.limits.episode_timeout;
        let mut is_late = false;
        tokio::pin!(reported);
        let ending = tokio::select! {
            ending = &mut reported => ending,
            () = tokio::time::sleep(limit) => {
                is_late = true;
                halt.cancel();
                reported.await
            }
        };
        let gone = |_| EnvironmentError::Simulation("its thread has ended".to_owned());
        let record = ending.map_err(gone)??;
        let outcome = match record.outcome {
            Outcome::Cancelled if is_late && !stop.is_cancelled() => {
                let detail = format!("the episode was not over after {} s", limit.as_secs_f64());
                PolicyFault::new(PolicyFaultKind::Timeout, detail).into()
            }
            outcome => outcome,
        };
        Ok(EpisodeResult::new(outcome, record.steps, record.total_reward, started.elapsed()))
    }

    async fn close(&self) {}
}
