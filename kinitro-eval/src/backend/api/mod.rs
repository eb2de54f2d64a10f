//! The REST API over a [`Store`].
//!
//! It keeps nothing to itself that matters: any number of instances on one database behave as one.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use kinitro_eval::backend::api::{Access, ApiConfig, ApiServer};
//! use kinitro_eval::backend::storage::{DatabaseUrl, connect};
//! use kinitro_eval::wire::ApiKey;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let store = connect(&"postgresql://kinitro@localhost/kinitro".parse()?).await?;
//! let config = ApiConfig::new(Access::key(&ApiKey::new("a long random text"))?);
//! let server = ApiServer::bind("0.0.0.0:8000", Arc::from(store), config).await?;
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

/// How often leases that ran out are taken back.
const SWEEP: Duration = Duration::from_secs(1);

/// How an API behaves.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Who may fetch and submit tasks.
    pub access: Access,
    /// How long a task is an executor's own unless it renews the lease. 300 seconds.
    pub lease: Duration,
    /// How tasks are tried again that broke down.
    pub retry: RetryPolicy,
    /// How many requests a second a client without the key may send, in bursts of twice as many;
    /// any number when `None`. 50.
    pub rate_limit: Option<u32>,
    /// The last address in `X-Forwarded-For` is the client's: there is a proxy in front, and nobody
    /// gets past it.
    pub trust_proxy: bool,
    /// How long a request may take, its body included. 30 seconds.
    pub request_timeout: Duration,
    /// How long requests may go on after the server was told to stop. 30 seconds.
    pub grace: Duration,
    /// The longest body, in bytes. 4 MiB.
    pub max_body: usize,
    /// How many connections may be open; further ones wait. 1024.
    pub max_connections: usize,
}

impl ApiConfig {
    /// The defaults, for those who have this access.
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
    config: ApiConfig,
    metrics: Metrics,
    limiter: Option<RateLimiter>,
    pending: routes::PendingCount,
}

/// An API that listens and does not answer yet.
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
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken, not of this machine or not allowed.
    pub async fn bind(
        address: impl ToSocketAddrs,
        store: Arc<dyn Store>,
        config: ApiConfig,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let api = Arc::new(Api {
            limiter: config.rate_limit.map(RateLimiter::new),
            metrics: Metrics::new(),
            pending: routes::PendingCount::default(),
            store,
            config,
        });
        Ok(Self { listener, address, api })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers, and takes back leases that ran out, until `shutdown` is ready. Requests that are
    /// then under way are answered, if they are within [`ApiConfig::grace`].
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) {
        let Self { listener, api, .. } = self;
        let sweeper = tokio::spawn(sweep(Arc::clone(&api)));
        connections::serve(listener, router(Arc::clone(&api)), &api.config, shutdown).await;
        sweeper.abort();
    }
}

fn router(api: Arc<Api>) -> Router {
    routes::router()
        .layer(axum::extract::DefaultBodyLimit::max(api.config.max_body))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&api), guard::guard))
        .with_state(api)
}

async fn sweep(api: Arc<Api>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        match api.store.expire_leases(&api.config.retry).await {
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
