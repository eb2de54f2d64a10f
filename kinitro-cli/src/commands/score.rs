use std::io::Read as _;
use std::path::Path;

use kinitro_core::scoring::{
    DenialReason, Explanations, MinerKind, ParetoSubsets, PointScale, Scheme, ScoreFile,
    ScoreReport, ScoreTable, Scores, SimulatedSubnet, SizeCounts,
};

use crate::args::{ScoreArguments, ScoringArguments, TestScoringArguments};
use crate::failure::{Code, Failure};
use crate::output::{json, table, to_stdout};

/// Episodes behind a success rate where neither the file nor the command line says it.
const EPISODES_PER_ENV: u32 = 50;

/// Larger files are no scores of one subnet.
const MAX_FILE: u64 = 64 << 20;

pub(crate) fn score(arguments: &ScoreArguments) -> Result<(), Failure> {
    let file = read(&arguments.file)?;
    let options = &arguments.options;
    let episodes = options.episodes_per_env.or(file.episodes_per_env).unwrap_or(EPISODES_PER_ENV);
    let table = file.table(episodes).map_err(Failure::usage)?;
    report(&table, &rule(file.weighting(), options), options, |_| None)
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
    report(&simulated.table, &rule(ParetoSubsets::new(), options), options, kind)
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

fn rule(mut rule: ParetoSubsets, options: &ScoringArguments) -> ParetoSubsets {
    let named = |name: &Option<String>, wanted: &str| name.as_deref() == Some(wanted);
    if let Some(scheme) = Scheme::ALL.into_iter().find(|s| named(&options.scheme, s.as_str())) {
        rule = rule.scheme(scheme);
    }
    if named(&options.points, "raw") {
        rule = rule.points(PointScale::Raw);
    }
    if named(&options.points, "share") {
        rule = rule.points(PointScale::Share);
    }
    if let Some(temperature) = options.temperature {
        rule = rule.temperature(temperature);
    }
    if let Some(limit) = options.work_limit {
        rule = rule.work_limit(limit);
    }
    rule
}

fn report(
    scores: &ScoreTable,
    rule: &ParetoSubsets,
    options: &ScoringArguments,
    kind: impl Fn(usize) -> Option<String>,
) -> Result<(), Failure> {
    let results = rule.score(scores)?;
    if options.json {
        let report = ScoreReport::new(scores, &results);
        return match options.explain {
            false => json(&report),
            true => json(&serde_json::json!({"report": report, "explain": rule.explain(scores)?})),
        };
    }
    to_stdout(points_table(scores, &results, kind))?;
    if options.explain {
        to_stdout("")?;
        explain(scores, &rule.explain(scores)?)?;
    }
    Ok(())
}

fn points_table(
    scores: &ScoreTable,
    results: &Scores,
    kind: impl Fn(usize) -> Option<String>,
) -> comfy_table::Table {
    let headings =
        ["uid", "first block", "mean score", "frontier", "sets won", "points", "weight", "u16"];
    let simulated = kind(0).is_some();
    let mut table = table::with_headings(0, headings);
    if simulated {
        let mut header: Vec<_> = headings.to_vec();
        header.push("made up as");
        table.set_header(header);
    }
    let mut rows: Vec<usize> = (0..scores.miner_count()).collect();
    rows.sort_by(|&a, &b| results.points[b].cmp(&results.points[a]).then(a.cmp(&b)));
    for row in rows {
        let block = scores.first_blocks()[row];
        let mut cells = vec![
            scores.uids()[row].to_string(),
            block.map_or_else(|| "unknown".to_owned(), |block| block.to_string()),
            format!("{:.3}", scores.scores().row(row).mean().unwrap_or_default()),
            if results.frontier.contains(&row) { "yes" } else { "" }.to_owned(),
            results.wins[row].total().to_string(),
            results.points[row].to_string(),
            format!("{:.4}", results.weights.shares[row]),
            results.weights.values[row].to_string(),
        ];
        cells.extend(kind(row));
        table.add_row(cells);
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
