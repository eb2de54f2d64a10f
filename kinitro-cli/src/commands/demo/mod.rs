//! A subnet in small: four miners with real policy servers, a chain in memory, and one cycle of the
//! whole backend in real simulation.

mod rehearsal;

use kinitro_core::NetUid;
use kinitro_eval::backend::scheduler::{CycleEnd, SchedulerSettings};
use kinitro_eval::backend::storage::Store;
use kinitro_eval::isolation::EpisodeLimits;
use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::{CancellationToken, Policy, RandomPolicy, Registry};
use tokio::task::JoinHandle;

use self::rehearsal::Rehearsal;
use crate::args::{DemoArguments, NamedPolicy};
use crate::backend::{Backend, show_end, threads, with_progress};
use crate::environments::env_ids;
use crate::failure::{Code, Failure};
use crate::output::{log, to_stderr, to_stdout};
use crate::session::{STOPPING, runtime, stop_when_interrupted};

const ENVIRONMENTS: &str = "metaworld/{reach,push,pick-place}-v3";

/// Steps of an episode: half of what MetaWorld gives, and more than the expert needs.
const MAX_STEPS: u32 = 250;

/// How far the noisy expert's hand is pushed off its way, of all the way that it has in a step.
const NOISE: f64 = 2.0;

pub(crate) fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    log::start(log::LogLevel::Warning, log::LogFormat::Text);
    runtime()?.block_on(async {
        let stop = stop_when_interrupted(Some(STOPPING));
        hold(arguments, &stop).await
    })
}

async fn hold(arguments: &DemoArguments, stop: &CancellationToken) -> Result<(), Failure> {
    let registry = Registry::builtin();
    let expert = Rehearsal::new(registry.clone(), "expert", 0.0);
    let noisy = Rehearsal::new(registry.clone(), "noisy_expert", NOISE);
    let closed = CancellationToken::new();
    // In the order of their commitments.
    let servers = [
        serve("expert", expert.clone(), &closed).await?,
        serve("noisy_expert", noisy, &closed).await?,
        serve("random", RandomPolicy::new(), &closed).await?,
        serve("copy_of_expert", expert, &closed).await?,
    ];
    let (policies, serving): (Vec<NamedPolicy>, Vec<_>) = servers.into_iter().unzip();

    let env_ids = env_ids(&registry, None, &[ENVIRONMENTS.to_owned()])?;
    let mut settings = SchedulerSettings::new(NetUid::ROOT, env_ids);
    settings.hints = crate::hints::of_scheduler;
    settings.episodes_per_env = arguments.episodes;
    let limits = EpisodeLimits::default()
        .with_max_timesteps(MAX_STEPS)
        // A laptop that is busy with everything at once is no policy's fault.
        .with_action_timeout(std::time::Duration::from_secs(5))
        .with_reset_timeout(std::time::Duration::from_secs(30))
        .with_images(false);
    let at = ("127.0.0.1", arguments.port);
    let backend = Backend { settings, limits, concurrent: threads(), database: None, at };
    let (up, store, _folder) = backend.open(registry, &policies).await?;
    let url = format!("http://{}", up.local_addr());
    to_stderr(format_args!("four miners have committed; the API is at {url}"));

    let mut shown = Ok(());
    let cycle = up.run_cycle(stop, arguments.keep, async |end| {
        shown = show(end, &*store, &policies).await;
        if shown.is_ok() && arguments.keep {
            to_stderr(format_args!("the API stays at {url}/v1/scores/latest until ctrl-C"));
        }
    });
    let end = with_progress(&*store, cycle).await;
    closed.cancel();
    for server in serving {
        // It was told to end, and has nothing to say.
        let _ = server.await;
    }
    if end?.is_none() {
        return Err(Failure::new(Code::Interrupted, "stopped"));
    }
    shown
}

/// Puts a policy behind HTTP on a port of this machine.
async fn serve<P: Policy + Clone + Sync + 'static>(
    name: &str,
    policy: P,
    closed: &CancellationToken,
) -> Result<(NamedPolicy, JoinHandle<std::io::Result<()>>), Failure> {
    let server = PolicyServer::bind("127.0.0.1:0").await.map_err(|error| {
        Failure::new(Code::Environment, format_args!("no policy server can be started: {error}"))
    })?;
    let url = format!("http://{}", server.local_addr());
    let closed = closed.clone();
    let serving = tokio::spawn(server.serve(policy, async move { closed.cancelled().await }));
    Ok((NamedPolicy { name: name.to_owned(), url }, serving))
}

async fn show(end: &CycleEnd, store: &dyn Store, policies: &[NamedPolicy]) -> Result<(), Failure> {
    let result = show_end(end, store, policies).await?;
    let copied = result.points("copy_of_expert");
    if copied != Some(0.0) {
        let points = copied.unwrap_or_default();
        let message = format!("the copy got {points} points, and should have none");
        return Err(Failure::new(Code::Failed, message));
    }
    to_stdout(
        "\nThe copy is as good as the expert, on the very same tasks, and committed later: it wins\n\
         nothing. Anybody can check the seeds of those tasks:",
    )?;
    if let Some(proof) = result.proof() {
        to_stdout(format_args!("  {proof}"))?;
    }
    to_stdout(
        "Try your own policy with\n  kinitro up --once --policy mine=http://HOST:PORT --env \
         'metaworld/*'",
    )
}
