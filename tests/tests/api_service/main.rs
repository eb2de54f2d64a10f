//! `kinitro api`: the program, over real HTTP.

#![allow(clippy::unwrap_used)]

mod answers;
mod faults;
mod refusals;
mod schema;

use std::net::TcpListener;

use kinitro_eval::backend::storage::conformance::example_cycle;
use kinitro_eval::backend::storage::{Store, connect};
use kinitro_tests::http::{Answer, get, request, try_request};
use kinitro_tests::{Running, kinitro, wait_until};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "a-key-of-the-test";
const BEARER: &str = "Bearer a-key-of-the-test";

/// A port that nobody uses right now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An API that runs.
pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) running: Running,
}

impl Api {
    /// Starts one with more arguments, and waits until it answers.
    pub(crate) fn start(url: &str, arguments: &str) -> Self {
        let port = free_port();
        let arguments = format!("api --host 127.0.0.1 --port {port} {arguments}");
        let running = kinitro(&arguments)
            .env("KINITRO_API_API_KEY", KEY)
            .env("KINITRO_DATABASE_URL", url)
            .start();
        let address = format!("127.0.0.1:{port}");
        wait_until("the API answers", || {
            try_request(&address, "GET", "/health", &[], "").is_some()
        });
        Self { address, running }
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Answer {
        get(&self.address, path)
    }

    /// Sends a body with the key.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        request(&self.address, "POST", path, &[("authorization", BEARER)], &body.to_string())
    }

    /// Fetches so many tasks.
    #[track_caller]
    pub(crate) fn fetch(&self, executor: &str, batch_size: u32) -> Vec<Value> {
        let body = json!({"executor_id": executor, "batch_size": batch_size});
        let answer = self.post("/v1/tasks/fetch", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["tasks"].as_array().unwrap().clone()
    }

    /// Submits a success of a task.
    #[track_caller]
    pub(crate) fn submit(&self, executor: &str, task: &Value) -> Value {
        let body = json!({"executor_id": executor, "results": [{
            "task_uuid": task["task_uuid"], "lease_token": task["lease_token"],
            "success": true, "score": 1.0, "total_reward": 2.5, "timesteps": 7, "error": null,
            "outcome": {"outcome": "success"},
        }]});
        let answer = self.post("/v1/tasks/submit", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// What is done to a store directly.
pub(crate) fn with_store<T>(url: &str, work: impl AsyncFnOnce(&dyn Store) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = connect(&url.parse().unwrap()).await.unwrap();
        work(&*store).await
    })
}

/// Begins a cycle of so many miners and episodes, in two environments.
pub(crate) fn begin_cycle(url: &str, miners: u16, episodes: u32) -> i64 {
    let cycle = example_cycle(miners, episodes);
    with_store(url, async |store| store.create_cycle(&cycle).await.unwrap().0)
}

/// The URL of a file in a folder.
pub(crate) fn sqlite(folder: &tempfile::TempDir) -> String {
    format!("sqlite:{}", folder.path().join("kinitro.db").display())
}
