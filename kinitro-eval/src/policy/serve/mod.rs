//! A policy server: puts any [`Policy`] behind the HTTP protocol that
//! [`HttpPolicy`](super::http::HttpPolicy) speaks.

mod sessions;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kinitro_core::{Observation, TaskConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::net::{TcpListener, ToSocketAddrs};

use self::sessions::{Listener, Peer, Sessions};
use super::wire::{ActAnswer, ActRequest, DecodeError, Format, ResetRequest};
use super::{EpisodeStart, Policy};
use crate::env::Registry;

/// The largest request body, in bytes: room for a few pictures.
const MAX_REQUEST: usize = 16 * 1024 * 1024;
/// How long requests may take to finish after a shutdown was requested.
const GRACE: Duration = Duration::from_secs(5);
/// How long it may take to notice that a connection has closed.
const CLOSING: Duration = Duration::from_millis(10);

/// A policy server whose socket is bound. It answers once [`serve`](Self::serve) runs.
///
/// It answers `GET /health`, `POST /reset` and `POST /act`, each in the format of the request:
/// `application/json`, the default, or `application/msgpack`. Errors are `{"detail": ...}` in JSON:
/// 400 for a malformed body, 409 for an action without a reset, 413 for a body over 16 MiB, 415 for
/// another format, 422 for a body that does not follow the protocol, and 500 when the policy fails.
///
/// # Episodes
/// The protocol has no sessions, but one server may serve several episodes at a time. They are told
/// apart by their connections: the first reset over a connection gives it its own policy, which
/// acts for it until it closes. A connection that starts with an action continues the last episode
/// that the same machine played over a connection that has since closed. This supports clients that
/// open a connection for every request, one such client per machine at a time. A proxy that mixes
/// the requests of several clients on its own connections also mixes their episodes.
///
/// At most 256 episodes are kept. An episode is dropped after ten idle minutes, or one minute after
/// its connection closed.
///
/// # What the policy is told
/// The protocol names the environment but does not describe it. The server looks up its
/// specification in a [registry](Self::with_registry); if the environment is not registered,
/// [`EpisodeStart::spec`] is `None`.
///
/// ```no_run
/// # async fn example(policy: kinitro_eval::ZeroPolicy) -> std::io::Result<()> {
/// use kinitro_eval::policy::serve::PolicyServer;
///
/// let server = PolicyServer::bind("127.0.0.1:8000").await?;
/// let interrupted = async { drop(tokio::signal::ctrl_c().await) };
/// server.serve(policy, interrupted).await
/// # }
/// ```
#[derive(Debug)]
pub struct PolicyServer {
    listener: TcpListener,
    address: SocketAddr,
    registry: Registry,
}

impl PolicyServer {
    /// Binds an address. Port 0 takes any free port.
    ///
    /// # Errors
    /// When the address is in use, does not belong to this machine, or needs more privileges.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, registry: Registry::builtin() })
    }

    /// The same, with environments looked up in this registry instead of the
    /// [built-in](Registry::builtin) one.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// The address that the server listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` completes. Requests in progress then have five seconds to
    /// finish. Each episode gets a clone of the policy.
    ///
    /// # Errors
    /// When the listening socket fails.
    pub async fn serve<P>(
        self,
        policy: P,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>
    where
        P: Policy + Clone + 'static,
    {
        self.serve_each(move || policy.clone(), shutdown).await
    }

    /// Like [`serve`](Self::serve), for policies that cannot be cloned: each episode gets a policy
    /// from the factory.
    ///
    /// # Errors
    /// When the listening socket fails.
    pub async fn serve_each<P>(
        self,
        make: impl Fn() -> P + Send + 'static,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()>
    where
        P: Policy + 'static,
    {
        let service = router(make, self.registry).into_make_service_with_connect_info::<Peer>();
        let (stopping, stopped) = tokio::sync::oneshot::channel();
        let shutdown = async move {
            shutdown.await;
            // The receiver is gone if the server has already ended.
            let _ = stopping.send(());
        };
        let server = axum::serve(Listener(self.listener), service).with_graceful_shutdown(shutdown);
        let end_of_grace = async {
            if stopped.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            result = server.into_future() => result,
            () = end_of_grace => Ok(()),
        }
    }
}

struct Server<P> {
    sessions: Mutex<Sessions<P>>,
    registry: Registry,
    started: Instant,
}

impl<P> Server<P> {
    fn sessions(&self) -> MutexGuard<'_, Sessions<P>> {
        // The factory may panic, but never while the list is being changed.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn router<P: Policy + 'static>(
    make: impl Fn() -> P + Send + 'static,
    registry: Registry,
) -> Router {
    let sessions = Mutex::new(Sessions::new(make));
    Router::new()
        .route("/health", get(health::<P>))
        .route("/reset", post(reset::<P>))
        .route("/act", post(act::<P>))
        .fallback(|| async {
            Refusal::new(StatusCode::NOT_FOUND, "there are GET /health, POST /reset and POST /act")
        })
        .method_not_allowed_fallback(|| async {
            let detail = "ask GET /health, POST /reset or POST /act";
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(Arc::new(Server { sessions, registry, started: Instant::now() }))
}

async fn health<P>(State(server): State<Arc<Server<P>>>) -> Json<serde_json::Value> {
    Json(json!({
        "status": "healthy",
        "model_loaded": true,
        "uptime_seconds": server.started.elapsed().as_secs_f64(),
        "accepts": [Format::Json.media_type(), Format::MessagePack.media_type()],
    }))
}

async fn reset<P: Policy>(
    State(server): State<Arc<Server<P>>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let format = format_of(&headers)?;
    let ResetRequest { task_config } = decode::<ResetRequest<TaskConfig>>(format, body)?;
    let mut start = EpisodeStart::new(task_config);
    if let Ok(spec) = server.registry.spec(&start.task.env_id) {
        start = start.with_spec(spec);
    }
    let (policy, number) = server.sessions().begin(&peer, Instant::now());
    policy.lock().await.reset(&start).await.map_err(Refusal::of_policy)?;
    encode(format, &json!({"status": "ok", "episode_id": number.to_string()}))
}

async fn act<P: Policy>(
    State(server): State<Arc<Server<P>>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let format = format_of(&headers)?;
    let ActRequest { obs } = decode::<ActRequest<Observation>>(format, body)?;
    let resume = || server.sessions().resume(&peer, Instant::now());
    let policy = match resume() {
        Some(policy) => policy,
        None => {
            // The episode's connection may have closed without the server having noticed yet.
            tokio::time::sleep(CLOSING).await;
            let detail = "there is no episode on this connection: POST /reset first";
            resume().ok_or_else(|| Refusal::new(StatusCode::CONFLICT, detail))?
        }
    };
    let action = policy.lock().await.act(&obs).await.map_err(Refusal::of_policy)?;
    // JSON would turn NaN and infinity into nulls.
    if action.continuous.iter().any(|(_, values)| values.iter().any(|v| !v.is_finite())) {
        return Err(Refusal::of_policy("its action holds NaN or infinity"));
    }
    encode(format, &ActAnswer { action })
}

/// An error response.
struct Refusal {
    status: StatusCode,
    detail: String,
}

impl Refusal {
    fn new(status: StatusCode, detail: impl ToString) -> Self {
        Self { status, detail: detail.to_string() }
    }

    fn of_policy(reason: impl std::fmt::Display) -> Self {
        let detail = format!("the policy failed: {reason}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"detail": self.detail}))).into_response()
    }
}

fn format_of(headers: &HeaderMap) -> Result<Format, Refusal> {
    let Some(content_type) = headers.get(CONTENT_TYPE) else {
        return Ok(Format::Json);
    };
    content_type.to_str().ok().and_then(Format::from_content_type).ok_or_else(|| {
        let detail = "send application/json or application/msgpack";
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    })
}

fn decode<T: DeserializeOwned>(
    format: Format,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Refusal> {
    let body = body.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    format.decode(&body).map_err(|error| {
        let name = format.name();
        match error {
            DecodeError::Malformed(reason) => {
                Refusal::new(StatusCode::BAD_REQUEST, format!("the body is not {name}: {reason}"))
            }
            DecodeError::NotFinite | DecodeError::Mismatch(_) => {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error)
            }
        }
    })
}

fn encode(format: Format, body: &impl Serialize) -> Result<Response, Refusal> {
    let body = format
        .encode(body)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    Ok(([(CONTENT_TYPE, format.media_type())], body).into_response())
}
