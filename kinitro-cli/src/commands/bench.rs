use kinitro_eval::backend::bench::{Load, Throughput, throughput};
use kinitro_eval::backend::storage::DatabaseUrl;
use kinitro_eval::bench::{self, Comparison, RoundTrip};
use kinitro_eval::env::metaworld::MetaWorld;
use kinitro_eval::report::Machine;
use serde::Serialize;

use crate::args::{RatesArguments, SimArguments, StoreArguments};
use crate::database;
use crate::failure::{Code, Failure};
use crate::output::{json, table, to_stderr, to_stdout};
use crate::session::parallel_runtime;

const TASKS: [&str; 3] = ["reach-v3", "pick-place-v3", "door-open-v3"];

#[derive(Serialize)]
struct Figures {
    machine: Machine,
    comparisons: Vec<Comparison>,
    round_trip: RoundTrip,
}

pub(crate) fn sim(arguments: &SimArguments) -> Result<(), Failure> {
    let family = MetaWorld::default();
    let machine = Machine::this();
    let mut comparisons = Vec::new();
    for task in TASKS {
        to_stderr(format_args!("measuring {task} against the bare physics"));
        comparisons.push(bench::raw_against_bare_physics(&family, task, arguments.rounds)?);
    }
    to_stderr("measuring two threads against one");
    comparisons.push(bench::two_threads_against_one(&family, TASKS[0], arguments.rounds)?);
    to_stderr("measuring pictures");
    let rounds = arguments.rounds.min(5);
    comparisons.push(bench::fast_against_exact_pictures(TASKS[0], rounds)?);
    to_stderr("measuring the way to a policy and back");
    let round_trip = bench::round_trip(&family, TASKS[0])?;
    let figures = Figures { machine, comparisons, round_trip };
    if arguments.json {
        return json(&figures);
    }
    let Machine { cpu, threads, .. } = &figures.machine;
    to_stdout(format_args!("{cpu}, {threads} threads"))?;
    let mut table =
        table::with_headings(1, ["measurement", "per second", "against", "ratio", "from", "to"]);
    for Comparison { name, rate, baseline, ratio, min_ratio, max_ratio, .. } in figures.comparisons
    {
        table.add_row([
            name,
            format!("{rate:.0}"),
            format!("{baseline:.0}"),
            format!("{ratio:.2}"),
            format!("{min_ratio:.2}"),
            format!("{max_ratio:.2}"),
        ]);
    }
    to_stdout(table)?;
    let RoundTrip { p50_ms, p99_ms, actions, .. } = figures.round_trip;
    to_stdout(format_args!(
        "an action from a no-op policy over loopback HTTP: p50 {p50_ms:.3} ms, p99 {p99_ms:.3} ms \
         ({actions} actions, no pictures)"
    ))
}

pub(crate) fn rates(arguments: &RatesArguments) -> Result<(), Failure> {
    json(&bench::rates(&arguments.task)?)
}

pub(crate) fn store(arguments: &StoreArguments) -> Result<(), Failure> {
    // On a disk like the one that results are kept on: folders for temporary files may be memory.
    let folder = tempfile::tempdir_in(".").map_err(|error| {
        Failure::new(Code::Environment, format_args!("no file can be made here: {error}"))
    })?;
    let url = match arguments.database.database_url.as_deref() {
        Some(named) => database::url(Some(named))?,
        None => DatabaseUrl::sqlite(folder.path().join("bench.db")),
    };
    let mut load = Load::default();
    load.workers = arguments.workers;
    load.batch = arguments.batch;
    let measured = parallel_runtime()?.block_on(async {
        let store = database::open(&url).await?;
        store.init().await?;
        throughput(store, load).await
    })?;
    if arguments.json {
        return json(&measured);
    }
    let Throughput {
        tasks, create_seconds, answered, answered_per_second, progress_seconds, ..
    } = measured;
    to_stdout(format_args!("{url}"))?;
    to_stdout(format_args!("{tasks} tasks made in {create_seconds:.2} s"))?;
    to_stdout(format_args!(
        "{answered} tasks claimed and answered, {answered_per_second:.0} a second ({} workers, {} \
         at a time)",
        arguments.workers, arguments.batch
    ))?;
    to_stdout(format_args!("the cycle summed up in {progress_seconds:.2} s"))
}
