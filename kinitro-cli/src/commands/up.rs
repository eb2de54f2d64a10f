use kinitro_eval::backend::scheduler::SchedulerSettings;
use kinitro_eval::backend::storage::Store;
use kinitro_eval::backend::up::Up;
use kinitro_eval::isolation::EpisodeLimits;
use kinitro_eval::{CancellationToken, Registry};

use crate::args::UpArguments;
use crate::backend::{Backend, NETUID, show_end, threads};
use crate::environments::env_ids;
use crate::failure::{Code, Failure};
use crate::output::{log, to_stderr};
use crate::session::{STOPPING, runtime, stop_when_interrupted};

pub(crate) fn run(arguments: &UpArguments) -> Result<(), Failure> {
    log::start(arguments.log_level, arguments.log_format);
    let registry = Registry::builtin();
    let mut scheduler = SchedulerSettings::new(NETUID, env_ids(&registry, None, &arguments.env)?);
    scheduler.hints = crate::hints::of_scheduler;
    scheduler.episodes_per_env = arguments.episodes_per_env;
    scheduler.eval_interval = arguments.eval_interval;
    scheduler.cycle_timeout = arguments.cycle_timeout;
    let limits = EpisodeLimits::default()
        .with_max_timesteps(arguments.max_timesteps)
        .with_images(arguments.images);
    let concurrent = arguments.max_concurrent.map_or_else(threads, usize::from);
    runtime()?.block_on(async {
        let stop = stop_when_interrupted(Some(STOPPING));
        let at = (arguments.host.as_str(), arguments.port);
        let backend = Backend {
            settings: scheduler,
            limits,
            concurrent,
            database: arguments.database_url.as_deref(),
            at,
        };
        let (up, store, _folder) = backend.open(registry, &arguments.policies).await?;
        to_stderr(format_args!("the API is at http://{}", up.local_addr()));
        let worked = work(up, arguments, &*store, &stop).await;
        store.close().await;
        worked
    })
}

async fn work(
    up: Up,
    arguments: &UpArguments,
    store: &dyn Store,
    stop: &CancellationToken,
) -> Result<(), Failure> {
    if !arguments.once {
        return Ok(up.run(stop).await?);
    }
    match up.run_cycle(stop, false, async |_| {}).await? {
        Some(end) => show_end(&end, store, &arguments.policies).await.map(drop),
        None => Err(Failure::new(Code::Interrupted, "stopped")),
    }
}
