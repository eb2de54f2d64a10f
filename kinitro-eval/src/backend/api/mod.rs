//! The REST API over a [`Store`].
//!
//! An instance keeps no state of its own that matters: any number of them on one database behave as
//! one.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use kinitro_eval::backend::api::{Access, ApiSettings, ApiServer};
//! use kinitro_eval::backend::storage::{DatabaseUrl, connect};
//! use kinitro_eval::wire::ApiKey;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = connect(&"postgresql://kinitro@localhost/kinitro".parse()?).await?;
//! let settings = ApiSettings::new(Access::key(&ApiKey::new("a long random text"))?);
//! let server = ApiServer::bind("0.0.0.0:8000", Arc::from(store), settings).await?;
//! let interrupted = async { drop(tokio::signal::ctrl_c().await) };
//! server.serve(interrupted).await;
//! # Ok(())
//! # }
//! ```

mod access;
mod connections;
mod convert;
mod guard;
mod metrics;
mod openapi;
mod rate;
mod refusal;
mod routes;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, ToSocketAddrs};

pub use access::{Access, WeakKey};
pub use openapi::document as openapi_document;

use self::metrics::Metrics;
use self::rate::RateLimiter;
use super::storage::{RetryPolicy, Store};

/// How often expired leases are taken back.
const SWEEP: Duration = Duration::from_secs(1);

/// How an API behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiSettings {
    /// Who may fetch and submit tasks.
    pub access: Access,
    /// How long an executor may work on a task without renewing its lease. 300 s.
    pub lease: Duration,
    /// How often, and after how long, a task is tried again that could not be run.
    pub retry: RetryPolicy,
    /// The most requests a second from one client without the key, in bursts of up to twice as many;
    /// `None` for any number. 50.
    pub rate_limit: Option<u32>,
    /// Whether the last address in `X-Forwarded-For` is the client's. Only behind a proxy that no
    /// client can get around.
    pub trust_proxy: bool,
    /// The longest that a request may take, including its body. 30 s.
    pub request_timeout: Duration,
    /// How long running requests may take to finish once the server was told to stop. 30 s.
    pub grace: Duration,
    /// The longest body of a request, in bytes. 4 MiB.
    pub max_body: usize,
    /// The most connections at a time; further ones wait. 1024.
    pub max_connections: usize,
}

impl ApiSettings {
    /// The defaults, with this access.
    pub fn new(access: Access) -> Self {
        Self {
            access,
            lease: Duration::from_secs(300),
            retry: RetryPolicy::default(),
            rate_limit: Some(50),
            trust_proxy: false,
            request_timeout: Duration::from_secs(30),
            grace: Duration::from_secs(30),
            max_body: 4 * 1024 * 1024,
            max_connections: 1024,
        }
    }
}

/// What all requests share.
struct Api {
    store: Arc<dyn Store>,
    settings: ApiSettings,
    metrics: Metrics,
    limiter: Option<RateLimiter>,
    pending: routes::PendingCount,
}

/// An API whose socket is open. It answers once it [serves](Self::serve).
pub struct ApiServer {
    listener: TcpListener,
    address: SocketAddr,
    api: Arc<Api>,
}

impl std::fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiServer").field("address", &self.address).finish_non_exhaustive()
    }
}

impl ApiServer {
    /// Listens on an address. Port 0 means any free port.
    ///
    /// # Errors
    /// When the address is in use, is not one of this machine, or needs more privileges.
    pub async fn bind(
        address: impl ToSocketAddrs,
        store: Arc<dyn Store>,
        settings: ApiSettings,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let api = Arc::new(Api {
            limiter: settings.rate_limit.map(RateLimiter::new),
            metrics: Metrics::new(),
            pending: routes::PendingCount::default(),
            store,
            settings,
        });
        Ok(Self { listener, address, api })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests and takes back expired leases until `shutdown` completes. Requests that are
    /// running then are still answered, within [`ApiSettings::grace`].
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listener, api, .. } = self;
        let sweeper = tokio::spawn(sweep(Arc::clone(&api)));
        connections::serve(listener, router(Arc::clone(&api)), &api.settings, shutdown).await;
        sweeper.abort();
    }
}

fn router(api: Arc<Api>) -> Router {
    routes::router()
        .layer(axum::extract::DefaultBodyLimit::max(api.settings.max_body))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&api), guard::guard))
        .with_state(api)
}

async fn sweep(api: Arc<Api>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        match api.store.expire_leases(&api.settings.retry).await {
            Ok(expired) => {
                let (returned, failed) = (expired.returned, expired.failed);
                if returned + failed > 0 {
                    tracing::warn!(returned, failed, "leases ran out");
                    api.metrics.leases_expired(returned + failed);
                }
                is_failing = false;
            }
            // Once is enough: the requests say it too.
            Err(error) if is_failing => tracing::debug!(%error, "leases cannot be looked at"),
            Err(error) => {
                tracing::warn!(%error, "leases cannot be looked at");
                is_failing = true;
            }
        }
    }
}
