//! Tables.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use kinitro_eval::report::{EnvironmentSummary, Summary};

/// An empty table with those headings, of which the first so many are over text and the others
/// over numbers.
pub(crate) fn with_headings<'a>(
    texts: usize,
    headings: impl IntoIterator<Item = &'a str>,
) -> Table {
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(headings);
    for column in table.column_iter_mut().skip(texts) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// The results of an evaluation, environment by environment.
pub(crate) fn of_summary(summary: &Summary) -> Table {
    let mut table = with_headings(
        1,
        ["environment", "success", "95 % interval", "return", "length", "p50", "p99", "faults"],
    );
    for environment in &summary.environments {
        let EnvironmentSummary { env_id, episodes, successes, interval, .. } = environment;
        table.add_row([
            env_id.to_string(),
            format!("{successes}/{episodes}"),
            format!("{} to {}", percent(interval.low), percent(interval.high)),
            number(environment.mean_return, 1),
            number(environment.mean_length, 0),
            millis(environment.latency_p50),
            millis(environment.latency_p99),
            faults(environment),
        ]);
    }
    table
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

pub(crate) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

fn millis(seconds: Option<f64>) -> String {
    let digits = |ms: f64| if ms < 10.0 { 2 } else { 0 };
    seconds.map_or_else(
        || "-".to_owned(),
        |seconds| format!("{:.*} ms", digits(seconds * 1e3), seconds * 1e3),
    )
}

fn faults(environment: &EnvironmentSummary) -> String {
    let counts = environment.faults.iter().map(|(kind, count)| format!("{kind} {count}"));
    let text = counts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "-".to_owned() } else { text }
}
