use globset::Glob;
use kinitro_eval::Registry;
use kinitro_eval::env::EnvironmentSpec;
use kinitro_eval::env::metaworld::MetaWorld;
use kinitro_eval::env::metaworld::assets::{self, Progress};
use kinitro_eval::env::metaworld::parity::{self, Strictness, Verdict};

use crate::args::{FetchArguments, ListArguments, ParityArguments};
use crate::failure::{Code, Failure};
use crate::output::{json, progress, table, to_stderr, to_stdout};

pub(crate) fn list(arguments: &ListArguments) -> Result<(), Failure> {
    let registry = Registry::builtin();
    let ids = match &arguments.pattern {
        Some(pattern) => registry.resolve(pattern)?,
        None => registry.env_ids(),
    };
    let specs = ids.iter().map(|id| registry.spec(id)).collect::<Result<Vec<_>, _>>()?;
    if arguments.json {
        return json(&specs);
    }
    let mut table = table::with_headings(4, ["environment", "steps", "cameras", "task"]);
    for EnvironmentSpec { id, max_steps, cameras, description, .. } in specs {
        let cameras: Vec<_> = cameras.into_iter().map(|camera| camera.name).collect();
        table.add_row([id.to_string(), max_steps.to_string(), cameras.join(", "), description]);
    }
    to_stdout(table)
}

pub(crate) fn fetch(arguments: &FetchArguments) -> Result<(), Failure> {
    let bar = progress::bytes_bar();
    bar.set_message("downloading");
    let mut unpacking = false;
    let folder = assets::fetch(arguments.force, |progress| {
        let (position, length) = match progress {
            Progress::Download(position, length) => (position, length),
            Progress::Unpack(position, length) => {
                if !unpacking {
                    unpacking = true;
                    progress::count_files(&bar);
                    bar.set_message("unpacking");
                }
                (position, length)
            }
        };
        bar.set_length(length);
        bar.set_position(position);
    })?;
    bar.finish_and_clear();
    to_stderr(format_args!("the assets of {} are in {}", arguments.family, folder.display()));
    Ok(())
}

pub(crate) fn parity(arguments: &ParityArguments) -> Result<(), Failure> {
    if !(arguments.tolerance >= 0.0 && arguments.tolerance.is_finite()) {
        return Err(Failure::usage("--tolerance must be a number from 0 on"));
    }
    let matcher = match &arguments.only {
        Some(glob) => Some(Glob::new(glob).map_err(Failure::usage)?.compile_matcher()),
        None => None,
    };
    let wanted = |file: &std::path::Path| {
        let name = file.file_name().unwrap_or_default();
        matcher.as_ref().is_none_or(|matcher| matcher.is_match(name))
    };
    let mut files = parity::recordings(&arguments.folder)?;
    files.retain(|file| wanted(file));
    if files.is_empty() {
        let folder = arguments.folder.display();
        return Err(Failure::usage(format_args!("there is no such recording (.npz) in {folder}")));
    }

    let family = MetaWorld::default();
    let strictness = Strictness { steps: arguments.steps, tolerance: arguments.tolerance };
    let mut reports = Vec::new();
    for file in &files {
        let report = parity::compare(&family, file, strictness)?;
        if !arguments.json {
            to_stdout(line(&report))?;
        }
        reports.push(report);
    }
    let matching = reports.iter().filter(|report| report.verdict == Verdict::Match).count();
    if arguments.json {
        json(&reports)?;
    }
    if matching == reports.len() {
        to_stderr(format_args!("all {matching} recordings match"));
        return Ok(());
    }
    let failure =
        format_args!("{} of {} recordings do not match", reports.len() - matching, reports.len());
    Err(Failure::new(Code::Failed, failure))
}

fn line(report: &parity::Report) -> String {
    let name = report.file.file_name().unwrap_or_default().to_string_lossy();
    match &report.verdict {
        Verdict::Match => format!("match     {name} ({} steps)", report.steps),
        Verdict::Differs(found) => {
            let parity::Difference { step, field, index, recorded, computed, difference } = found;
            format!(
                "differs   {name}: step {step} of {}, {field}[{index}] is {computed:?} instead of \
                 {recorded:?}, off by {difference:.3e}",
                report.steps
            )
        }
        Verdict::Unusable { reason } => format!("unusable  {name}: {reason}"),
    }
}
