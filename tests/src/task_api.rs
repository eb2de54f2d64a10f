//! An API with tasks for executors: a queue in memory, behind real HTTP.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{ok, request};

/// A job, and what has happened to it so far.
#[derive(Debug, Clone)]
pub struct Task {
    /// The URL of the policy.
    pub endpoint: String,
    /// The executor that holds the lease, the token of the lease, and when it began.
    pub lease: Option<(String, u64, Instant)>,
    /// How often the job was handed out.
    pub attempts: u64,
    /// The accepted answers, each with the executor that gave it.
    pub answers: Vec<(String, Value)>,
}

impl Task {
    fn new(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), lease: None, attempts: 0, answers: Vec::new() }
    }
}

/// What the API has to hand out.
#[derive(Debug)]
pub struct Queue {
    /// How long a lease lasts.
    pub lease: Duration,
    /// It answers everything with an error.
    pub is_away: bool,
    /// The tasks, whose seeds are their places in this list.
    pub tasks: Vec<Task>,
    /// Leases and answers that came too late.
    pub too_late: usize,
    tokens: u64,
}

/// The API.
pub struct TaskApi {
    /// Its address.
    pub url: String,
    queue: Arc<Mutex<Queue>>,
}

impl TaskApi {
    /// Starts an API with a task for each of these policies, in the environment.
    ///
    /// # Panics
    /// When no port is available.
    pub fn start<'a>(env_id: &'static str, endpoints: impl IntoIterator<Item = &'a str>) -> Self {
        let queue = Arc::new(Mutex::new(Queue {
            lease: Duration::from_secs(300),
            is_away: false,
            tasks: endpoints.into_iter().map(Task::new).collect(),
            too_late: 0,
            tokens: 0,
        }));
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let served = Arc::clone(&queue);
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let queue = Arc::clone(&served);
                // A connection that breaks is the other side's to complain of.
                std::thread::spawn(move || serve(stream, &queue, env_id));
            }
        });
        Self { url, queue }
    }

    /// Adds a task for each of these policies.
    pub fn add<'a>(&self, endpoints: impl IntoIterator<Item = &'a str>) {
        self.with(|queue| queue.tasks.extend(endpoints.into_iter().map(Task::new)));
    }

    /// Looks at the queue, or changes it.
    pub fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether every task has an answer.
    pub fn is_over(&self) -> bool {
        self.with(|queue| queue.tasks.iter().all(|task| !task.answers.is_empty()))
    }
}

fn serve(mut stream: TcpStream, queue: &Mutex<Queue>, env_id: &str) -> Option<()> {
    loop {
        let (path, body) = request(&mut stream)?;
        let answer = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            match path.as_str() {
                _ if queue.is_away => None,
                "/v1/tasks/fetch" => queue.fetch(&body, env_id),
                "/v1/tasks/renew" => queue.renew(&body),
                "/v1/tasks/submit" => queue.submit(&body),
                _ => None,
            }
        };
        let answer = match answer {
            Some(answer) => ok(answer.to_string()),
            None => b"HTTP/1.1 503 Away\r\nContent-Length: 0\r\n\r\n".to_vec(),
        };
        stream.write_all(&answer).ok()?;
    }
}

impl Queue {
    fn expire(&mut self) {
        for task in &mut self.tasks {
            task.lease.take_if(|(_, _, since)| since.elapsed() > self.lease);
        }
    }

    fn fetch(&mut self, body: &Value, env_id: &str) -> Option<Value> {
        self.expire();
        let executor = body["executor_id"].as_str()?.to_owned();
        let count = usize::try_from(body["batch_size"].as_u64()?).ok()?;
        let mut given = Vec::new();
        for (seed, task) in self.tasks.iter_mut().enumerate() {
            if given.len() < count && task.lease.is_none() && task.answers.is_empty() {
                self.tokens += 1;
                task.attempts += 1;
                task.lease = Some((executor.clone(), self.tokens, Instant::now()));
                given.push(json!({
                    "task_uuid": seed.to_string(), "cycle_id": 1, "miner_uid": 3,
                    "miner_hotkey": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                    "miner_endpoint": task.endpoint, "miner_repo": "a/b", "miner_revision": "c",
                    "env_id": env_id, "seed": seed, "status": "assigned", "episode": 0,
                    "created_at": "2024-01-15T10:30:00.000Z", "attempt": task.attempts,
                    "lease_token": self.tokens.to_string(),
                    // As if by a clock that is decades slow: executors must ignore this value.
                    "lease_expires_at": "1990-01-01T00:00:00.000Z",
                }));
            }
        }
        let seconds = self.lease.as_secs_f64();
        Some(json!({"tasks": given, "total_pending": 0, "lease_seconds": seconds}))
    }

    /// The task of a lease or of an answer, if it is still its own.
    fn held(&mut self, of: &Value) -> Option<&mut Task> {
        let index: usize = of["task_uuid"].as_str()?.parse().ok()?;
        let token: u64 = of["lease_token"].as_str()?.parse().ok()?;
        let task = self.tasks.get_mut(index)?;
        let is_held = task.lease.as_ref().is_some_and(|(_, held, _)| *held == token);
        is_held.then_some(task)
    }

    fn renew(&mut self, body: &Value) -> Option<Value> {
        self.expire();
        let (mut renewed, mut lost) = (Vec::new(), Vec::new());
        for lease in body["leases"].as_array()? {
            let uuid = &lease["task_uuid"];
            match self.held(lease).and_then(|task| task.lease.as_mut()) {
                Some((_, _, since)) => {
                    *since = Instant::now();
                    let expires = "1990-01-01T00:00:00.000Z";
                    renewed.push(json!({"task_uuid": uuid, "lease_expires_at": expires}));
                }
                None => lost.push(uuid.clone()),
            }
        }
        self.too_late += lost.len();
        let seconds = self.lease.as_secs_f64();
        Some(json!({"renewed": renewed, "lost": lost, "lease_seconds": seconds}))
    }

    fn submit(&mut self, body: &Value) -> Option<Value> {
        self.expire();
        let executor = body["executor_id"].as_str()?.to_owned();
        let (mut accepted, mut errors) = (0, Vec::new());
        for result in body["results"].as_array()? {
            match self.held(result) {
                Some(task) => {
                    accepted += 1;
                    task.lease = None;
                    let outcome = result["outcome"].clone();
                    let counts =
                        outcome["outcome"] != "cancelled" && outcome["outcome"] != "infra_fault";
                    if counts {
                        task.answers.push((executor.clone(), outcome));
                    }
                }
                None => {
                    self.too_late += 1;
                    errors.push(format!("{}: too late", result["task_uuid"].as_str()?));
                }
            }
        }
        Some(json!({"accepted": accepted, "rejected": errors.len(), "errors": errors}))
    }
}
