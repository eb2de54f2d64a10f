use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use kinitro_core::{EnvId, Seed};
use serde::{Deserialize, Serialize};

/// The format version of the files in a results folder.
const FORMAT: u32 = 1;

/// What was evaluated, with what, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Manifest {
    /// The format version of the files in this folder.
    pub format: u32,
    /// What the results depend on. An evaluation can only be continued if this is unchanged.
    pub evaluation: Identity,
    /// The machine it was started on.
    pub machine: Machine,
    /// How many episodes ran at once.
    pub workers: usize,
    /// The command line; empty when there was none.
    pub arguments: Vec<String>,
    /// When it was started, in RFC 3339 format.
    pub started_at: String,
}

impl Manifest {
    /// The manifest of an evaluation that starts now on this machine, without a command line.
    pub fn new(evaluation: Identity, workers: usize) -> Self {
        Self {
            format: FORMAT,
            evaluation,
            machine: Machine::this(),
            workers,
            arguments: Vec::new(),
            started_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        }
    }
}

/// What the results of an evaluation depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// The version of this library.
    pub kinitro: String,
    /// The name of the policy.
    pub policy: String,
    /// The environments.
    pub environments: Vec<EnvId>,
    /// Episodes per environment.
    pub episodes: u32,
    /// The seed of each environment's first episode; each further episode has the next higher seed.
    pub seed: Seed,
    /// The number of steps after which an episode ends; `None` for each environment's own limit.
    pub max_steps: Option<u32>,
    /// How long the policy may take for an action, s.
    pub action_timeout: f64,
    /// How long the policy may take to begin an episode, s.
    pub reset_timeout: f64,
    /// The cameras whose pictures the policy received.
    pub cameras: Vec<String>,
    /// For each family, what its results depend on: its
    /// [provenance](crate::env::EnvironmentFamily::provenance).
    pub families: BTreeMap<String, BTreeMap<String, String>>,
}

impl Identity {
    /// The identity of an evaluation by this version of the library, without cameras and with each
    /// environment's own step limit. `episodes` is the number per environment, `seed` the seed of
    /// the first.
    pub fn new(
        policy: impl Into<String>,
        environments: Vec<EnvId>,
        episodes: u32,
        seed: Seed,
        action_timeout: Duration,
        reset_timeout: Duration,
    ) -> Self {
        Self {
            kinitro: env!("CARGO_PKG_VERSION").to_owned(),
            policy: policy.into(),
            environments,
            episodes,
            seed,
            max_steps: None,
            action_timeout: action_timeout.as_secs_f64(),
            reset_timeout: reset_timeout.as_secs_f64(),
            cameras: Vec::new(),
            families: BTreeMap::new(),
        }
    }

    /// The names of the fields in which two identities differ.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let fields = |identity: &Self| match serde_json::to_value(identity) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (ours, theirs) = (fields(self), fields(other));
        ours.into_iter().filter(|(k, v)| theirs.get(k) != Some(v)).map(|(k, _)| k).collect()
    }
}

/// The properties of a machine that results and speed depend on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Machine {
    /// The operating system: `linux`, ...
    pub os: String,
    /// The instruction set: `x86_64`, ...
    pub arch: String,
    /// The model of the processor, or `unknown`.
    pub cpu: String,
    /// Whether the processor has fused multiply-add, which changes the last digits of the C
    /// library's results.
    pub fma: bool,
    /// The number of threads it runs at once.
    pub threads: usize,
}

impl Machine {
    /// This machine.
    pub fn this() -> Self {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |name: &str| {
            let line = cpuinfo.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let flags = field("flags").or_else(|| field("Features")).unwrap_or_default();
        Self {
            os: std::env::consts::OS.to_owned(),
            arch: std::env::consts::ARCH.to_owned(),
            cpu: field("model name").unwrap_or_else(|| "unknown".to_owned()),
            fma: flags.split_whitespace().any(|flag| flag == "fma")
                || cfg!(target_arch = "aarch64"),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}
