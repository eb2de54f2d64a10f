//! `kinitro api` as a process.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::http::{Answer, get, request, try_request};
use crate::{Program, Running, kinitro, wait_until};

/// The key of every API of the tests.
pub const KEY: &str = "a-key-of-the-test";
/// What a request with the key has in its header `authorization`.
pub const BEARER: &str = "Bearer a-key-of-the-test";

/// A port that is currently unused.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("a listener has an address").port()
}

/// An API that runs.
pub struct Api {
    /// Its host and port.
    pub address: String,
    /// Its process.
    pub running: Running,
}

impl Api {
    /// Starts one with more arguments, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn start(database: &str, arguments: &str) -> Self {
        Self::start_at(free_port(), database, arguments)
    }

    /// Starts one at that port.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn start_at(port: u16, database: &str, arguments: &str) -> Self {
        Self::start_program(kinitro(""), port, database, arguments)
    }

    /// Starts one that is run by that program.
    ///
    /// # Panics
    /// When it does not answer.
    #[track_caller]
    pub fn start_program(program: Program, port: u16, database: &str, arguments: &str) -> Self {
        let arguments = format!("api --host 127.0.0.1 --port {port} {arguments}");
        let running = program
            .args(arguments.split_whitespace())
            .env("KINITRO_API_API_KEY", KEY)
            .env("KINITRO_DATABASE_URL", database)
            .start();
        let address = format!("127.0.0.1:{port}");
        wait_until("the API answers", || {
            try_request(&address, "GET", "/health", &[], "").is_some()
        });
        Self { address, running }
    }

    /// Gets what is at a path.
    ///
    /// # Panics
    /// When nothing answers.
    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        get(&self.address, path)
    }

    /// Sends a body with the key.
    ///
    /// # Panics
    /// When nothing answers.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        request(&self.address, "POST", path, &[("authorization", BEARER)], &body.to_string())
    }

    /// Fetches up to `batch_size` jobs for an executor.
    ///
    /// # Panics
    /// When that is refused.
    #[track_caller]
    pub fn fetch(&self, executor: &str, batch_size: u32) -> Vec<Value> {
        let body = json!({"executor_id": executor, "batch_size": batch_size});
        let answer = self.post("/v1/tasks/fetch", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["tasks"].as_array().expect("tasks are a list").clone()
    }

    /// Submits a success of a task.
    ///
    /// # Panics
    /// When that is refused as a whole.
    #[track_caller]
    pub fn submit(&self, executor: &str, task: &Value) -> Value {
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
