use std::sync::Arc;
use std::time::Duration;

use kinitro_eval::backend::api::{Access, ApiServer, ApiSettings};
use kinitro_eval::backend::storage::{DatabaseUrl, Store};
use kinitro_eval::wire::ApiKey;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::ApiArguments;
use crate::database::{self, prepare};
use crate::failure::{Code, Failure};
use crate::output::log;
use crate::session::parallel_runtime;
use crate::variables;

/// How long to wait before a database that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(2);

pub(crate) fn run(arguments: &ApiArguments) -> Result<(), Failure> {
    let access = access(arguments.no_auth)?;
    let url = database::service_url(arguments.database_url.as_deref())?;
    log::start(arguments.log_level, arguments.log_format);
    let mut settings = ApiSettings::new(access);
    settings.lease = arguments.task_stale_threshold;
    settings.rate_limit = (arguments.rate_limit > 0).then_some(arguments.rate_limit);
    settings.trust_proxy = arguments.trust_proxy;
    parallel_runtime()?.block_on(serve((arguments.host.as_str(), arguments.port), &url, settings))
}

fn access(no_auth: bool) -> Result<Access, Failure> {
    let key = variables::KINITRO_API_API_KEY.text();
    match (no_auth, key) {
        (true, _) => Ok(Access::open()),
        (false, Some(key)) => match Access::key(&ApiKey::new(key)) {
            Ok(access) => Ok(access),
            Err(error) => Err(Failure::usage(format_args!(
                "{}: {error}",
                variables::KINITRO_API_API_KEY.name
            ))
            .hint("`openssl rand -hex 32` makes a good one")),
        },
        (false, None) => {
            Err(Failure::usage("there is no API key for executors to show").hint(format_args!(
                "set {}, or let everybody in with --no-auth",
                variables::KINITRO_API_API_KEY.name
            )))
        }
    }
}

async fn serve(
    address: (&str, u16),
    url: &DatabaseUrl,
    settings: ApiSettings,
) -> Result<(), Failure> {
    let store = database::open(url).await?;
    let served = serve_from(&store, address, url, settings).await;
    store.close().await;
    served
}

async fn serve_from(
    store: &Arc<dyn Store>,
    address: (&str, u16),
    url: &DatabaseUrl,
    settings: ApiSettings,
) -> Result<(), Failure> {
    match prepare(&**store).await {
        Ok(()) => {}
        Err(error) if error.is_transient() => {
            tracing::warn!(%error, "the database does not answer yet: requests get 503");
            tokio::spawn(prepare_later(Arc::clone(store)));
        }
        Err(error) => return Err(error.into()),
    }
    let is_open = settings.access.is_open();
    let server = ApiServer::bind(address, Arc::clone(store), settings).await.map_err(|error| {
        let (host, port) = address;
        Failure::new(Code::Environment, format_args!("cannot listen on {host}:{port}: {error}"))
            .hint("choose another with --host and --port")
    })?;
    tracing::info!(address = %server.local_addr(), database = %url, "the API listens");
    if is_open {
        tracing::warn!("everybody can fetch and submit tasks (--no-auth)");
    }
    let (mut terminate, mut interrupt) = signals()?;
    server
        .serve(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
        .await;
    tracing::info!("the API has stopped");
    Ok(())
}

type Signals = (tokio::signal::unix::Signal, tokio::signal::unix::Signal);

fn signals() -> Result<Signals, Failure> {
    let of = |kind| signal(kind).map_err(|error| Failure::new(Code::Environment, error));
    Ok((of(SignalKind::terminate())?, of(SignalKind::interrupt())?))
}

async fn prepare_later(store: Arc<dyn Store>) {
    loop {
        tokio::time::sleep(RETRY).await;
        match prepare(&*store).await {
            Ok(()) => return tracing::info!("the database answers"),
            Err(error) if error.is_transient() => {}
            Err(error) => tracing::error!(%error, "the database cannot be used"),
        }
    }
}
