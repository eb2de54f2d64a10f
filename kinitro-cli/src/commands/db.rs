use kinitro_eval::backend::storage::{
    self, DatabaseUrl, Overview, PublishedWeights, Store, StoreError,
};
use kinitro_eval::wire::{CycleBody, WeightsBody};
use serde::Serialize;

use crate::args::{DatabaseArguments, DbPruneArguments, DbResetArguments, DbStatusArguments};
use crate::database::{check_schema, url};
use crate::failure::Failure;
use crate::output::{json, to_stdout};
use crate::session::runtime;

pub(crate) fn create(arguments: &DatabaseArguments) -> Result<(), Failure> {
    let url = url(arguments.database_url.as_deref())?;
    let is_new = wait(storage::create(&url))??;
    to_stdout(if is_new {
        format!("Created the database {url}")
    } else {
        format!("The database {url} is there already")
    })
}

pub(crate) fn init(arguments: &DatabaseArguments) -> Result<(), Failure> {
    let url = url(arguments.database_url.as_deref())?;
    wait(async {
        // A file needs no server that somebody must have set up.
        if url.file().is_some() {
            storage::create(&url).await?;
        }
        with_store(&url, async |store| store.init().await).await
    })??;
    to_stdout(format_args!("The tables of {url} are up to date"))
}

pub(crate) fn reset(arguments: &DbResetArguments) -> Result<(), Failure> {
    let url = url(arguments.database.database_url.as_deref())?;
    if !arguments.force {
        let message = format!("this deletes everything in {url}");
        return Err(Failure::usage(message).hint("if that is what you want, say --force"));
    }
    wait(with_store(&url, async |store| store.reset().await))??;
    to_stdout(format_args!("Everything in {url} is deleted, and its tables are made anew"))
}

pub(crate) fn prune(arguments: &DbPruneArguments) -> Result<(), Failure> {
    let url = url(arguments.database.database_url.as_deref())?;
    let deleted = wait(with_store(&url, async |store| {
        check_schema(store).await?;
        store.prune_jobs(arguments.keep_cycles).await
    }))??;
    to_stdout(format_args!(
        "Deleted {deleted} tasks of old cycles; their scores and weights are kept"
    ))
}

#[derive(Serialize)]
struct Status {
    database: String,
    total_cycles: u64,
    failed_cycles: u64,
    total_miners_evaluated: u64,
    last_completed_cycle: Option<CycleBody>,
    current_cycle: Option<CycleBody>,
    latest_weights: Option<WeightsBody>,
}

pub(crate) fn status(arguments: &DbStatusArguments) -> Result<(), Failure> {
    let url = url(arguments.database.database_url.as_deref())?;
    let (overview, weights) = wait(read_status(&url))??;
    let status = Status {
        database: url.to_string(),
        total_cycles: overview.total_cycles,
        failed_cycles: overview.failed_cycles,
        total_miners_evaluated: overview.total_miners_evaluated,
        last_completed_cycle: overview.last_completed_cycle.map(Into::into),
        current_cycle: overview.current_cycle.map(Into::into),
        latest_weights: weights.map(Into::into),
    };
    if arguments.json {
        return json(&status);
    }
    to_stdout(format_args!("Database: {}", status.database))?;
    let failed = status.failed_cycles;
    to_stdout(format_args!("Total evaluation cycles: {} ({failed} failed)", status.total_cycles))?;
    to_stdout(format_args!("Unique miners evaluated: {}", status.total_miners_evaluated))?;
    match &status.last_completed_cycle {
        Some(cycle) => {
            let seconds = cycle.duration_seconds.unwrap_or_default();
            let completed = cycle.completed_at.unwrap_or(cycle.started_at);
            to_stdout(format_args!(
                "Latest completed cycle: {} at block {}, {} miners, {} environments, {completed}, \
                 {seconds:.0} s",
                cycle.id, cycle.block_number, cycle.n_miners, cycle.n_environments,
            ))?;
        }
        None => to_stdout("Latest completed cycle: none")?,
    }
    match &status.current_cycle {
        Some(cycle) => to_stdout(format_args!(
            "Running cycle: {} at block {}, {} miners, since {}",
            cycle.id, cycle.block_number, cycle.n_miners, cycle.started_at,
        ))?,
        None => to_stdout("Running cycle: none")?,
    }
    match &status.latest_weights {
        Some(weights) => {
            to_stdout(format_args!(
                "Latest weights: block {}, {}",
                weights.block, weights.created_at
            ))?;
            for (uid, weight) in weights.weights.iter().filter(|(_, weight)| **weight > 0.0) {
                to_stdout(format_args!("  {uid:>5}  {weight:.6}"))?;
            }
            Ok(())
        }
        None => to_stdout("Latest weights: none"),
    }
}

async fn read_status(
    url: &DatabaseUrl,
) -> Result<(Overview, Option<PublishedWeights>), StoreError> {
    with_store(url, async |store| {
        check_schema(store).await?;
        Ok((store.overview().await?, store.weights(None).await?))
    })
    .await
}

/// Does something with a database, and lets go of it.
async fn with_store<T>(
    url: &DatabaseUrl,
    job: impl AsyncFnOnce(&dyn Store) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let store = storage::connect(url).await?;
    let done = job(&*store).await;
    store.close().await;
    done
}

fn wait<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    Ok(runtime()?.block_on(future))
}
