use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use globset::Glob;
use kinitro_eval::env::metaworld::MetaWorld;
use kinitro_eval::env::metaworld::parity::{self, Strictness, Verdict};
use kinitro_eval::env::{EnvironmentError, EnvironmentSpec};
use kinitro_eval::kinitro_core::{ChannelSpec, EnvId, Image, Seed};
use kinitro_eval::{Registry, check};

use serde::Serialize;

use crate::args::{CheckArguments, FetchArguments, ListArguments, ParityArguments, ShowArguments};
use crate::environments::fetch::{self, Progress};
use crate::environments::registry;
use crate::failure::{Code, Failure};
use crate::output::{json, progress, table, to_stderr, to_stdout};
use crate::session::{runtime, stop_when_interrupted};

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

#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    spec: &'a EnvironmentSpec,
    /// Whether there is a scripted expert.
    expert: bool,
}

pub(crate) fn show(arguments: &ShowArguments) -> Result<(), Failure> {
    let registry = registry(arguments.pictures);
    let id = match &registry.resolve(&arguments.env)?[..] {
        [id] => id.clone(),
        several => {
            let (name, count) = (&arguments.env, several.len());
            return Err(Failure::usage(format_args!("`{name}` stands for {count} environments"))
                .hint("name one of them; `kinitro env list ENV` shows them"));
        }
    };
    let spec = registry.spec(&id)?;
    if let Some(file) = &arguments.png {
        let first = || spec.cameras.first().map(|camera| camera.name.clone());
        let camera = arguments.camera.clone().or_else(first).ok_or_else(|| {
            Failure::usage(format_args!("`{id}` has no camera to draw a picture with"))
        })?;
        write_png(file, &picture(&registry, &id, &camera, Seed(arguments.seed))?)?;
        to_stderr(format_args!("the picture from `{camera}` is in {}", file.display()));
    }
    let expert = registry.expert(&id).is_some();
    if arguments.json {
        return json(&Shown { spec: &spec, expert });
    }
    to_stdout(format_args!("{id}: {}", spec.description))?;
    to_stdout(format_args!(
        "{} steps of {} s an episode; {} scripted expert\n",
        spec.max_steps,
        spec.step_seconds,
        if expert { "with a" } else { "without a" }
    ))?;
    let mut channels =
        table::with_headings(6, ["", "channel", "numbers", "unit", "from, to", "what it is"]);
    let observed = spec.observation.iter().map(|channel| ("observed", channel));
    for (kind, channel) in observed.chain(spec.action.continuous.iter().map(|c| ("action", c))) {
        let ChannelSpec { name, len, bounds, unit, description, .. } = channel;
        let bounds = bounds.map_or_else(String::new, |(low, high)| format!("{low}, {high}"));
        let (len, kind) = (len.to_string(), kind.to_owned());
        channels.add_row([kind, name.clone(), len, unit.clone(), bounds, description.clone()]);
    }
    for channel in &spec.action.discrete {
        let (name, range) = (&channel.name, format!("{}, {}", channel.low, channel.high));
        channels.add_row(["action", name, "1", "", &range, &channel.description]);
    }
    for camera in &spec.cameras {
        let (name, size) = (&camera.name, format!("{}x{}x3", camera.height, camera.width));
        channels.add_row(["camera", name, &size, "", "0, 255", "upright RGB"]);
        if camera.depth {
            let size = format!("{}x{}", camera.height, camera.width);
            channels.add_row(["camera", name, &size, "m", "", "upright depth"]);
        }
    }
    to_stdout(channels)
}

/// What a camera shows at the beginning of an episode.
fn picture(
    registry: &Registry,
    id: &EnvId,
    camera: &str,
    seed: Seed,
) -> Result<Image, EnvironmentError> {
    registry.spec(id)?.camera(camera)?;
    let mut environment = registry.make(id)?;
    let scenario = environment.generate_scenario(seed)?;
    environment.reset(&scenario)?;
    environment.render(camera)
}

fn write_png(path: &Path, image: &Image) -> Result<(), Failure> {
    let write = || -> Result<(), png::EncodingError> {
        let file = BufWriter::new(File::create(path)?);
        let mut encoder = png::Encoder::new(file, image.width() as u32, image.height() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(image.as_bytes())?;
        writer.finish()
    };
    write().map_err(|error| {
        let path = path.display();
        Failure::new(Code::Environment, format_args!("{path} could not be written: {error}"))
            .hint("check that its folder is there and can be written to")
    })
}

#[derive(Serialize)]
struct Checked {
    #[serde(flatten)]
    check: check::EnvironmentCheck,
    passed: bool,
}

pub(crate) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let registry = Registry::builtin();
    let mut ids: Vec<EnvId> = Vec::new();
    for pattern in &arguments.env {
        for id in registry.resolve(pattern)? {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    let (first, seeds) = (Seed(arguments.seed), arguments.seeds);
    if first.0.checked_add(u64::from(seeds) - 1).is_none() {
        return Err(Failure::usage("the last seed would be larger than 2^64 - 1"));
    }
    let mut checked = Vec::new();
    let mut table = table::with_headings(
        1,
        ["environment", "repeats", "seeds differ", "expert solves", "steps/s", "passed"],
    );
    let bar = progress::counting_bar(ids.len() as u64);
    for id in &ids {
        let check = check::environment(&registry, id, first, seeds)?;
        let passed = check.passed();
        let yes = |is_so: bool| if is_so { "yes" } else { "NO" }.to_owned();
        let solved = check.solved.map(|solved| format!("{solved} of {seeds}"));
        table.add_row([
            id.to_string(),
            yes(check.repeats),
            yes(check.differs),
            solved.unwrap_or_else(|| "-".to_owned()),
            format!("{:.0}", check.steps_per_second),
            yes(passed),
        ]);
        checked.push(Checked { check, passed });
        bar.inc(1);
    }
    bar.finish_and_clear();
    if arguments.json {
        json(&checked)?;
    } else {
        to_stdout(table)?;
    }
    let failed = checked.iter().filter(|checked| !checked.passed).count();
    if failed == 0 {
        return Ok(());
    }
    let total = checked.len();
    Err(Failure::new(Code::Failed, format_args!("{failed} of {total} environments did not pass")))
}

pub(crate) fn fetch(arguments: &FetchArguments) -> Result<(), Failure> {
    let bar = progress::bytes_bar();
    bar.set_message("downloading");
    let (force, shown) = (arguments.force, bar.clone());
    let folder = runtime()?.block_on(async {
        let stop = stop_when_interrupted(None);
        let mut unpacking = false;
        let work = tokio::task::spawn_blocking(move || {
            fetch::fetch(force, &stop, |progress| {
                let (position, length) = match progress {
                    Progress::Download(position, length) => (position, length),
                    Progress::Unpack(position, length) => {
                        if !unpacking {
                            unpacking = true;
                            progress::count_files(&shown);
                            shown.set_message("unpacking");
                        }
                        (position, length)
                    }
                };
                shown.set_length(length);
                shown.set_position(position);
            })
        });
        work.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    })?;
    bar.finish_and_clear();
    to_stderr(format_args!("the assets of {} are in {}", arguments.family, folder.display()));
    Ok(())
}

pub(crate) fn parity(arguments: &ParityArguments) -> Result<(), Failure> {
    if !(arguments.tolerance >= 0.0 && arguments.tolerance.is_finite()) {
        return Err(Failure::usage("--tolerance must be a number of at least 0"));
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
    let strictness = Strictness::new(arguments.steps, arguments.tolerance);
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
            let parity::Difference { step, field, index, recorded, computed, difference, .. } =
                found;
            format!(
                "differs   {name}: step {step} of {}, {field}[{index}] is {computed:?} instead of \
                 {recorded:?}, off by {difference:.3e}",
                report.steps
            )
        }
        Verdict::Unusable { reason } => format!("unusable  {name}: {reason}"),
    }
}
