//! Metrics for Prometheus.
//!
//! Requests and results are counted per instance. The state of the whole backend is read from the
//! database at every scrape, so every instance reports the same.

use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::backend::storage::{Store, StoreError};

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long a scrape waits for the database.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: StatusName,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
#[allow(non_camel_case_types, reason = "they are the values of labels")]
enum StatusName {
    pending,
    assigned,
    completed,
    failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Score {
    uid: u16,
    hotkey: String,
    env_id: String,
}

/// Counters of this instance.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Request, Histogram, fn() -> Histogram>,
    attempts: Counter,
    results: Family<Outcome, Counter>,
    given_up: Counter,
    refused: Counter,
    expiries: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("kinitro");
        // From 1 ms to about 30 s.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 16));
        let requests = Family::new_with_constructor(histogram);
        registry.register_with_unit(
            "http_request_duration",
            "How long requests took",
            Unit::Seconds,
            requests.clone(),
        );
        let attempts = Counter::default();
        registry.register("task_attempts", "Tasks handed out", attempts.clone());
        let results = Family::<Outcome, Counter>::default();
        registry.register("task_results", "Results taken, by outcome", results.clone());
        let given_up = Counter::default();
        registry.register("tasks_given_up", "Tasks that broke down too often", given_up.clone());
        let refused = Counter::default();
        registry.register("task_results_refused", "Results refused", refused.clone());
        let expiries = Counter::default();
        registry.register("lease_expiries", "Leases that ran out", expiries.clone());
        Self { registry, requests, attempts, results, given_up, refused, expiries }
    }

    pub(super) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        // Methods are arbitrary text too.
        let method = match method {
            "GET" | "HEAD" | "POST" => method,
            _ => "other",
        };
        let labels = Request { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(super) fn handed_out(&self, tasks: usize) {
        self.attempts.inc_by(tasks as u64);
    }

    pub(super) fn answer_taken(&self, outcome: &str, is_given_up: bool) {
        self.results.get_or_create(&Outcome { outcome: outcome.to_owned() }).inc();
        self.given_up.inc_by(u64::from(is_given_up));
    }

    pub(super) fn answer_refused(&self) {
        self.refused.inc();
    }

    pub(super) fn leases_expired(&self, leases: u32) {
        self.expiries.inc_by(u64::from(leases));
    }

    /// The response to a scrape. If the database does not answer, it has the counters of this
    /// instance only.
    pub(super) async fn render(&self, store: &dyn Store) -> String {
        let mut whole = Registry::with_prefix("kinitro");
        let up = Gauge::<i64>::default();
        whole.register("database_up", "1 when the database answers", up.clone());
        match tokio::time::timeout(TIMEOUT, register_whole(&mut whole, store)).await {
            Ok(Ok(())) => {
                up.set(1);
            }
            Ok(Err(error)) => tracing::warn!(%error, "a scrape without the database"),
            Err(_) => tracing::warn!("a scrape without the database, which did not answer"),
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &whole))
            .and_then(|()| encode_eof(&mut text));
        text
    }
}

/// The state of the whole backend.
async fn register_whole(registry: &mut Registry, store: &dyn Store) -> Result<(), StoreError> {
    let overview = store.overview().await?;
    let stats = store.job_stats().await?;
    let durations = store.cycle_seconds().await?;
    let scores = store.scores(None).await?;

    let cycles = ConstCounter::new(overview.total_cycles);
    registry.register("eval_cycles", "Evaluation cycles begun", cycles);
    // Over the last thousand cycles in the database, so that every instance reports the same.
    let histogram = Histogram::new(exponential_buckets(15.0, 2.0, 12));
    durations.into_iter().for_each(|seconds| histogram.observe(seconds));
    let help = "How long the last thousand completed cycles took";
    registry.register_with_unit("eval_duration", help, Unit::Seconds, histogram);
    let miners = Gauge::<i64>::default();
    miners.set(overview.active_miners.cast_signed());
    registry.register("miners_active", "Miners with a commitment on the chain", miners);
    let rates = Family::<Score, Gauge<f64, std::sync::atomic::AtomicU64>>::default();
    for row in scores.into_iter().flat_map(|scores| scores.rows) {
        let labels = Score {
            uid: row.uid.0,
            hotkey: row.hotkey.to_string(),
            env_id: row.env_id.to_string(),
        };
        rates.get_or_create(&labels).set(row.success_rate);
    }
    registry.register("miner_scores", "Success rates in the last completed cycle", rates);
    let tasks = Family::<Status, Gauge>::default();
    for (status, count) in [
        (StatusName::pending, stats.pending),
        (StatusName::assigned, stats.assigned),
        (StatusName::completed, stats.completed),
        (StatusName::failed, stats.failed),
    ] {
        tasks.get_or_create(&Status { status }).set(count.cast_signed());
    }
    registry.register("queue_tasks", "Tasks of the current or last cycle, by status", tasks);
    let executors = Gauge::<i64>::default();
    executors.set(stats.active_executors.cast_signed());
    registry.register("executors_active", "Executors with a running lease", executors);
    Ok(())
}
