use std::collections::BTreeMap;

use kinitro_core::{EnvId, Seed};
use serde::{Deserialize, Serialize};

/// What was evaluated, with what, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the files in this folder.
    pub format: u32,
    /// What makes the results what they are. An evaluation only goes on where it agrees.
    pub evaluation: Identity,
    /// The machine it was begun on.
    pub machine: Machine,
    /// How many episodes ran at once.
    pub workers: usize,
    /// The command line, where there was one.
    pub arguments: Vec<String>,
    /// When it was begun, RFC 3339.
    pub started_at: String,
}

/// What makes the results of an evaluation what they are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The version of this library.
    pub kinitro: String,
    /// The name of the policy.
    pub policy: String,
    /// The environments.
    pub environments: Vec<EnvId>,
    /// Episodes per environment.
    pub episodes: u32,
    /// The seed of each environment's first episode; the next has the next number.
    pub seed: Seed,
    /// Steps after which an episode is over, where it is not the environment's own number.
    pub max_steps: Option<u32>,
    /// How long the policy may take over an action, s.
    pub action_timeout: f64,
    /// How long it may take to begin an episode, s.
    pub reset_timeout: f64,
    /// The cameras whose pictures it was shown.
    pub cameras: Vec<String>,
    /// What each family says that its results depend on.
    pub families: BTreeMap<String, BTreeMap<String, String>>,
}

impl Identity {
    /// The names of the fields in which two differ.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let fields = |identity: &Self| match serde_json::to_value(identity) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        let (ours, theirs) = (fields(self), fields(other));
        ours.into_iter().filter(|(k, v)| theirs.get(k) != Some(v)).map(|(k, _)| k).collect()
    }
}

/// A machine, as far as results and speed depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `linux`, ...
    pub os: String,
    /// `x86_64`, ...
    pub arch: String,
    /// The processor's name, where it says it.
    pub cpu: String,
    /// Whether the processor fuses multiplication and addition, on which the C library's
    /// mathematics depends.
    pub fma: bool,
    /// How many threads it runs at once.
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
