//! An API over real HTTP with a queue in memory, that is well or not as a test tells it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

/// How the API answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// It answers everything with 503.
    Away,
    /// It takes results, and says that it is away.
    LosesAnswers,
    /// It cannot read batches of more than one result.
    Picky,
}

#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) env_id: String,
    pub(crate) endpoint: String,
    pub(crate) seed: u64,
    /// Since when it is handed out, for how long, and under which token.
    pub(crate) lease: Option<(Instant, String)>,
    pub(crate) attempts: u32,
    /// The answers that were taken.
    pub(crate) answers: Vec<Value>,
    pub(crate) is_over: bool,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) mood: Mood,
    pub(crate) lease: Duration,
    pub(crate) key: Option<String>,
    pub(crate) tasks: BTreeMap<String, Task>,
    /// How many tasks each question has asked for.
    pub(crate) asked: Vec<u64>,
    /// The most tasks that were handed out at once.
    pub(crate) most_assigned: usize,
    pub(crate) renewals: usize,
    /// All results that came, taken or not.
    pub(crate) submitted: Vec<Value>,
    pub(crate) refused: Vec<String>,
    pub(crate) executors: Vec<String>,
    tokens: u64,
}

impl Queue {
    fn expire(&mut self) {
        let lease = self.lease;
        for task in self.tasks.values_mut() {
            task.lease.take_if(|(since, _)| since.elapsed() > lease);
        }
    }

    fn fetch(&mut self, body: &Value) -> Value {
        self.expire();
        let count = body["batch_size"].as_u64().unwrap();
        self.asked.push(count);
        self.executors.push(body["executor_id"].as_str().unwrap().to_owned());
        let env_ids = body["env_ids"].as_array().unwrap();
        let mut given = Vec::new();
        for (uuid, task) in &mut self.tasks {
            let is_free = task.lease.is_none() && !task.is_over;
            if is_free && env_ids.contains(&json!(task.env_id)) && given.len() < count as usize {
                self.tokens += 1;
                let token = format!("token-{}", self.tokens);
                task.lease = Some((Instant::now(), token.clone()));
                task.attempts += 1;
                given.push(json!({
                    "task_uuid": uuid, "cycle_id": 1, "miner_uid": 3,
                    "miner_hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                    "miner_endpoint": task.endpoint, "miner_repo": "a/b", "miner_revision": "c",
                    "env_id": task.env_id, "seed": task.seed, "status": "assigned",
                    "created_at": "2024-01-15T10:30:00.000Z", "episode": 0,
                    "attempt": task.attempts, "lease_token": token,
                    // A clock that is years off, which nobody must look at.
                    "lease_expires_at": "2001-01-01T00:00:00.000Z",
                }));
            }
        }
        let assigned = self.tasks.values().filter(|task| task.lease.is_some()).count();
        self.most_assigned = self.most_assigned.max(assigned);
        json!({"tasks": given, "total_pending": 0, "lease_seconds": self.lease.as_secs_f64()})
    }

    fn renew(&mut self, body: &Value) -> Value {
        self.expire();
        let (mut renewed, mut lost) = (Vec::new(), Vec::new());
        for lease in body["leases"].as_array().unwrap() {
            let uuid = lease["task_uuid"].as_str().unwrap();
            let held = self.tasks.get_mut(uuid).and_then(|task| task.lease.as_mut());
            match held {
                Some((since, token)) if lease["lease_token"] == *token => {
                    *since = Instant::now();
                    let expires = "2001-01-01T00:00:00.000Z";
                    renewed.push(json!({"task_uuid": uuid, "lease_expires_at": expires}));
                }
                _ => lost.push(json!(uuid)),
            }
        }
        self.renewals += 1;
        json!({"renewed": renewed, "lost": lost, "lease_seconds": self.lease.as_secs_f64()})
    }

    fn submit(&mut self, body: &Value) -> Value {
        self.expire();
        let (mut accepted, mut errors) = (0, Vec::new());
        for result in body["results"].as_array().unwrap() {
            self.submitted.push(result.clone());
            let uuid = result["task_uuid"].as_str().unwrap();
            let Some(task) = self.tasks.get_mut(uuid) else {
                errors.push(format!("{uuid}: there is no such task"));
                continue;
            };
            if task.answers.contains(result) {
                accepted += 1;
                continue;
            }
            let token = task.lease.as_ref().map(|(_, token)| token.as_str());
            if token.is_none() || result["lease_token"].as_str() != token {
                errors.push(format!("{uuid}: too late: the lease ran out"));
                continue;
            }
            accepted += 1;
            task.lease = None;
            task.answers.push(result.clone());
            let outcome = result["outcome"]["outcome"].as_str().unwrap();
            task.is_over = matches!(outcome, "success" | "failure" | "policy_fault");
        }
        self.refused.extend(errors.iter().cloned());
        json!({"accepted": accepted, "rejected": errors.len(), "errors": errors})
    }
}

/// The API, which is served until the runtime ends.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) url: String,
    queue: Arc<Mutex<Queue>>,
}

impl Api {
    pub(crate) async fn start() -> Self {
        let queue = Queue {
            mood: Mood::Well,
            lease: Duration::from_secs(300),
            key: None,
            tasks: BTreeMap::new(),
            asked: Vec::new(),
            most_assigned: 0,
            renewals: 0,
            submitted: Vec::new(),
            refused: Vec::new(),
            executors: Vec::new(),
            tokens: 0,
        };
        let queue = Arc::new(Mutex::new(queue));
        let app =
            Router::new().route("/v1/tasks/{call}", post(answer)).with_state(Arc::clone(&queue));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { url, queue }
    }

    /// Looks at the queue, or changes it.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.queue.lock().unwrap())
    }

    /// Adds tasks in an environment, whose seeds are 0, 1, ...
    pub(crate) fn add(&self, env_id: &str, endpoint: &str, count: u64) {
        self.with(|queue| {
            for seed in 0..count {
                let task = Task {
                    env_id: env_id.to_owned(),
                    endpoint: endpoint.to_owned(),
                    seed,
                    lease: None,
                    attempts: 0,
                    answers: Vec::new(),
                    is_over: false,
                };
                queue.tasks.insert(format!("{env_id}-{seed:03}"), task);
            }
        });
    }

    /// Waits until the queue is so.
    pub(crate) async fn wait_until(&self, what: &str, mut is_so: impl FnMut(&Queue) -> bool) {
        let started = Instant::now();
        while !self.with(|queue| is_so(queue)) {
            let queue = self.with(|queue| format!("{queue:#?}"));
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "waited in vain until {what}:\n{queue}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn wait_until_all_are_over(&self) {
        let is_over = |queue: &Queue| queue.tasks.values().all(|task| task.is_over);
        self.wait_until("all tasks are over", is_over).await;
    }

    /// The kinds of the answers that were taken, of all tasks in order.
    pub(crate) fn outcomes(&self) -> Vec<String> {
        let kind = |answer: &Value| answer["outcome"]["outcome"].as_str().unwrap().to_owned();
        self.with(|queue| queue.tasks.values().flat_map(|task| &task.answers).map(kind).collect())
    }
}

async fn answer(
    State(queue): State<Arc<Mutex<Queue>>>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    let mut queue = queue.lock().unwrap();
    let away =
        || (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"detail": "the database is away"})));
    if queue.mood == Mood::Away {
        return away();
    }
    if let Some(key) = &queue.key
        && headers.get("authorization").is_none_or(|given| *given != format!("Bearer {key}"))
    {
        return (StatusCode::UNAUTHORIZED, Json(json!({"detail": "a key is needed"})));
    }
    let is_batch = body["results"].as_array().is_some_and(|results| results.len() > 1);
    if queue.mood == Mood::Picky && is_batch {
        let detail = json!({"detail": "that cannot be read"});
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(detail));
    }
    let answer = match call.as_str() {
        "fetch" => queue.fetch(&body),
        "renew" => queue.renew(&body),
        "submit" => queue.submit(&body),
        _ => return (StatusCode::NOT_FOUND, Json(json!({"detail": "no such page"}))),
    };
    if queue.mood == Mood::LosesAnswers && call == "submit" {
        return away();
    }
    (StatusCode::OK, Json(answer))
}
