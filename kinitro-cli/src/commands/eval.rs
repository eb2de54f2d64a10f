use std::sync::Arc;

use kinitro_core::PolicyFaultKind;
use kinitro_eval::report::Video;
use kinitro_eval::{
    CancellationToken, Evaluation, EvaluationReport, HttpPolicy, RandomPolicy, ZeroPolicy,
};
use serde::Serialize;

use crate::args::{EvalArguments, VideoArgument};
use crate::environments::{patterns, registry};
use crate::failure::{Code, Failure};
use crate::output::progress::EvaluationBar;
use crate::output::{json, table, to_stderr, to_stdout};
use crate::session::{STOPPING, end_at_once, interrupted, runtime};

pub(crate) fn run(arguments: &EvalArguments) -> Result<(), Failure> {
    let runtime = runtime()?;
    let evaluation = settle(arguments, runtime.block_on(policy(&arguments.policy))?);
    let report = runtime.block_on(watch(evaluation))?;
    if arguments.json {
        json(&JsonReport { manifest: &report.manifest, summary: &report.summary })?;
    } else {
        show(&report)?;
    }
    if report.stopped {
        let done = report.episodes.len();
        let failure =
            Failure::new(Code::Interrupted, format_args!("stopped after {done} episodes"));
        return Err(match arguments.out {
            Some(_) => failure.hint("run the same command again to finish the missing episodes"),
            None => failure.hint(
                "with --out DIR, running the same command again would finish the missing episodes",
            ),
        });
    }
    if let Some(folder) = &arguments.out {
        to_stderr(format_args!("results are in {}", folder.display()));
    }
    Ok(())
}

#[derive(Serialize)]
struct JsonReport<'a> {
    manifest: &'a kinitro_eval::report::Manifest,
    summary: &'a kinitro_eval::report::Summary,
}

/// An evaluation of the policy that was asked for. One behind HTTP is greeted first, so that a
/// wrong address is said at once and not by every episode.
async fn policy(name: &str) -> Result<Evaluation, Failure> {
    match name {
        "random" => Ok(Evaluation::new(RandomPolicy::new())),
        "zero" => Ok(Evaluation::new(ZeroPolicy::new())),
        "expert" => Ok(Evaluation::of_experts()),
        url if url.contains("://") => {
            let mut policy = HttpPolicy::new(url).map_err(Failure::usage)?;
            match policy.health().await {
                Ok(health) if health.model_loaded == Some(false) => {
                    to_stderr("warning: the policy server says that its model is not loaded yet");
                }
                Ok(_) => {}
                // Nobody is there, or nobody who says a word: no episode would go better.
                Err(fault)
                    if matches!(
                        fault.kind,
                        PolicyFaultKind::Unreachable | PolicyFaultKind::Timeout
                    ) =>
                {
                    return Err(Failure::new(Code::Failed, fault)
                        .hint("start the policy server, or check the address given to --policy"));
                }
                Err(fault) => {
                    to_stderr(format_args!("warning: GET /health: {fault}"));
                }
            }
            Ok(Evaluation::new(policy))
        }
        other => Err(Failure::usage(format_args!("there is no policy `{other}`"))
            .hint("use the URL of a policy server, http://HOST:PORT, or random, zero or expert")),
    }
}

fn settle(arguments: &EvalArguments, evaluation: Evaluation) -> Evaluation {
    let mut evaluation = evaluation
        .registry(registry(arguments.pictures))
        .episodes(arguments.episodes)
        .seed(arguments.seed)
        .action_timeout(arguments.action_timeout);
    // The manifest is for others to read too: a password in the policy's URL stays out of it.
    let name = evaluation.policy_name().to_owned();
    let typed = std::env::args().map(|argument| argument.replace(&arguments.policy, &name));
    evaluation = evaluation.arguments(typed);
    for pattern in arguments.env.iter().flat_map(|list| patterns(list)) {
        evaluation = evaluation.env(pattern);
    }
    for camera in &arguments.camera {
        evaluation = evaluation.camera(camera);
    }
    if let Some(workers) = arguments.workers {
        evaluation = evaluation.workers(workers);
    }
    if let Some(steps) = arguments.max_steps {
        evaluation = evaluation.max_steps(steps);
    }
    if arguments.images || arguments.no_images {
        evaluation = evaluation.images(arguments.images);
    }
    if let Some(folder) = &arguments.out {
        evaluation = evaluation.out(folder);
    }
    if let Some(video) = arguments.video {
        evaluation = evaluation.video(match video {
            VideoArgument::All => Video::All,
            VideoArgument::Failures => Video::Failures,
        });
    }
    evaluation
}

/// Runs an evaluation behind a progress bar. The first ctrl-C stops it and keeps what is done, the
/// second ends the program at once.
pub(super) async fn watch(evaluation: Evaluation) -> Result<EvaluationReport, Failure> {
    let stop = CancellationToken::new();
    let bar = Arc::new(EvaluationBar::new());
    let listener = Arc::clone(&bar);
    let running =
        evaluation.stop(stop.clone()).on_event(move |event| listener.on_event(event)).run();
    tokio::pin!(running);
    let report = tokio::select! {
        report = &mut running => report,
        () = interrupted() => {
            stop.cancel();
            bar.finish();
            to_stderr(STOPPING);
            tokio::select! {
                report = &mut running => report,
                () = interrupted() => end_at_once(),
            }
        }
    };
    bar.finish();
    Ok(report?)
}

fn show(report: &EvaluationReport) -> Result<(), Failure> {
    to_stdout(table::of_summary(&report.summary))?;
    for environment in &report.summary.environments {
        for (kind, detail) in &environment.fault_examples {
            to_stderr(format_args!("{}: {kind}: {detail}", environment.env_id));
        }
    }
    Ok(())
}
