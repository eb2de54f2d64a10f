//! Runs programs and captures their output.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{assets, kinitro_binary};

/// How long a program may run: far longer than any test needs, so a program that takes longer
/// hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// Environment variables that a program inherits from the test: the search paths for programs and
/// libraries, and the file for coverage data.
const KEPT: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"];

/// A program to run, with an almost empty environment.
pub struct Program {
    command: Command,
    limit: Duration,
}

/// The `kinitro` program with arguments, separated by spaces. It finds the assets but no home
/// folder.
pub fn kinitro(arguments: &str) -> Program {
    Program::new(kinitro_binary())
        .args(arguments.split_whitespace())
        .env("HOME", "/nonexistent")
        .env("KINITRO_METAWORLD_ASSETS", assets())
}

impl Program {
    /// Any program.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.env_clear();
        command.envs(KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        Self { command, limit: LIMIT }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it in that folder.
    #[must_use]
    pub fn current_dir(mut self, folder: impl AsRef<std::path::Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Takes a variable out of its environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Gives it the whole environment of the test: for what other programs that it starts need.
    #[must_use]
    pub fn with_own_environment(mut self) -> Self {
        self.command.envs(std::env::vars_os());
        self
    }

    /// Lets it run longer.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn start(mut self) -> Running {
        let command = self.command.stdin(Stdio::null());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdout = Some(read(child.stdout.take()));
        let stderr = Some(read(child.stderr.take()));
        Running { child, stdout, stderr, deadline: Instant::now() + self.limit }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn run(self) -> Finished {
        self.start().wait()
    }
}

/// Reads all that comes on a thread of its own, so that the program is never kept waiting.
fn read(stream: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What came before an error is all there is.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// A program that runs. It is killed when this is dropped.
pub struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    deadline: Instant,
}

impl Running {
    /// Sends a signal: `INT`, `KILL`.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let kill = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(kill.expect("kill can be started").success(), "signal {name} was not sent");
    }

    /// The most memory that it has had so far, in MiB.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn peak_memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs, on Linux");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.parse::<u64>().ok()).expect("Linux counts it") / 1024
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time.
    #[track_caller]
    pub fn wait(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                break Some(status);
            }
            if Instant::now() > self.deadline {
                self.kill();
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = |reader: &mut Option<JoinHandle<String>>| {
            let reader = reader.take().map(JoinHandle::join);
            reader.and_then(Result::ok).unwrap_or_default()
        };
        let (stdout, stderr) = (text(&mut self.stdout), text(&mut self.stderr));
        let Some(status) = status else {
            panic!("it did not end in time\nstdout:\n{stdout}\nstderr:\n{stderr}");
        };
        Finished { status, stdout, stderr }
    }

    fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A program that has ended.
#[derive(Debug)]
pub struct Finished {
    status: ExitStatus,
    /// What it has said on standard output.
    pub stdout: String,
    /// What it has said on standard error.
    pub stderr: String,
}

impl Finished {
    /// Checks its exit code.
    #[must_use]
    #[track_caller]
    pub fn with_code(self, code: i32) -> Self {
        let Self { status, stdout, stderr } = &self;
        assert_eq!(status.code(), Some(code), "{status}\nstdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// Checks that it failed with that exit code, without a word of data, and that its error and
    /// its hint have these words in them.
    #[track_caller]
    pub fn failed(self, code: i32, error: &[&str], hint: &[&str]) {
        let finished = self.with_code(code);
        let Self { stdout, stderr, .. } = &finished;
        assert_eq!(stdout, "", "stderr:\n{stderr}");
        finished.says(error, hint);
    }

    /// Checks that its error and its hint have these words in them.
    #[track_caller]
    pub fn says(&self, error: &[&str], hint: &[&str]) {
        for (label, words) in [("error: ", error), ("hint: ", hint)] {
            let mut lines = self.stderr.lines().filter_map(|line| line.strip_prefix(label));
            let line = lines.next().unwrap_or_default();
            for words in words {
                assert!(line.contains(words), "no `{words}` after `{label}`:\n{}", self.stderr);
            }
        }
    }

    /// The signal that has ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Its standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON and nothing else.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}", self.stdout))
    }
}
