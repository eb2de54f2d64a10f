//! The REST API over a [`Store`].
//!
//! An instance keeps no state that matters: any number of instances on one database behave as one.
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

/// How often expired leases are revoked.
const SWEEP: Duration = Duration::from_secs(1);

/// The settings of an API server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ApiSettings {
    /// Who may fetch jobs and submit results.
    pub access: Access,
    /// How long an executor may work on a job without renewing its lease. Default: 300 s.
    pub lease: Duration,
    /// How often, and after what delay, a job that could not be run is retried.
    pub retry: RetryPolicy,
    /// The most requests per second from one client without the key, with bursts of twice as many;
    /// `None` for no limit. Default: 50.
    pub rate_limit: Option<u32>,
    /// Whether to take the last address in `X-Forwarded-For` for the client's. Enable this only
    /// behind a proxy that clients cannot bypass. Default: `false`.
    pub trust_proxy: bool,
    /// The longest that a request may take, including its body. Default: 30 s.
    pub request_timeout: Duration,
    /// How long running requests may take to finish after a shutdown was requested. Default: 30 s.
    pub grace: Duration,
    /// The largest request body, in bytes. Default: 4 MiB.
    pub max_body: usize,
    /// The most connections at a time; further ones wait. Default: 1024.
    pub max_connections: usize,
}

impl ApiSettings {
    /// The default settings, with this access.
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

/// The state that all requests share.
struct Api {
    store: Arc<dyn Store>,
    settings: ApiSettings,
    metrics: Metrics,
    limiter: Option<RateLimiter>,
    pending: routes::PendingCount,
}

/// An API server whose socket is bound. It answers once [`serve`](Self::serve) runs.
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
    /// Binds an address. Port 0 takes any free port.
    ///
    /// # Errors
    /// When the address is in use, does not belong to this machine, or needs more privileges.
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

    /// The address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests and revokes expired leases until `shutdown` completes. Requests that are
    /// running by then get [`ApiSettings::grace`] to finish.
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
            // Logged once: failing requests report it too.
            Err(error) if is_failing => tracing::debug!(%error, "leases cannot be looked at"),
            Err(error) => {
                tracing::warn!(%error, "leases cannot be looked at");
                is_failing = true;
            }
        }
    }
}
