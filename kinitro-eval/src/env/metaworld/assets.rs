//! The model files of MetaWorld: where they are, how to get them, and whether they are the right
//! ones.
//!
//! They come out of the PyPI wheel of the `metaworld` package, by pip, whose index is the one the
//! machine is set up for. Nothing else of the package is used, and nothing is fetched behind
//! anybody's back: [`fetch`] is called by `kinitro env fetch metaworld` alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::env::EnvironmentError;

/// The folder of the assets, in place of the usual one.
pub const FOLDER_VARIABLE: &str = "KINITRO_METAWORLD_ASSETS";

/// Where the files lie in the wheel.
const PREFIX_IN_WHEEL: &str = "metaworld/assets/";

/// A folder that is there when the assets are: they are moved into place as a whole.
const LANDMARK: &str = "sawyer_xyz";

/// What is fetched, and the digests it must have. The set-up script reads the same file.
#[derive(Debug, Deserialize)]
pub(super) struct Pins {
    pub(super) mujoco: MujocoPin,
    pub(super) metaworld: MetaworldPin,
}

#[derive(Debug, Deserialize)]
pub(super) struct MujocoPin {
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct MetaworldPin {
    pub(super) version: String,
    folder: String,
    wheel_bytes: u64,
    sha256: String,
}

impl Pins {
    pub(super) fn get() -> Self {
        serde_json::from_str(include_str!("../../../pins.json"))
            .expect("pins.json is part of the crate and checked by its tests")
    }
}

/// Where the assets are looked for: `$KINITRO_METAWORLD_ASSETS`, else
/// `$XDG_DATA_HOME/kinitro/assets/metaworld-3.1.1`, where `$XDG_DATA_HOME` is `~/.local/share`
/// unless it is set.
///
/// # Errors
/// [`EnvironmentError::Assets`] when there is no home folder either.
pub fn folder() -> Result<PathBuf, EnvironmentError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable(FOLDER_VARIABLE) {
        return Ok(folder.into());
    }
    let data = crate::data_folder().ok_or_else(|| EnvironmentError::Assets {
        problem: "there is no home folder to look for the MetaWorld assets in".into(),
        hint: format!("set {FOLDER_VARIABLE} to their folder"),
    })?;
    Ok(data.join("assets").join(Pins::get().metaworld.folder))
}

/// The folder of the assets, if they are there.
///
/// # Errors
/// [`EnvironmentError::Assets`], whose hint names the command that gets them.
pub fn find() -> Result<PathBuf, EnvironmentError> {
    let folder = folder()?;
    check(&folder).map(|()| folder)
}

pub(super) fn check(folder: &Path) -> Result<(), EnvironmentError> {
    if folder.join(LANDMARK).is_dir() {
        return Ok(());
    }
    Err(EnvironmentError::Assets {
        problem: format!("the MetaWorld assets are not in {}", folder.display()),
        hint: format!(
            "`kinitro env fetch metaworld` gets them; {FOLDER_VARIABLE} names another folder"
        ),
    })
}

/// The SHA-256 of all files of the assets: of the lines `DIGEST  PATH\n`, sorted by path.
///
/// # Errors
/// [`EnvironmentError::Assets`] when a file cannot be read.
pub fn digest(folder: &Path) -> Result<String, EnvironmentError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    let unreadable = |path: &Path, error: io::Error| EnvironmentError::Assets {
        problem: format!("{} cannot be read: {error}", path.display()),
        hint: "`kinitro env fetch metaworld --force` gets the assets anew".into(),
    };
    while let Some(current) = folders.pop() {
        let entries = fs::read_dir(&current).map_err(|error| unreadable(&current, error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&current, error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let digest = sha256_of(&path).map_err(|error| unreadable(&path, error))?;
                let relative = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
                files.insert(relative, digest);
            }
        }
    }
    let mut all = Sha256::new();
    for (path, digest) in files {
        all.update(format!("{digest}  {path}\n"));
    }
    Ok(hex(&all.finalize()))
}

fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            n => digest.update(&buffer[..n]),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The SHA-256 of the MuJoCo library that this process runs on, as it was released: the set-up
/// writes its own place into the file, and a record of the original beside it.
pub(super) fn loaded_mujoco_digest() -> Option<String> {
    #[derive(Deserialize)]
    struct Record {
        library_sha256: String,
        patched_sha256: String,
    }
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps.lines().filter_map(|line| line.split_whitespace().nth(5));
    let library = path.map(Path::new).find(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libmujoco.so"))
    })?;
    let found = sha256_of(library).ok()?;
    let record = library.parent()?.parent()?.join("record.json");
    let record: Option<Record> =
        fs::read(record).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match record {
        Some(record) if record.patched_sha256 == found => Some(record.library_sha256),
        _ => Some(found),
    }
}

/// How far a [`fetch`] has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes of the wheel are there, of so many.
    Download(u64, u64),
    /// So many files are unpacked, of so many.
    Unpack(u64, u64),
}

/// Gets the assets with pip and puts them into their folder. Nothing happens when they are there
/// already and `force` is not set. Returns the folder.
///
/// They are unpacked beside it and moved into place as a whole, so that an interrupted fetch leaves
/// nothing half done, and of two at once one wins.
///
/// # Errors
/// [`EnvironmentError::Assets`] when there is no pip, no network or no space, or when what came is
/// not what is pinned.
pub fn fetch(force: bool, mut progress: impl FnMut(Progress)) -> Result<PathBuf, EnvironmentError> {
    let folder = folder()?;
    if !force && check(&folder).is_ok() {
        return Ok(folder);
    }
    let parent = folder.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
    let unwritable = |error: io::Error| EnvironmentError::Assets {
        problem: format!("the assets cannot be written to {}: {error}", parent.display()),
        hint: format!("free some space (80 MB), or set {FOLDER_VARIABLE} to another folder"),
    };
    fs::create_dir_all(&parent).map_err(unwritable)?;
    let staging =
        tempfile::Builder::new().prefix(".metaworld-").tempdir_in(&parent).map_err(unwritable)?;

    let pin = Pins::get().metaworld;
    let wheel = download(&pin, staging.path(), &mut progress)?;
    let unpacked = staging.path().join("assets");
    unpack(&wheel, &unpacked, &mut progress).map_err(unwritable)?;
    if force && folder.exists() {
        fs::rename(&folder, staging.path().join("replaced")).map_err(unwritable)?;
    }
    match fs::rename(&unpacked, &folder) {
        Err(error) if check(&folder).is_err() => Err(unwritable(error)),
        _ => Ok(folder),
    }
}

fn download(
    pin: &MetaworldPin,
    staging: &Path,
    progress: &mut impl FnMut(Progress),
) -> Result<PathBuf, EnvironmentError> {
    let requirement = format!("metaworld=={}", pin.version);
    let failed = |problem: String| EnvironmentError::Assets {
        problem,
        hint: "it needs python3 with pip (Debian and Ubuntu: apt-get install python3-pip) and a \
               package index it can reach"
            .into(),
    };
    let wheels = staging.join("wheel");
    let scratch = staging.join("scratch");
    for folder in [&wheels, &scratch] {
        fs::create_dir(folder).map_err(|error| failed(format!("{}: {error}", folder.display())))?;
    }
    // A file takes all that pip says; a pipe that nobody reads would stop it when it is full.
    let said = staging.join("said");
    let stderr =
        File::create(&said).map_err(|error| failed(format!("{}: {error}", said.display())))?;
    let mut pip = Command::new("python3")
        .args(["-m", "pip", "download", &requirement, "--no-deps", "--only-binary=:all:"])
        .args(["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--dest"])
        .arg(&wheels)
        // What pip has received so far lies in its temporary folder, where it can be counted.
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| failed(format!("python3 cannot be started: {error}")))?;
    let status = loop {
        match pip.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) => {
                let received = (bytes_in(&scratch) + bytes_in(&wheels)).min(pin.wheel_bytes);
                progress(Progress::Download(received, pin.wheel_bytes));
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(failed(format!("pip was lost: {error}"))),
        }
    };
    if !status.success() {
        // Words for a person: what cannot be read of them is not missed.
        let said = fs::read(&said).unwrap_or_default();
        let last = String::from_utf8_lossy(&said);
        let last = last.trim().lines().last().unwrap_or("it said nothing").to_owned();
        return Err(failed(format!("pip could not download {requirement}: {last}")));
    }
    progress(Progress::Download(pin.wheel_bytes, pin.wheel_bytes));
    let wheel = fs::read_dir(&wheels)
        .ok()
        .and_then(|mut entries| entries.next())
        .and_then(Result::ok)
        .map(|entry| entry.path())
        .ok_or_else(|| failed("pip downloaded nothing".to_owned()))?;
    let found =
        sha256_of(&wheel).map_err(|error| failed(format!("{}: {error}", wheel.display())))?;
    if found != pin.sha256 {
        return Err(EnvironmentError::Assets {
            problem: format!("the wheel of {requirement} has SHA-256 {found}, not {}", pin.sha256),
            hint: "it was changed on its way or at its source: check the package index pip uses \
                   (`python3 -m pip config list`)"
                .into(),
        });
    }
    Ok(wheel)
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

fn unpack(wheel: &Path, folder: &Path, progress: &mut impl FnMut(Progress)) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(wheel)?)?;
    let total = archive.len() as u64;
    for index in 0..archive.len() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pins_are_complete() {
        let pins = Pins::get();
        assert_eq!(pins.mujoco.version, "3.17.0");
        assert_eq!(pins.metaworld.folder, format!("metaworld-{}", pins.metaworld.version));
        assert_eq!(pins.metaworld.sha256.len(), 64);
    }

    #[test]
    fn missing_assets_name_the_command_that_gets_them() {
        let empty = tempfile::tempdir().unwrap();
        let error = check(empty.path()).unwrap_err();
        assert!(error.hint().unwrap().contains("kinitro env fetch metaworld"), "{error}");
    }

    #[test]
    fn the_digest_depends_on_names_and_contents() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "1").unwrap();
        let one = digest(folder.path()).unwrap();
        assert_eq!(one, digest(folder.path()).unwrap());
        fs::write(folder.path().join("a"), "2").unwrap();
        let two = digest(folder.path()).unwrap();
        fs::rename(folder.path().join("a"), folder.path().join("b")).unwrap();
        let three = digest(folder.path()).unwrap();
        assert!(one != two && two != three);
    }
}
