use std::path::PathBuf;
use std::sync::Arc;

use kinitro_chain::Network;
use kinitro_eval::backend::executor::{Concurrency, Executor, ExecutorReport, ExecutorSettings};
use kinitro_eval::isolation::{EpisodeLimits, InProcess};
use kinitro_eval::policy::http::Reach;
use kinitro_eval::wire::ApiKey;
use kinitro_eval::{CancellationToken, Registry};

use crate::args::{EvalMode, ExecutorArguments};
use crate::failure::{Code, Failure};
use crate::output::{log, to_stderr};
use crate::session::{interrupted, runtime};
use crate::variables::{self, Variable};

pub(crate) fn run(arguments: &ExecutorArguments) -> Result<(), Failure> {
    check(arguments)?;
    let settings = settings(arguments)?;
    let sandbox = InProcess::new(Registry::builtin())
        .with_reach(reach(arguments))
        .with_max_idle(slots(arguments));
    log::start(arguments.log_level, arguments.log_format);
    let report = runtime()?.block_on(async {
        let executor = Executor::open(settings, Arc::new(sandbox)).await?;
        work(executor).await
    })?;
    if report.lost > 0 {
        let lost = report.lost;
        let message = format!("{lost} results were taken neither by the API nor by the disk");
        return Err(Failure::new(Code::Environment, message)
            .hint("make room on the disk of --spool; their tasks will be run again"));
    }
    Ok(())
}

/// Refuses what is not in this version, and mentions what has no effect.
fn check(arguments: &ExecutorArguments) -> Result<(), Failure> {
    if arguments.eval_mode != EvalMode::Local {
        return Err(Failure::usage("containers are not in this version")
            .hint("use --eval-mode local, which runs episodes in this process"));
    }
    if arguments.verification.verification_enabled {
        return Err(Failure::usage("the verification of policies is not in this version")
            .hint("set KINITRO_EXECUTOR_VERIFICATION_ENABLED to false"));
    }
    let for_containers = [
        ("--eval-images", arguments.eval_images.is_some()),
        ("--eval-mem-limit", arguments.eval_mem_limit.is_some()),
        ("--eval-hosts", arguments.eval_hosts.is_some()),
    ];
    for (name, _) in for_containers.iter().filter(|(_, is_set)| *is_set) {
        to_stderr(format_args!(
            "warning: {name} has no effect: containers are not in this version"
        ));
    }
    Ok(())
}

fn settings(arguments: &ExecutorArguments) -> Result<ExecutorSettings, Failure> {
    let spool = match &arguments.spool {
        Some(folder) => folder.clone(),
        None => standard_spool()?,
    };
    let mut settings = ExecutorSettings::new(arguments.api_url.as_str(), spool);
    settings.api_key = variables::KINITRO_EXECUTOR_API_KEY.text().map(ApiKey::new);
    settings.executor_id.clone_from(&arguments.executor_id);
    settings.batch_size = arguments.batch_size as usize;
    settings.poll_interval = arguments.poll_interval;
    settings.families = arguments.env_families.as_ref().map(|names| names.0.clone());
    settings.env_ids = arguments.env_ids.as_ref().map(|names| names.0.clone());
    settings.drain_timeout = std::time::Duration::from_secs(arguments.drain_timeout);
    settings.limits = EpisodeLimits::default()
        .with_max_timesteps(arguments.max_timesteps)
        .with_action_timeout(arguments.action_timeout)
        .with_episode_timeout(arguments.eval_timeout)
        .with_images(arguments.use_images);
    if arguments.concurrent {
        settings.concurrency = Concurrency::PerFamily {
            default: arguments.max_concurrent as usize,
            families: arguments.max_concurrent_per_family.clone().unwrap_or_default(),
        };
    }
    Ok(settings)
}

/// How many episodes may run at once in the family that may have most.
fn slots(arguments: &ExecutorArguments) -> usize {
    if !arguments.concurrent {
        // A few, since an environment is often asked for again.
        return 4;
    }
    let families =
        arguments.max_concurrent_per_family.iter().flat_map(|families| families.values());
    families.copied().max().unwrap_or_default().max(arguments.max_concurrent as usize)
}

fn reach(arguments: &ExecutorArguments) -> Reach {
    let reach = if arguments.allow_private_endpoints { Reach::anywhere() } else { Reach::public() };
    if arguments.network == Network::Finney { reach.https_only() } else { reach }
}

fn standard_spool() -> Result<PathBuf, Failure> {
    let absolute =
        |variable: Variable| variable.value().map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute(variables::XDG_DATA_HOME)
        .or_else(|| absolute(variables::HOME).map(|home| home.join(".local/share")))
        .ok_or_else(|| {
            Failure::usage("there is no place for results: neither XDG_DATA_HOME nor HOME is set")
                .hint("name a folder with --spool")
        })?;
    Ok(data.join("kinitro/executor"))
}

/// Lets the executor work. The first signal lets it come to an end, the second ends the program.
async fn work(executor: Executor) -> Result<ExecutorReport, Failure> {
    let stop = CancellationToken::new();
    let working = executor.run(&stop);
    tokio::pin!(working);
    let report = tokio::select! {
        report = &mut working => report,
        () = interrupted() => {
            stop.cancel();
            tokio::select! {
                report = &mut working => report,
                () = interrupted() => {
                    return Err(Failure::new(Code::Interrupted, "stopped at once")
                        .hint("results that the API has not taken are kept for the next run"));
                }
            }
        }
    };
    Ok(report?)
}
