//! Results that the API has not accepted yet, on disk.
//!
//! Each executor has its own folder, which it locks while it runs, with one file per result. Files
//! are written atomically: even after a power failure, a file is either complete or absent.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use kinitro_core::atomic_file::{self, Readers};
use sha2::{Digest as _, Sha256};

use crate::wire::TaskResult;

/// The extension of a result's file. Files with other extensions are not results.
const ENDING: &str = "json";
const LOCK: &str = "lock";

/// Why results cannot be stored on disk.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpoolError {
    /// The folder, or a file in it, cannot be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// The folder or a file in it.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Another executor with the same id is running.
    #[error("{} is in use: another executor with the id `{executor_id}` is running", path.display())]
    InUse {
        /// The folder of the executor.
        path: PathBuf,
        /// The id of the executor.
        executor_id: String,
    },
    /// The text is not a valid id.
    #[error(
        "`{0}` is not the id of an executor: it must have 1 to 128 letters, digits, `-`, `_` or \
         `.`, and begin with a letter or a digit"
    )]
    ExecutorId(String),
}

/// The folder of one executor.
#[derive(Debug)]
pub(super) struct Spool {
    executor_id: String,
    folder: PathBuf,
    _lock: File,
}

impl Spool {
    /// Opens the folder of the executor with this id, under `root`. Without an id, opens the folder
    /// of an executor that is not running, so that the results it left behind are sent, or else a
    /// new folder.
    pub(super) fn open(root: &Path, executor_id: Option<&str>) -> Result<Self, SpoolError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| SpoolError::Io { path, source }
        };
        fs::create_dir_all(root).map_err(io(root))?;
        if let Some(id) = executor_id {
            if !is_executor_id(id) {
                return Err(SpoolError::ExecutorId(id.chars().take(160).collect()));
            }
            return Self::lock(root, id)?.ok_or_else(|| SpoolError::InUse {
                path: root.join(id),
                executor_id: id.to_owned(),
            });
        }
        let entries = fs::read_dir(root).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let names = entries.map_err(io(root))?.into_iter().map(|entry| entry.file_name());
        let mut ids: Vec<_> = names.filter_map(|name| name.into_string().ok()).collect();
        ids.retain(|id| is_generated(id));
        ids.sort();
        for id in ids {
            if let Some(spool) = Self::lock(root, &id)? {
                return Ok(spool);
            }
        }
        let mut random = [0; 4];
        getrandom::fill(&mut random).map_err(|error| io(root)(error.into()))?;
        let id = format!("{GENERATED}{}", base16ct::lower::encode_string(&random));
        Self::lock(root, &id)?
            .ok_or_else(|| SpoolError::InUse { path: root.join(&id), executor_id: id })
    }

    /// Locks the folder of this id, unless it is in use.
    fn lock(root: &Path, id: &str) -> Result<Option<Self>, SpoolError> {
        let folder = root.join(id);
        let io = |source| SpoolError::Io { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(io)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(folder.join(LOCK))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { executor_id: id.to_owned(), folder, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// The id of the executor that owns the folder.
    pub(super) fn executor_id(&self) -> &str {
        &self.executor_id
    }

    /// The path of the folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The results that an earlier run left, and the paths of files that could not be read as
    /// results.
    pub(super) fn read(&self) -> Result<(Vec<TaskResult>, Vec<PathBuf>), SpoolError> {
        let io = |source| SpoolError::Io { path: self.folder.clone(), source };
        atomic_file::remove_drafts(&self.folder).map_err(io)?;
        let (mut results, mut damaged) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&self.folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if path.extension().is_none_or(|ending| ending != ENDING) {
                continue;
            }
            let bytes =
                fs::read(&path).map_err(|source| SpoolError::Io { path: path.clone(), source })?;
            match serde_json::from_slice::<TaskResult>(&bytes) {
                Ok(result) if path == self.path(&result) => results.push(result),
                _ => damaged.push(path),
            }
        }
        Ok((results, damaged))
    }

    /// Stores a result. Once this returns, the result survives a crash.
    pub(super) fn write(&self, result: &TaskResult) -> Result<(), SpoolError> {
        serde_json::to_vec(result)
            .map_err(io::Error::from)
            .and_then(|content| atomic_file::write(&self.path(result), &content, Readers::Owner))
            .map_err(|source| SpoolError::Io { path: self.folder.clone(), source })
    }

    /// Removes a result.
    pub(super) fn remove(&self, result: &TaskResult) -> Result<(), SpoolError> {
        let path = self.path(result);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(SpoolError::Io { path, source })
            }
            _ => Ok(()),
        }
    }

    fn path(&self, result: &TaskResult) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", key(result)))
    }
}

/// The prefix of generated ids, before the random part.
const GENERATED: &str = "executor-";

/// Only generated ids may be taken over; ids that a user has chosen may not.
fn is_generated(id: &str) -> bool {
    let is_hex = |text: &str| text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.strip_prefix(GENERATED).is_some_and(is_hex)
}

fn is_executor_id(id: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=128).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(allowed)
}

/// A unique name for a result's file. It is a hash, because task UUIDs and tokens come from the API
/// and may contain anything.
pub(super) fn key(result: &TaskResult) -> String {
    let TaskResult { task_uuid, lease_token, .. } = result;
    let digest = Sha256::digest(format!("{task_uuid:?} {lease_token:?}"));
    base16ct::lower::encode_string(&digest[..16])
}

#[cfg(test)]
mod tests {
    use kinitro_core::Outcome;

    use super::*;

    fn result(task: &str) -> TaskResult {
        TaskResult {
            task_uuid: task.to_owned(),
            success: true,
            score: Some(1.0),
            total_reward: Some(-0.1),
            timesteps: Some(7),
            error: None,
            verification_passed: None,
            verification_score: None,
            lease_token: Some("token".to_owned()),
            outcome: Some(Outcome::Success),
        }
    }

    #[test]
    fn what_is_kept_is_there_after_a_restart() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(root.path(), Some("e1")).unwrap();
        for name in ["1", "../../etc/passwd", "1"] {
            spool.write(&result(name)).unwrap();
        }
        drop(spool);
        let spool = Spool::open(root.path(), Some("e1")).unwrap();
        let (mut results, damaged) = spool.read().unwrap();
        results.sort_by(|a, b| a.task_uuid.cmp(&b.task_uuid));
        assert_eq!(results, [result("../../etc/passwd"), result("1")]);
        assert!(damaged.is_empty());
        results.iter().for_each(|result| spool.remove(result).unwrap());
        spool.remove(&result("1")).unwrap();
        assert!(spool.read().unwrap().0.is_empty());
        assert_eq!(Spool::open(root.path(), Some("e2")).unwrap().read().unwrap().0, []);
    }

    #[test]
    fn torn_and_foreign_files_are_told_and_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let spool = Spool::open(root.path(), Some("e1")).unwrap();
        spool.write(&result("1")).unwrap();
        fs::write(spool.folder().join("torn.json"), "{\"task_uuid\": ").unwrap();
        fs::copy(spool.path(&result("1")), spool.folder().join("copy.json")).unwrap();
        fs::write(spool.folder().join("README"), "not ours").unwrap();
        fs::write(spool.folder().join(".kinitro-partial-abc"), "{").unwrap();
        let (results, mut damaged) = spool.read().unwrap();
        damaged.sort();
        assert_eq!(results, [result("1")]);
        assert_eq!(damaged, ["copy.json", "torn.json"].map(|name| spool.folder().join(name)));
        assert!(
            !spool.folder().join(".kinitro-partial-abc").exists()
                && spool.folder().join("README").exists()
        );
    }

    #[test]
    fn a_folder_has_one_user_and_an_executor_without_an_id_takes_over_what_was_left() {
        let root = tempfile::tempdir().unwrap();
        let first = Spool::open(root.path(), Some("mine")).unwrap();
        let error = Spool::open(root.path(), Some("mine")).unwrap_err();
        assert!(matches!(error, SpoolError::InUse { .. }), "{error}");
        drop(first);
        drop(Spool::open(root.path(), Some("executor-1")).unwrap());
        let one = Spool::open(root.path(), None).unwrap();
        let two = Spool::open(root.path(), None).unwrap();
        assert_ne!(one.executor_id(), two.executor_id());
        one.write(&result("1")).unwrap();
        let id = one.executor_id().to_owned();
        assert!(id.starts_with("executor-") && id.len() == 17, "{id}");
        drop(one);
        let again = Spool::open(root.path(), None).unwrap();
        assert_eq!(again.executor_id(), id);
        assert_eq!(again.read().unwrap().0.len(), 1);
    }

    #[test]
    fn ids_that_lead_elsewhere_are_refused() {
        let root = tempfile::tempdir().unwrap();
        for id in ["", ".", "..", "../x", "a/b", "a b", "-x", &"x".repeat(129)] {
            let error = Spool::open(root.path(), Some(id)).unwrap_err();
            assert!(matches!(error, SpoolError::ExecutorId(_)), "{id}");
        }
    }
}
