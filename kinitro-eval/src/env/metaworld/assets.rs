//! MetaWorld's model files: where to find them, what they must contain, and whether they are
//! installed.
//!
//! They come from the wheel of the `metaworld` package on PyPI, of which nothing else is used. This
//! crate downloads nothing: the `kinitro` program and the set-up script do, and check the wheel
//! against the [pinned](Pins) digest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::FAMILY;
use crate::env::{AssetsError, AssetsErrorKind, EnvironmentError};

/// The environment variable that overrides the folder of the assets.
pub const FOLDER_VARIABLE: &str = "KINITRO_METAWORLD_ASSETS";

/// The path of the files within the wheel. They are under its licence, `licenses/LICENSE`.
pub const PREFIX_IN_WHEEL: &str = "metaworld/assets/";

/// A folder that exists if the assets do, since they are moved into place as a whole.
const LANDMARK: &str = "sawyer_xyz";

/// The pinned versions of what the environments are made of, with the digests of the files. The
/// set-up script reads the same file, `pins.json`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Pins {
    /// The simulator.
    pub mujoco: MujocoPin,
    /// The package with the model files.
    pub metaworld: MetaworldPin,
}

/// The pinned release of MuJoCo.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MujocoPin {
    /// The version.
    pub version: String,
}

/// The pinned release of the `metaworld` package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MetaworldPin {
    /// The version.
    pub version: String,
    /// The name of the folder with its model files.
    pub folder: String,
    /// The size of its wheel, in bytes.
    pub wheel_bytes: u64,
    /// The SHA-256 of its wheel, in hexadecimal.
    pub sha256: String,
}

impl Pins {
    /// The pins of this version of the crate.
    pub fn get() -> Self {
        serde_json::from_str(include_str!("../../../pins.json"))
            .expect("pins.json is part of the crate and checked by its tests")
    }
}

/// The folder in which the assets are expected: `$KINITRO_METAWORLD_ASSETS`, else
/// `$XDG_DATA_HOME/kinitro/assets/metaworld-3.1.1`, where `$XDG_DATA_HOME` defaults to
/// `~/.local/share`.
///
/// # Errors
/// Of the kind [`NoFolder`](AssetsErrorKind::NoFolder) when neither variable is set and there is no
/// home folder.
pub fn folder() -> Result<PathBuf, AssetsError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = variable(FOLDER_VARIABLE) {
        return Ok(folder.into());
    }
    let data = crate::data_folder().ok_or_else(|| {
        let problem = "there is no home folder to look for the MetaWorld assets in";
        AssetsError::new(FAMILY, AssetsErrorKind::NoFolder, problem)
    })?;
    Ok(data.join("assets").join(Pins::get().metaworld.folder))
}

/// The folder of the assets, if they are installed.
///
/// # Errors
/// Those of [`folder`] and [`check`].
pub fn find() -> Result<PathBuf, AssetsError> {
    let folder = folder()?;
    check(&folder).map(|()| folder)
}

/// Checks that the assets are in a folder. Their content is not checked; see [`digest`].
///
/// # Errors
/// Of the kind [`Missing`](AssetsErrorKind::Missing).
pub fn check(folder: &Path) -> Result<(), AssetsError> {
    if folder.join(LANDMARK).is_dir() {
        return Ok(());
    }
    let problem = format!("the MetaWorld assets are not in {}", folder.display());
    Err(AssetsError::new(FAMILY, AssetsErrorKind::Missing, problem))
}

/// The error for a model file that MuJoCo cannot load.
pub(super) fn damaged(
    path: &Path,
    error: impl std::error::Error + Send + Sync + 'static,
) -> EnvironmentError {
    let problem = format!("MuJoCo cannot load {}: {error}", path.display());
    AssetsError::new(FAMILY, AssetsErrorKind::Damaged, problem).with_source(error).into()
}

/// The error for a model that lacks something that this version of MetaWorld has.
pub(super) fn of_another_version(problem: String) -> EnvironmentError {
    AssetsError::new(FAMILY, AssetsErrorKind::OtherVersion, problem).into()
}

/// The SHA-256 over all asset files: of the lines `DIGEST  PATH\n`, sorted by path.
///
/// # Errors
/// Of the kind [`Unreadable`](AssetsErrorKind::Unreadable).
pub fn digest(folder: &Path) -> Result<String, AssetsError> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    let unreadable = |path: &Path, error: io::Error| {
        let problem = format!("{} cannot be read: {error}", path.display());
        AssetsError::new(FAMILY, AssetsErrorKind::Unreadable, problem).with_source(error)
    };
    while let Some(current) = folders.pop() {
        let entries = fs::read_dir(&current).map_err(|error| unreadable(&current, error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(&current, error))?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let digest = file_digest(&path).map_err(|error| unreadable(&path, error))?;
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

/// The SHA-256 of a file, in hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub fn file_digest(path: &Path) -> io::Result<String> {
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

/// The SHA-256 of the MuJoCo library that this process uses, as released: the set-up script patches
/// the library's path into the file, and stores the original's digest beside it.
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
    let found = file_digest(library).ok()?;
    let record = library.parent()?.parent()?.join("record.json");
    let record: Option<Record> =
        fs::read(record).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match record {
        Some(record) if record.patched_sha256 == found => Some(record.library_sha256),
        _ => Some(found),
    }
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
    fn missing_assets_are_told_with_their_folder() {
        let empty = tempfile::tempdir().unwrap();
        let error = check(empty.path()).unwrap_err();
        assert_eq!((error.family(), error.kind()), (FAMILY, AssetsErrorKind::Missing));
        assert!(error.to_string().contains(&empty.path().display().to_string()), "{error}");
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
