use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kinitro_chain::subtensor::Settings;
use kinitro_chain::{Chain as _, Subtensor};
use kinitro_core::crypto::{PrivateKey, load_private_key};
use kinitro_core::scoring::{ParetoSubsets, PointScale, Scheme};
use kinitro_core::{EnvId, Seed};
use kinitro_eval::backend::scheduler::{Scheduler, SchedulerSettings, SeedProof};
use kinitro_eval::backend::storage::{DatabaseUrl, SeedMode, Store};
use kinitro_eval::{CancellationToken, Registry};
use serde::Serialize;
use tracing::{info, warn};

use crate::args::{PointsName, SchedulerArguments, SchemeName, SeedModeName, VerifySeedsArguments};
use crate::database::{self, prepare};
use crate::environments::env_ids;
use crate::failure::{Code, Failure};
use crate::output::{json, log, table, to_stdout};
use crate::session::{runtime, stop_when_interrupted};
use crate::variables;

/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &SchedulerArguments) -> Result<(), Failure> {
    let url = database::service_url(arguments.database_url.as_deref())?;
    let settings = settings(arguments)?;
    log::start(arguments.log_level, arguments.log_format);
    runtime()?.block_on(async {
        let stop = stop_when_interrupted(None);
        tokio::select! {
            biased;
            opened = open(arguments, &url, settings) => {
                let (scheduler, store) = opened?;
                let worked = work(&scheduler, arguments.once, &stop).await;
                store.close().await;
                worked
            }
            () = stop.cancelled() => Err(stopped()),
        }
    })
}

fn stopped() -> Failure {
    Failure::new(Code::Interrupted, "stopped")
}

async fn open(
    arguments: &SchedulerArguments,
    url: &DatabaseUrl,
    settings: SchedulerSettings,
) -> Result<(Scheduler, Arc<dyn Store>), Failure> {
    let store = database::open(url).await?;
    while let Err(error) = prepare(&*store).await {
        if !error.is_transient() {
            return Err(error.into());
        }
        warn!(%error, "the database does not answer yet");
        tokio::time::sleep(RETRY).await;
    }
    let mut chain = Settings::default();
    chain.timeout = Duration::from_secs(arguments.timeout);
    let chain = Subtensor::connect_with(arguments.network.clone(), chain).await?;
    info!(
        database = %url,
        network = %chain.network(),
        netuid = settings.netuid.0,
        environments = settings.env_ids.len(),
        "scheduler"
    );
    if settings.private_key.is_none() {
        info!("there is no private key: miners with sealed endpoints cannot be judged");
    }
    Ok((Scheduler::new(settings, Arc::new(chain), Arc::clone(&store))?, store))
}

async fn work(scheduler: &Scheduler, once: bool, stop: &CancellationToken) -> Result<(), Failure> {
    if !once {
        scheduler.run(stop).await;
        return Ok(());
    }
    let end = scheduler.run_cycle(stop).await?.ok_or_else(stopped)?;
    match end.failure {
        None => to_stdout(format_args!("cycle {} is completed", end.id)),
        Some(reason) => {
            let failure = Failure::new(Code::Failed, format_args!("cycle {}: {reason}", end.id));
            Err(failure.hint("give it more time or executors, or less to do"))
        }
    }
}

fn settings(arguments: &SchedulerArguments) -> Result<SchedulerSettings, Failure> {
    let registry = Registry::builtin();
    let env_ids = env_ids(&registry, arguments.env_families.as_deref(), &arguments.env)?;
    let mut settings = SchedulerSettings::new(arguments.netuid, env_ids);
    settings.private_key = private_key(arguments.backend_private_key_file.as_deref())?;
    settings.eval_interval = arguments.eval_interval;
    settings.episodes_per_env = arguments.episodes_per_env;
    settings.cycle_timeout = arguments.cycle_timeout;
    settings.min_coverage = arguments.min_coverage;
    settings.seed_mode = match arguments.seed_mode {
        SeedModeName::Paired => SeedMode::Paired,
        SeedModeName::PerTask => SeedMode::PerTask,
    };
    let weighting = ParetoSubsets::new()
        .temperature(arguments.pareto_temperature)
        .points(match arguments.points {
            PointsName::Raw => PointScale::Raw,
            PointsName::Share => PointScale::Share,
        })
        .scheme(match arguments.scheme {
            SchemeName::Linear => Scheme::Linear,
            SchemeName::Exponential => Scheme::Exponential,
            SchemeName::Equal => Scheme::Equal,
        });
    settings.weighting = Arc::new(weighting);
    settings.hints = crate::hints::of_scheduler;
    settings.stale_threshold = arguments.task_stale_threshold;
    settings.poll_interval = arguments.poll_interval;
    Ok(settings)
}

fn private_key(file: Option<&Path>) -> Result<Option<PrivateKey>, Failure> {
    let text = variables::KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY.text();
    match (file, text) {
        (Some(_), Some(_)) => Err(Failure::usage(format_args!(
            "the private key is given twice, in {} and as a file: leave one of them out",
            variables::KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY.name
        ))),
        (Some(file), None) => Ok(Some(load_private_key(file)?)),
        (None, Some(text)) => PrivateKey::from_hex(&text).map(Some).map_err(|error| {
            Failure::usage(error)
                .hint("the variable holds what `kinitro crypto generate-keypair` has written")
        }),
        (None, None) => Ok(None),
    }
}

#[derive(Serialize)]
struct EpisodeSeed<'a> {
    env_id: &'a EnvId,
    episode: u32,
    seed: Seed,
}

pub(crate) fn verify_seeds(arguments: &VerifySeedsArguments) -> Result<(), Failure> {
    let proof = SeedProof::new(&arguments.secret, &arguments.commitment)?;
    let seeds: Vec<EpisodeSeed<'_>> = arguments
        .env
        .iter()
        .flat_map(|env_id| {
            let seed = move |episode| (episode, proof.seed(env_id, episode));
            let seeds = (0..arguments.episodes).map(seed);
            seeds.map(move |(episode, seed)| EpisodeSeed { env_id, episode, seed })
        })
        .collect();
    if arguments.json {
        return json(&seeds);
    }
    to_stdout("this is the secret that was promised")?;
    if seeds.is_empty() {
        return Ok(());
    }
    let mut rows = table::with_headings(1, ["environment", "episode", "seed"]);
    for EpisodeSeed { env_id, episode, seed } in seeds {
        rows.add_row([env_id.to_string(), episode.to_string(), seed.to_string()]);
    }
    to_stdout(rows)
}
