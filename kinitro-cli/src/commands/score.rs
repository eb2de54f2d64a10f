use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use kinitro_core::scoring::{
    DenialReason, Explanations, MinerKind, ParetoSubsets, ScoreFile, ScoreReport, ScoreTable,
    Scores, SimulatedSubnet, SizeCounts, Weighting, WeightingError, Weightings,
};
use serde_json::json;

use crate::args::{ScoreArguments, ScoringArguments, TestScoringArguments};
use crate::failure::{Code, Failure};
use crate::output::{json as print_json, table, to_stdout};

/// Episodes behind a success rate where neither the file nor the command line says it.
const EPISODES_PER_ENV: u32 = 50;

/// Larger files are no scores of one subnet.
const MAX_FILE: u64 = 64 << 20;

pub(crate) fn score(arguments: &ScoreArguments) -> Result<(), Failure> {
    let file = read(&arguments.file)?;
    let options = &arguments.options;
    let episodes = options.episodes_per_env.or(file.episodes_per_env).unwrap_or(EPISODES_PER_ENV);
    let table = file.table(episodes).map_err(Failure::usage)?;
    report(&table, &*rule(file.weighting(), options)?, options, |_| None)
}

pub(crate) fn test_scoring(arguments: &TestScoringArguments) -> Result<(), Failure> {
    let options = &arguments.options;
    let subnet = SimulatedSubnet {
        miners: arguments.n_miners,
        envs: arguments.n_envs,
        episodes_per_env: options.episodes_per_env.unwrap_or(EPISODES_PER_ENV),
        seed: arguments.seed.into(),
    };
    let simulated = subnet.simulate().map_err(Failure::usage)?;
    let kind = |row: usize| {
        Some(match simulated.kinds[row] {
            MinerKind::Generalist => "generalist".to_owned(),
            MinerKind::Specialist => "specialist".to_owned(),
            MinerKind::Copy { of } => format!("copy of {of}"),
        })
    };
    report(&simulated.table, &*rule(ParetoSubsets::new(), options)?, options, kind)
}

fn read(path: &Path) -> Result<ScoreFile, Failure> {
    let unreadable = |error: std::io::Error| {
        Failure::new(Code::Environment, format_args!("{} cannot be read: {error}", path.display()))
    };
    let is_stdin = path == Path::new("-");
    let mut text = String::new();
    let source: Box<dyn std::io::Read> = if is_stdin {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    let length = source.take(MAX_FILE + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > MAX_FILE {
        let megabytes = MAX_FILE >> 20;
        return Err(Failure::usage(format_args!(
            "{} is larger than {megabytes} MB: this is not a file of scores",
            path.display()
        )));
    }
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let read = if is_csv { ScoreFile::from_csv(&text) } else { ScoreFile::from_json(&text) };
    read.map_err(|error| {
        Failure::usage(format_args!("{}: {error}", path.display())).hint(
            "scores are JSON ({\"env_ids\", \"miners\": [{\"uid\", \"first_block\", \"scores\"}]}) \
             or CSV (uid,first_block,ENV_ID,...) in a file that ends in .csv",
        )
    })
}

/// The rule that was asked for. What a file of scores says is for the default rule.
fn rule(
    file: ParetoSubsets,
    arguments: &ScoringArguments,
) -> Result<Arc<dyn Weighting>, WeightingError> {
    let ScoringArguments { method, options, scheme, points, temperature, work_limit, .. } =
        arguments;
    let mut options = options.clone().unwrap_or_else(|| json!({}));
    let flags = [
        ("scheme", scheme.as_ref().map(|name| json!(name))),
        ("points", points.as_ref().map(|name| json!(name))),
        ("work_limit", work_limit.map(|limit| json!(limit))),
    ];
    for (name, value) in flags {
        if let Some(value) = value {
            options[name] = value;
        }
    }
    let rules =
        Weightings::builtin().with(ParetoSubsets::NAME, move |options| file.with_options(options));
    match temperature {
        // A number that JSON has no word for is refused in the rule's own words.
        Some(temperature) if method == ParetoSubsets::NAME => {
            let temperature = *temperature;
            let rules = rules.with(ParetoSubsets::NAME, move |options| {
                file.with_options(options).map(|rule| rule.temperature(temperature))
            });
            rules.make(method, &options)
        }
        Some(temperature) => {
            options["temperature"] = json!(temperature);
            rules.make(method, &options)
        }
        None => rules.make(method, &options),
    }
}

fn report(
    scores: &ScoreTable,
    rule: &dyn Weighting,
    options: &ScoringArguments,
    kind: impl Fn(usize) -> Option<String>,
) -> Result<(), Failure> {
    let results = rule.score(scores)?;
    let explanations = if options.explain { Some(explanations(scores, rule)?) } else { None };
    if options.json {
        let report = ScoreReport::new(scores, &results);
        return match explanations {
            None => print_json(&report),
            Some(explain) => print_json(&json!({"report": report, "explain": explain})),
        };
    }
    to_stdout(points_table(scores, &results, kind))?;
    if results.weights.is_nobody() {
        to_stdout("nobody earns anything")?;
    }
    if let Some(explanations) = explanations {
        to_stdout("")?;
        explain(scores, &explanations)?;
    }
    Ok(())
}

fn explanations(scores: &ScoreTable, rule: &dyn Weighting) -> Result<Explanations, Failure> {
    rule.explain(scores)?.ok_or_else(|| {
        Failure::usage(format_args!("the rule `{}` explains nothing", rule.name()))
            .hint("leave out --explain")
    })
}

/// A column whose cells come from the row of a miner.
type Column<'a> = (&'static str, Box<dyn Fn(usize) -> String + 'a>);

fn points_table(
    scores: &ScoreTable,
    results: &Scores,
    kind: impl Fn(usize) -> Option<String>,
) -> comfy_table::Table {
    let weights = &results.weights;
    let mut columns: Vec<Column<'_>> = vec![
        ("uid", Box::new(|row| scores.uids()[row].to_string())),
        (
            "first block",
            Box::new(|row| {
                let block = scores.first_blocks()[row];
                block.map_or_else(|| "unknown".to_owned(), |block| block.to_string())
            }),
        ),
        (
            "mean score",
            Box::new(|row| format!("{:.3}", scores.scores().row(row).mean().unwrap_or_default())),
        ),
        (
            "frontier",
            Box::new(|row| if results.frontier.contains(&row) { "yes" } else { "" }.to_owned()),
        ),
    ];
    if !results.wins.is_empty() {
        columns.push(("sets won", Box::new(|row| results.wins[row].total().to_string())));
    }
    if !results.points.is_empty() {
        columns.push(("points", Box::new(|row| results.points[row].to_string())));
    }
    // Where nobody earns there are no weights.
    let share = |row: usize| weights.shares.get(row).copied().unwrap_or(0.0);
    let value = |row: usize| weights.values.get(row).copied().unwrap_or(0);
    columns.push(("weight", Box::new(move |row| format!("{:.4}", share(row)))));
    columns.push(("u16", Box::new(move |row| value(row).to_string())));
    let mut table = table::with_headings(0, columns.iter().map(|(heading, _)| *heading));
    if kind(0).is_some() {
        columns.push(("made up as", Box::new(|row| kind(row).unwrap_or_default())));
        table.set_header(columns.iter().map(|(heading, _)| *heading));
    }
    let mut rows: Vec<usize> = (0..scores.miner_count()).collect();
    if results.points.is_empty() {
        rows.sort_by(|&a, &b| share(b).total_cmp(&share(a)).then(a.cmp(&b)));
    } else {
        rows.sort_by(|&a, &b| results.points[b].cmp(&results.points[a]).then(a.cmp(&b)));
    }
    for row in rows {
        table.add_row(columns.iter().map(|(_, cell)| cell(row)));
    }
    table
}

fn explain(scores: &ScoreTable, explanations: &Explanations) -> Result<(), Failure> {
    let of_all = |envs: usize| {
        if envs == scores.env_count() {
            "all environments".to_owned()
        } else {
            format!("{envs} environments")
        }
    };
    for miner in &explanations.miners {
        let wins = sizes(&miner.wins);
        to_stdout(format_args!("miner {}: {} points", miner.uid, miner.points))?;
        if !wins.is_empty() {
            to_stdout(format_args!("  wins {wins}"))?;
        }
        to_stdout(format_args!(
            "  is ahead of all who came before it on {}",
            of_all(miner.reach.len())
        ))?;
        for denial in &miner.denials {
            let names: Vec<_> = denial.environments.iter().map(ToString::to_string).collect();
            let right = match denial.reason {
                DenialReason::Incumbent => "came before and is not beaten on",
                DenialReason::Challenger => "beats its threshold on",
                DenialReason::LowerUid => "has the same block and the lower uid, and wins sets of",
                _ => "denies it sets of",
            };
            let by = denial.by;
            to_stdout(format_args!(
                "  loses {} to miner {by}, who {right} {}",
                sizes(&denial.sets),
                names.join(", ")
            ))?;
        }
    }
    let unclaimed = sizes(&explanations.unclaimed);
    if !unclaimed.is_empty() {
        to_stdout(format_args!("nobody wins {unclaimed}"))?;
    }
    Ok(())
}

/// `3 sets of 1, 2 sets of 2 environments`.
fn sizes(counts: &SizeCounts) -> String {
    let sets = |count: u64| if count == 1 { "set" } else { "sets" };
    let each = counts.iter().map(|(size, count)| format!("{count} {} of {size}", sets(count)));
    each.collect::<Vec<_>>().join(", ")
}
