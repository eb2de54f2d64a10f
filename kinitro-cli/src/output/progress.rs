//! Progress bars on standard error, which say nothing when it is not a terminal.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use kinitro_core::Outcome;
use kinitro_eval::Event;

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// The bar of an evaluation: episodes, steps per second, success so far.
pub(crate) struct EvaluationBar {
    bar: ProgressBar,
    counts: Mutex<Counts>,
}

struct Counts {
    started: Instant,
    steps: u64,
    successes: u64,
    scored: u64,
}

impl EvaluationBar {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::no_length();
        bar.set_style(style(
            "{elapsed_precise} [{bar:32}] {human_pos}/{human_len} episodes  {msg}  eta {eta}",
        ));
        let counts = Counts { started: Instant::now(), steps: 0, successes: 0, scored: 0 };
        Self { bar, counts: Mutex::new(counts) }
    }

    pub(crate) fn on_event(&self, event: Event<'_>) {
        let Ok(mut counts) = self.counts.lock() else { return };
        match event {
            Event::Started { total, done, .. } => {
                self.bar.set_length(total as u64);
                self.bar.set_position(done.len() as u64);
                self.bar.reset_eta();
                self.bar.enable_steady_tick(Duration::from_millis(200));
                counts.started = Instant::now();
                done.iter().for_each(|record| counts.add(&record.outcome));
            }
            Event::Steps(steps) => counts.steps += u64::from(steps),
            Event::Episode(record) => {
                counts.add(&record.outcome);
                self.bar.inc(1);
            }
            Event::Retry(record) => {
                self.bar.println(format!(
                    "`{}` with seed {} broke down and is run again: {}",
                    record.env_id,
                    record.seed,
                    record.outcome.label(),
                ));
            }
            _ => {}
        }
        self.bar.set_message(counts.message());
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Counts {
    fn add(&mut self, outcome: &Outcome) {
        self.scored += u64::from(outcome.score().is_some());
        self.successes += u64::from(*outcome == Outcome::Success);
    }

    fn message(&self) -> String {
        let rate = self.steps as f64 / self.started.elapsed().as_secs_f64().max(1e-3);
        let success = match self.scored {
            0 => "-".to_owned(),
            scored => format!("{:.0} %", 100.0 * self.successes as f64 / scored as f64),
        };
        format!("{rate:.0} steps/s  success {success}")
    }
}

/// The bar of a download and of what follows it.
pub(crate) fn bytes_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_style(style("{msg:12} [{bar:32}] {bytes}/{total_bytes}"));
    bar
}

/// Turns a bar of bytes into one of files.
pub(crate) fn count_files(bar: &ProgressBar) {
    bar.set_style(style("{msg:12} [{bar:32}] {human_pos}/{human_len} files"));
}

/// The bar of so many things done one after another.
pub(crate) fn counting_bar(count: u64) -> ProgressBar {
    let bar = ProgressBar::new(count);
    bar.set_style(style("[{bar:32}] {human_pos}/{human_len}"));
    bar
}

/// The bar of the tasks of a cycle.
pub(crate) fn tasks_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_style(style(
        "{elapsed_precise} [{bar:32}] {human_pos}/{human_len} episodes  eta {eta}",
    ));
    bar
}
