//! The endpoints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use kinitro_core::{BlockNumber, CycleId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use super::refusal::Refusal;
use super::{Api, metrics, openapi};
use crate::backend::storage::{
    Answer, Claim, Lease, Settled, Store, StoreError, Verdict, check_executor_id,
};
use crate::wire::{
    EnvironmentsBody, ErrorBody, FetchAnswer, FetchRequest, Health, MinersBody, RenewAnswer,
    RenewRequest, RenewedLease, ScoresBody, StatusBody, SubmitAnswer, SubmitRequest, TaskStatsBody,
    WeightsBody,
};

/// How long `/health` waits for the database.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);
/// The maximum age of the count of pending jobs in an answer. Counting takes longer than claiming,
/// so the count is cached.
const PENDING_AGE: Duration = Duration::from_secs(1);
const MAX_BATCH: u32 = 100;
const MAX_RESULTS: usize = 1000;

pub(super) fn router() -> Router<Arc<Api>> {
    Router::new()
        .route("/health", get(health))
        .route("/v1/status", get(status))
        .route("/v1/weights/latest", get(latest_weights))
        .route("/v1/weights/{block}", get(weights_of_block))
        .route("/v1/scores/latest", get(latest_scores))
        .route("/v1/scores/{cycle_id}", get(scores_of_cycle))
        .route("/v1/miners", get(miners))
        .route("/v1/environments", get(environments))
        .route("/v1/tasks/fetch", post(fetch))
        .route("/v1/tasks/renew", post(renew))
        .route("/v1/tasks/submit", post(submit))
        .route("/v1/tasks/stats", get(stats))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi_json))
        .route("/docs", get(docs))
        .fallback(|| async { Refusal::not_found("there is nothing here; /docs says where") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path has another method; see /docs")
        })
}

/// The number of pending jobs, cached.
#[derive(Debug, Default)]
pub(super) struct PendingCount(Mutex<Option<(Instant, u64)>>);

impl PendingCount {
    async fn get(&self, store: &dyn Store) -> Result<u64, StoreError> {
        // Locked while the database counts, so that concurrent requests share one count.
        let mut count = self.0.lock().await;
        match *count {
            Some((counted, tasks)) if counted.elapsed() < PENDING_AGE => Ok(tasks),
            _ => {
                let tasks = store.pending_jobs().await?;
                *count = Some((Instant::now(), tasks));
                Ok(tasks)
            }
        }
    }
}

/// The errors of the endpoints for executors, as listed in the OpenAPI document.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "it is a description, and `Refusal` what is answered")]
enum TaskRefusal {
    /// The body is not JSON.
    #[response(status = 400)]
    Syntax(ErrorBody),
    /// The key is missing or wrong.
    #[response(status = 401)]
    Key(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    Length(ErrorBody),
    /// The `Content-Type` of the body is not JSON.
    #[response(status = 415)]
    MediaType(ErrorBody),
    /// The body does not match the schema.
    #[response(status = 422)]
    Content(ErrorBody),
    /// The database does not answer.
    #[response(status = 503)]
    Database(ErrorBody),
}

/// Whether the API and its database work.
#[utoipa::path(get, path = "/health", tag = "status", responses(
    (status = 200, description = "Both work.", body = Health),
    (status = 503, description = "The database does not answer.", body = Health),
))]
pub(super) async fn health(State(api): State<Arc<Api>>) -> Response {
    let answers = match tokio::time::timeout(HEALTH_TIMEOUT, api.store.ping()).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer");
            false
        }
        Err(_) => {
            tracing::warn!("the database has not answered for {HEALTH_TIMEOUT:?}");
            false
        }
    };
    let status = if answers { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Health::new(answers))).into_response()
}

/// The state of the backend.
#[utoipa::path(get, path = "/v1/status", tag = "status", responses(
    (status = 200, description = "The state of the backend.", body = StatusBody),
    (status = 503, description = "The database does not answer.", body = ErrorBody),
))]
pub(super) async fn status(State(api): State<Arc<Api>>) -> Result<Json<StatusBody>, Refusal> {
    Ok(Json(api.store.overview().await?.into()))
}

/// The weights of the last completed cycle.
#[utoipa::path(get, path = "/v1/weights/latest", tag = "weights", responses(
    (status = 200, description = "The weights.", body = WeightsBody),
    (status = 404, description = "No cycle was completed yet.", body = ErrorBody),
    (status = 503, description = "The database does not answer.", body = ErrorBody),
))]
pub(super) async fn latest_weights(
    State(api): State<Arc<Api>>,
) -> Result<Json<WeightsBody>, Refusal> {
    let weights = api.store.weights(None).await?;
    let weights = weights.ok_or_else(|| Refusal::not_found("there are no weights yet"))?;
    Ok(Json(weights.into()))
}

/// The weights of the last completed cycle for this block.
#[utoipa::path(get, path = "/v1/weights/{block}", tag = "weights",
    params(("block" = u64, Path, description = "The block that was judged.")),
    responses(
        (status = 200, description = "The weights.", body = WeightsBody),
        (status = 404, description = "No completed cycle judged that block.", body = ErrorBody),
        (status = 422, description = "The block is not a number.", body = ErrorBody),
        (status = 503, description = "The database does not answer.", body = ErrorBody),
    ))]
pub(super) async fn weights_of_block(
    State(api): State<Arc<Api>>,
    Path(block): Path<String>,
) -> Result<Json<WeightsBody>, Refusal> {
    let block: u64 =
        block.parse().map_err(|_| Refusal::unprocessable("a block is a number from 0 on"))?;
    let weights = api.store.weights(Some(BlockNumber(block))).await?;
    let weights = weights
        .ok_or_else(|| Refusal::not_found(format!("there are no weights of block {block}")))?;
    Ok(Json(weights.into()))
}

/// How much detail to return.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ScoresQuery {
    /// `rows` adds one row per miner and environment.
    detail: Option<Detail>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Detail {
    /// Adds one row per miner and environment.
    Rows,
}

/// The scores of the last completed cycle.
#[utoipa::path(get, path = "/v1/scores/latest", tag = "scores", params(ScoresQuery), responses(
    (status = 200, description = "The scores.", body = ScoresBody),
    (status = 404, description = "No cycle was completed yet.", body = ErrorBody),
    (status = 422, description = "There is no such detail.", body = ErrorBody),
    (status = 503, description = "The database does not answer.", body = ErrorBody),
))]
pub(super) async fn latest_scores(
    State(api): State<Arc<Api>>,
    query: Result<Query<ScoresQuery>, QueryRejection>,
) -> Result<Json<ScoresBody>, Refusal> {
    let with_rows = with_rows(query)?;
    let scores = api.store.scores(None).await?;
    let scores = scores.ok_or_else(|| Refusal::not_found("there are no scores yet"))?;
    Ok(Json(ScoresBody::new(scores, with_rows)))
}

/// The scores of a cycle; empty until the cycle is completed.
#[utoipa::path(get, path = "/v1/scores/{cycle_id}", tag = "scores",
    params(("cycle_id" = i64, Path, description = "The number of the cycle."), ScoresQuery),
    responses(
        (status = 200, description = "The scores.", body = ScoresBody),
        (status = 404, description = "There is no such cycle.", body = ErrorBody),
        (status = 422, description = "That is no number, or no detail.", body = ErrorBody),
        (status = 503, description = "The database does not answer.", body = ErrorBody),
    ))]
pub(super) async fn scores_of_cycle(
    State(api): State<Arc<Api>>,
    Path(cycle): Path<String>,
    query: Result<Query<ScoresQuery>, QueryRejection>,
) -> Result<Json<ScoresBody>, Refusal> {
    let with_rows = with_rows(query)?;
    let cycle: i64 = cycle.parse().map_err(|_| Refusal::unprocessable("a cycle is a number"))?;
    let scores = api.store.scores(Some(CycleId(cycle))).await?;
    let scores = scores.ok_or_else(|| Refusal::not_found(format!("there is no cycle {cycle}")))?;
    Ok(Json(ScoresBody::new(scores, with_rows)))
}

fn with_rows(query: Result<Query<ScoresQuery>, QueryRejection>) -> Result<bool, Refusal> {
    let Query(query) = query.map_err(|error| Refusal::unprocessable(error.body_text()))?;
    Ok(query.detail == Some(Detail::Rows))
}

/// All miners that were ever seen with a commitment.
#[utoipa::path(get, path = "/v1/miners", tag = "scores", responses(
    (status = 200, description = "The miners.", body = MinersBody),
    (status = 503, description = "The database does not answer.", body = ErrorBody),
))]
pub(super) async fn miners(State(api): State<Arc<Api>>) -> Result<Json<MinersBody>, Refusal> {
    let miners = api.store.miners().await?;
    Ok(Json(MinersBody { miners: miners.into_iter().map(Into::into).collect() }))
}

/// The environments that miners are or have been evaluated in.
#[utoipa::path(get, path = "/v1/environments", tag = "scores", responses(
    (status = 200, description = "The environments.", body = EnvironmentsBody),
    (status = 503, description = "The database does not answer.", body = ErrorBody),
))]
pub(super) async fn environments(
    State(api): State<Arc<Api>>,
) -> Result<Json<EnvironmentsBody>, Refusal> {
    let environments = api.store.environments().await?;
    let environments = environments.into_iter().map(Into::into).collect();
    Ok(Json(EnvironmentsBody { environments }))
}

/// Fetches tasks to run. Each comes with a lease.
#[utoipa::path(post, path = "/v1/tasks/fetch", tag = "tasks", request_body = FetchRequest,
    security(("key" = [])), responses(
        (status = 200, description = "Tasks to run; none when there is nothing to do.", body = FetchAnswer),
        TaskRefusal,
    ))]
pub(super) async fn fetch(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<FetchAnswer>, Refusal> {
    authorize(&api, &headers)?;
    let request: FetchRequest = decode(&headers, body)?;
    if !(1..=MAX_BATCH).contains(&request.batch_size) {
        let detail = format!("`batch_size` is {}: it must be from 1 to 100", request.batch_size);
        return Err(Refusal::unprocessable(detail));
    }
    let claim = Claim {
        executor_id: request.executor_id,
        limit: request.batch_size,
        env_ids: request.env_ids,
        lease: api.settings.lease,
    };
    let tasks = api.store.claim(&claim).await?;
    for task in &tasks {
        tracing::debug!(
            task = task.uuid, cycle = %task.cycle, env = %task.env_id, uid = %task.uid,
            attempt = task.attempt, executor = claim.executor_id, "handed out",
        );
    }
    api.metrics.handed_out(tasks.len());
    let total_pending = api.pending.get(&*api.store).await?;
    Ok(Json(FetchAnswer {
        tasks: tasks.into_iter().map(Into::into).collect(),
        total_pending,
        lease_seconds: Some(claim.lease.as_secs_f64()),
    }))
}

/// Renews the leases of tasks.
#[utoipa::path(post, path = "/v1/tasks/renew", tag = "tasks", request_body = RenewRequest,
    security(("key" = [])), responses(
        (status = 200, description = "Which leases were renewed, and which are lost.", body = RenewAnswer),
        TaskRefusal,
    ))]
pub(super) async fn renew(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<RenewAnswer>, Refusal> {
    authorize(&api, &headers)?;
    let RenewRequest { executor_id, leases } = decode(&headers, body)?;
    check_executor_id(&executor_id)?;
    at_most(leases.len(), "leases")?;
    let leases: Vec<Lease> = leases.into_iter().map(Into::into).collect();
    let ends = api.store.renew(&leases, api.settings.lease).await?;
    let lease_seconds = Some(api.settings.lease.as_secs_f64());
    let mut answer = RenewAnswer { renewed: Vec::new(), lost: Vec::new(), lease_seconds };
    for (lease, end) in leases.into_iter().zip(ends) {
        match end {
            Some(lease_expires_at) => {
                let task_uuid = lease.task_uuid;
                answer.renewed.push(RenewedLease { task_uuid, lease_expires_at });
            }
            None => answer.lost.push(lease.task_uuid),
        }
    }
    if !answer.lost.is_empty() {
        tracing::warn!(executor = executor_id, lost = answer.lost.len(), "leases are lost");
    }
    Ok(Json(answer))
}

/// Submits the results of tasks. Sending the same result again is harmless.
#[utoipa::path(post, path = "/v1/tasks/submit", tag = "tasks", request_body = SubmitRequest,
    security(("key" = [])), responses(
        (status = 200, description = "What became of them, and why some were rejected.", body = SubmitAnswer),
        TaskRefusal,
    ))]
pub(super) async fn submit(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<SubmitAnswer>, Refusal> {
    authorize(&api, &headers)?;
    let SubmitRequest { executor_id, results } = decode(&headers, body)?;
    at_most(results.len(), "results")?;
    let mut answer = SubmitAnswer::default();
    let mut answers: Vec<Answer> = Vec::with_capacity(results.len());
    for result in results {
        let task = result.task_uuid.clone();
        match result.into_answer() {
            Ok(result) => answers.push(result),
            Err(reason) => answer.reject(&task, reason),
        }
    }
    let verdicts = api.store.submit(&executor_id, &answers, &api.settings.retry).await?;
    for (result, verdict) in answers.iter().zip(&verdicts) {
        let (task, outcome) = (result.task_uuid.as_str(), result.outcome.label());
        match verdict {
            Verdict::Accepted(settled) => {
                tracing::debug!(task, outcome, ?settled, executor = executor_id, "result");
                api.metrics.answer_taken(&outcome, *settled == Settled::Failed);
            }
            Verdict::Duplicate => {
                tracing::debug!(task, outcome, executor = executor_id, "result sent again");
            }
            Verdict::Refused(reason) => {
                tracing::warn!(task, outcome, %reason, executor = executor_id, "result refused");
                api.metrics.answer_refused();
            }
        }
        answer.add(task, verdict);
    }
    Ok(Json(answer))
}

/// The number of tasks by status.
#[utoipa::path(get, path = "/v1/tasks/stats", tag = "tasks", responses(
    (status = 200, description = "The counts.", body = TaskStatsBody),
    (status = 503, description = "The database does not answer.", body = ErrorBody),
))]
pub(super) async fn stats(State(api): State<Arc<Api>>) -> Result<Json<TaskStatsBody>, Refusal> {
    Ok(Json(api.store.job_stats().await?.into()))
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "status", responses(
    (status = 200, description = "Metrics in the OpenMetrics format.", body = String,
        content_type = "application/openmetrics-text"),
))]
pub(super) async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let text = api.metrics.render(&*api.store).await;
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn openapi_json() -> Response {
    Json(openapi::document()).into_response()
}

async fn docs() -> Response {
    // The page consists of text and inline styles only.
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    ([(CONTENT_SECURITY_POLICY, policy)], Html(openapi::page())).into_response()
}

fn authorize(api: &Api, headers: &HeaderMap) -> Result<(), Refusal> {
    if api.settings.access.admits(headers) {
        return Ok(());
    }
    let detail = "send the API key: `Authorization: Bearer KEY`";
    Err(Refusal::new(StatusCode::UNAUTHORIZED, detail))
}

fn at_most(count: usize, what: &str) -> Result<(), Refusal> {
    if count <= MAX_RESULTS {
        return Ok(());
    }
    Err(Refusal::unprocessable(format!("{count} {what} are too many: send at most {MAX_RESULTS}")))
}

/// Parses a JSON body.
fn decode<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Refusal> {
    // A missing type is taken for JSON. A form submitted from another site always has a type, and
    // is refused.
    let media_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let essence = media_type.map(|value| value.split(';').next().unwrap_or_default().trim());
    if essence.is_some_and(|essence| !essence.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
    }
    let body = body.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    serde_json::from_slice(&body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            Refusal::unprocessable(format!("the body does not fit: {error}"))
        }
        _ => Refusal::new(StatusCode::BAD_REQUEST, format!("the body is not JSON: {error}")),
    })
}
