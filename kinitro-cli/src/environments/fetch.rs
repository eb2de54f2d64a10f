//! Gets the model files of MetaWorld: out of the wheel of the `metaworld` package, by pip, whose index
//! is the one that the machine is set up for.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use kinitro_eval::CancellationToken;
use kinitro_eval::env::AssetsError;
use kinitro_eval::env::metaworld::assets::{self, MetaworldPin, PREFIX_IN_WHEEL};

/// How far a [`fetch`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// This many bytes of the wheel are here, of that many.
    Download(u64, u64),
    /// How many files have been unpacked, and how many there are.
    Unpack(u64, u64),
}

/// Why the assets could not be fetched.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// The folder for the assets cannot be determined.
    Folder(AssetsError),
    /// The assets cannot be written to their folder.
    Unwritable { folder: PathBuf, source: io::Error },
    /// pip is missing, cannot reach an index, or failed.
    Pip(String),
    /// The downloaded wheel is not the pinned one.
    OtherWheel { requirement: String, found: String, pinned: String },
    /// The user interrupted the download.
    Interrupted,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(error) => write!(f, "{error}"),
            Self::Unwritable { folder, source } => {
                write!(f, "the assets cannot be written to {}: {source}", folder.display())
            }
            Self::Pip(problem) => write!(f, "{problem}"),
            Self::OtherWheel { requirement, found, pinned } => {
                write!(f, "the wheel of {requirement} has SHA-256 {found}, not {pinned}")
            }
            Self::Interrupted => write!(f, "interrupted"),
        }
    }
}

/// Fetches the assets into their folder and returns it. Does nothing if they are already there and
/// `force` is not set.
///
/// They are unpacked next to their folder and moved into place as a whole: a fetch that fails or is
/// interrupted leaves nothing behind, and if two run at once, one wins.
pub(crate) fn fetch(
    force: bool,
    stop: &CancellationToken,
    mut progress: impl FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let folder = assets::folder().map_err(FetchError::Folder)?;
    if !force && assets::check(&folder).is_ok() {
        return Ok(folder);
    }
    let parent = folder.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let unwritable = |source| FetchError::Unwritable { folder: parent.clone(), source };
    fs::create_dir_all(&parent).map_err(unwritable)?;
    let staging =
        tempfile::Builder::new().prefix(".metaworld-").tempdir_in(&parent).map_err(unwritable)?;

    let pin = assets::Pins::get().metaworld;
    let wheel = download(&pin, staging.path(), stop, &mut progress)?;
    let unpacked = staging.path().join("assets");
    unpack(&wheel, &unpacked, stop, &mut progress).map_err(unwritable)?;
    if stop.is_cancelled() {
        return Err(FetchError::Interrupted);
    }
    if force && folder.exists() {
        fs::rename(&folder, staging.path().join("replaced")).map_err(unwritable)?;
    }
    match fs::rename(&unpacked, &folder) {
        Err(error) if assets::check(&folder).is_err() => Err(unwritable(error)),
        _ => Ok(folder),
    }
}

fn download(
    pin: &MetaworldPin,
    staging: &Path,
    stop: &CancellationToken,
    progress: &mut impl FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let requirement = format!("metaworld=={}", pin.version);
    let at =
        |path: &Path, error: io::Error| FetchError::Pip(format!("{}: {error}", path.display()));
    let wheels = staging.join("wheel");
    let scratch = staging.join("scratch");
    for folder in [&wheels, &scratch] {
        fs::create_dir(folder).map_err(|error| at(folder, error))?;
    }
    // A file takes all that pip says; a pipe that nobody reads would stop it when it is full.
    let said = staging.join("said");
    let stderr = File::create(&said).map_err(|error| at(&said, error))?;
    let pip = Command::new("python3")
        .args(["-m", "pip", "download", &requirement, "--no-deps", "--only-binary=:all:"])
        .args(["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--dest"])
        .arg(&wheels)
        // What pip has received so far lies in its temporary folder, where it can be counted.
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| FetchError::Pip(format!("python3 cannot be started: {error}")))?;
    let status = wait(pip, stop, || {
        let received = (bytes_in(&scratch) + bytes_in(&wheels)).min(pin.wheel_bytes);
        progress(Progress::Download(received, pin.wheel_bytes));
    })?;
    if !status.success() {
        // Words for a person: nothing is lost with bytes that are not text.
        let said = fs::read(&said).unwrap_or_default();
        let last = String::from_utf8_lossy(&said);
        let last = last.trim().lines().last().unwrap_or("it said nothing").to_owned();
        return Err(FetchError::Pip(format!("pip could not download {requirement}: {last}")));
    }
    progress(Progress::Download(pin.wheel_bytes, pin.wheel_bytes));
    let wheel = fs::read_dir(&wheels)
        .ok()
        .and_then(|mut entries| entries.next())
        .and_then(Result::ok)
        .map(|entry| entry.path())
        .ok_or_else(|| FetchError::Pip("pip downloaded nothing".to_owned()))?;
    let found = assets::file_digest(&wheel).map_err(|error| at(&wheel, error))?;
    if found == pin.sha256 {
        Ok(wheel)
    } else {
        Err(FetchError::OtherWheel { requirement, found, pinned: pin.sha256.clone() })
    }
}

/// Waits for pip to end, and ends it when the user says so.
fn wait(
    mut pip: Child,
    stop: &CancellationToken,
    mut meanwhile: impl FnMut(),
) -> Result<ExitStatus, FetchError> {
    loop {
        if stop.is_cancelled() {
            // If it cannot be ended, it has ended.
            let _ = pip.kill();
            let _ = pip.wait();
            return Err(FetchError::Interrupted);
        }
        match pip.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {
                meanwhile();
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(FetchError::Pip(format!("pip was lost: {error}"))),
        }
    }
}

fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Unpacks the assets and their licence, until it is stopped.
fn unpack(
    wheel: &Path,
    folder: &Path,
    stop: &CancellationToken,
    progress: &mut impl FnMut(Progress),
) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let total = archive.len() as u64;
    for index in (0..archive.len()).take_while(|_| !stop.is_cancelled()) {
        let mut file = archive.by_index(index)?;
        // Names that lead out of the folder are not enclosed ones.
        let name = file.enclosed_name();
        let inside = name.as_deref().and_then(|name| name.strip_prefix(PREFIX_IN_WHEEL).ok());
        let licence = name.as_deref().filter(|name| name.ends_with("licenses/LICENSE"));
        let licence = licence.map(|_| Path::new("LICENSE"));
        if let Some(relative) = inside.or(licence).filter(|_| file.is_file()) {
            let target = folder.join(relative);
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut out = File::create(&target)?;
            io::copy(&mut file, &mut out)?;
            out.flush()?;
        }
        progress(Progress::Unpack(index as u64 + 1, total));
    }
    Ok(())
}
