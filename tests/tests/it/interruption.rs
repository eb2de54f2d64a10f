//! An evaluation that is interrupted, in one way or another, and then resumed.
//!
//! The policy server holds back the last episodes, so that the program is always stopped in the
//! middle of them, never by chance before or after.

use std::path::Path;

use kinitro_tests::results::{episodes, json, line_count, lines, seeds};
use kinitro_tests::server::{Gate, PolicyServer, Reply, action};
use kinitro_tests::{Program, Running, kinitro, wait_until};

const EPISODES: u64 = 6;
/// The episodes from this on are held back until the gate is open.
const HELD_FROM: u64 = 4;

struct Held {
    server: PolicyServer,
    gate: Gate,
}

impl Held {
    fn new() -> Self {
        let gate = Gate::default();
        let held = gate.clone();
        let server = PolicyServer::start(move |seed| {
            if seed >= HELD_FROM {
                held.pass();
            }
            // Something that differs from seed to seed.
            let speed = 0.1 * seed as f64;
            Reply::Bytes(action(&format!("{speed}, -{speed}, 0.3, 0, 0, 0"), "1"))
        });
        Self { server, gate }
    }

    fn command(&self, out: &Path) -> Program {
        let arguments = "eval --env metaworld/push-v3 --max-steps 20 --no-images --workers 2 \
                         --action-timeout 60 --out";
        let episodes = EPISODES.to_string();
        kinitro(arguments).arg(out).args(["--policy", &self.server.url, "--episodes", &episodes])
    }

    /// Starts it and waits until it is in the middle of the episodes that are held back.
    fn in_the_middle(&self, out: &Path) -> Running {
        let running = self.command(out).start();
        let done = usize::try_from(HELD_FROM).unwrap();
        wait_until("the first episodes are done", || line_count(out) == done);
        let mut begun = Vec::new();
        wait_until("the next ones have begun", || {
            begun.extend(self.server.take_resets());
            begun.len() == done + 2
        });
        running
    }

    /// Runs the same command to the end. Checks that exactly the missing episodes are run, and that
    /// together they match the episodes of an undisturbed evaluation.
    fn is_completed(&self, out: &Path, undisturbed: &Path) {
        let before = lines(out);
        self.gate.open();
        let _ = self.command(out).run().with_code(0);
        let missing: Vec<u64> = (HELD_FROM..EPISODES).collect();
        assert_eq!(self.server.take_resets(), missing, "exactly the missing ones are run");
        assert_eq!(lines(out)[..before.len()], before, "what was done is left as it was");

        let _ = self.command(undisturbed).run().with_code(0);
        assert_eq!(self.server.take_resets().len() as u64, EPISODES);
        assert_eq!(episodes(out), episodes(undisturbed));
        assert_eq!(json(&out.join("summary.json"))["complete"], true);
    }
}

#[test]
fn after_a_kill_the_same_command_runs_exactly_the_missing_episodes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let held = Held::new();
    let running = held.in_the_middle(&out);
    running.signal("KILL");
    assert_eq!(running.wait().signal(), Some(9));
    assert_eq!(seeds(&out), [0, 1, 2, 3]);
    assert!(!out.join("summary.json").exists(), "it was given no time for a summary");
    held.is_completed(&out, &folder.path().join("undisturbed"));
}

#[test]
fn signals_end_it_with_130_and_what_is_done_is_kept_and_told() {
    for signal in ["INT", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let held = Held::new();
        let running = held.in_the_middle(&out);
        running.signal(signal);
        let finished = running.wait().with_code(130);
        finished.says(&["stopped after 4 episodes"], &["the same command again"]);
        assert!(finished.stdout.contains("0/4"), "{}", finished.stdout);
        assert_eq!(seeds(&out), [0, 1, 2, 3]);
        let summary = json(&out.join("summary.json"));
        assert_eq!(summary["complete"], false);
        assert_eq!(summary["environments"][0]["episodes"], 4);
        held.is_completed(&out, &folder.path().join("undisturbed"));
    }
}

#[test]
fn an_interrupted_evaluation_can_be_interrupted_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let held = Held::new();
    let running = held.in_the_middle(&out);
    running.signal("INT");
    let _ = running.wait().with_code(130);
    let again = held.command(&out).start();
    let mut begun = Vec::new();
    wait_until("the missing ones have begun", || {
        begun.extend(held.server.take_resets());
        begun.len() == 2
    });
    again.signal("KILL");
    assert_eq!(again.wait().signal(), Some(9));
    assert_eq!(seeds(&out), [0, 1, 2, 3]);
    held.is_completed(&out, &folder.path().join("undisturbed"));
}
