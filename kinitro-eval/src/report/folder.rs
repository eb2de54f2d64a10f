//! The folder that an evaluation writes to, and how an interrupted evaluation is continued.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use kinitro_core::atomic_file::{self, Readers};
use kinitro_core::{EnvId, Outcome, Seed};
use serde::Serialize;

use super::{Manifest, Summary};
use crate::episode::EpisodeRecord;

/// The file that records what was evaluated, with what, and where: a [`Manifest`].
pub const MANIFEST_FILE: &str = "manifest.json";
/// The file with a line for each episode: an [`EpisodeRecord`].
pub const EPISODES_FILE: &str = "episodes.jsonl";
/// The file of results: a [`Summary`].
pub const SUMMARY_FILE: &str = "summary.json";

/// Why results could not be written, or an evaluation could not be continued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// A file or folder could not be read or written.
    #[error("{} could not be {verb}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What failed, as a participle: `read`, `written`.
        verb: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder holds the results of another evaluation.
    #[error("{} holds another evaluation: its {} differ", path.display(), fields.join(", "))]
    OtherEvaluation {
        /// The folder.
        path: PathBuf,
        /// The fields of the manifest that differ.
        fields: Vec<String>,
    },
    /// The folder holds something else.
    #[error("{} is not empty and has no {MANIFEST_FILE}", path.display())]
    NotResults {
        /// The folder.
        path: PathBuf,
    },
    /// Another process is writing to the folder.
    #[error("another process is evaluating into {}", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
    /// A file is damaged, and not just truncated.
    #[error("{}, line {line}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
}

/// A folder with the results of one evaluation. While it is open, no other process can open it.
#[derive(Debug)]
pub struct ResultsFolder {
    path: PathBuf,
    episodes: File,
    /// The length of the complete lines in the file of episodes, in bytes.
    length: u64,
}

impl ResultsFolder {
    /// Opens the folder of the evaluation that the manifest describes, creating it if necessary.
    /// Returns the records that it already holds. `manifest` is replaced by that of the run that
    /// started the evaluation.
    ///
    /// A truncated last line is dropped; its episode must be run again.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub fn open(
        path: &Path,
        manifest: &mut Manifest,
    ) -> Result<(Self, Vec<EpisodeRecord>), FolderError> {
        fs::create_dir_all(path).map_err(|error| failed(path, "made", error))?;
        let manifest_path = path.join(MANIFEST_FILE);
        // Checked in this order, since another process may be writing its manifest.
        if !is_empty(path)? && !manifest_path.exists() {
            return Err(FolderError::NotResults { path: path.to_owned() });
        }
        let episodes_path = path.join(EPISODES_FILE);
        let mut options = OpenOptions::new();
        let mut episodes = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&episodes_path)
            .map_err(|error| failed(&episodes_path, "opened", error))?;
        match episodes.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse { path: path.to_owned() });
            }
            Err(TryLockError::Error(error)) => {
                return Err(failed(&episodes_path, "locked", error));
            }
        }
        if manifest_path.exists() {
            *manifest = manifest_of(path, &manifest_path, manifest)?;
        } else {
            write_json(&manifest_path, manifest)?;
        }
        let (records, length) = read_episodes(&mut episodes, &episodes_path, manifest)?;
        let mut folder = Self { path: path.to_owned(), episodes, length };
        folder.cut_to_length()?;
        atomic_file::remove_drafts(path)
            .map_err(|error| failed(path, "cleared of unfinished files", error))?;
        Ok((folder, records))
    }

    /// Appends a record. Once this returns `Ok`, the record is on disk.
    ///
    /// # Errors
    /// [`FolderError::Io`]. The file is truncated to its complete lines.
    pub fn append(&mut self, record: &EpisodeRecord) -> Result<(), FolderError> {
        let written = serde_json::to_vec(record).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.episodes.write_all(&line)?;
            self.episodes.sync_data()?;
            Ok(line.len() as u64)
        });
        match written {
            Ok(length) => {
                self.length += length;
                Ok(())
            }
            Err(error) => {
                // If truncating fails too, the partial line is dropped when the folder is next
                // opened.
                let _ = self.cut_to_length();
                Err(failed(&self.path.join(EPISODES_FILE), "written", error))
            }
        }
    }

    /// Writes the summary, replacing any previous one.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub fn write_summary(&self, summary: &Summary) -> Result<(), FolderError> {
        write_json(&self.path.join(SUMMARY_FILE), summary)
    }

    fn cut_to_length(&mut self) -> Result<(), FolderError> {
        self.episodes
            .set_len(self.length)
            .and_then(|()| self.episodes.seek(SeekFrom::Start(self.length)))
            .map(|_| ())
            .map_err(|error| failed(&self.path.join(EPISODES_FILE), "written", error))
    }
}

fn failed(path: &Path, verb: &'static str, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), verb, source }
}

/// Whether the folder holds nothing except what an evaluation leaves behind if it is killed before
/// its manifest is written.
fn is_empty(path: &Path) -> Result<bool, FolderError> {
    let entries = fs::read_dir(path).map_err(|error| failed(path, "read", error))?;
    for entry in entries {
        let entry = entry.map_err(|error| failed(path, "read", error))?;
        let is_unused = atomic_file::is_draft(&entry.file_name())
            || entry.file_name() == EPISODES_FILE
                && entry.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if !is_unused {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The folder's manifest, if it describes the same evaluation as the given one.
fn manifest_of(folder: &Path, path: &Path, manifest: &Manifest) -> Result<Manifest, FolderError> {
    let text = fs::read_to_string(path).map_err(|error| failed(path, "read", error))?;
    let found: Manifest = serde_json::from_str(&text).map_err(|error| FolderError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        reason: error.to_string(),
    })?;
    let fields = manifest.evaluation.differences(&found.evaluation);
    if fields.is_empty() {
        Ok(found)
    } else {
        Err(FolderError::OtherEvaluation { path: folder.to_owned(), fields })
    }
}

/// The records of a file, and the length of its complete lines in bytes.
fn read_episodes(
    file: &mut File,
    path: &Path,
    manifest: &Manifest,
) -> Result<(Vec<EpisodeRecord>, u64), FolderError> {
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| failed(path, "read", error))?;
    let mut records: BTreeMap<(EnvId, Seed), EpisodeRecord> = BTreeMap::new();
    let mut length = 0;
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let end = length + line.len();
        let damaged = |reason: String| FolderError::Damaged {
            path: path.to_owned(),
            line: index + 1,
            reason,
        };
        let record = match serde_json::from_slice::<EpisodeRecord>(line) {
            Ok(record) if line.ends_with(b"\n") => record,
            // A partial line, written when the program was killed or the power failed.
            _ if end == bytes.len() => break,
            Ok(_) => unreachable!("only the last line has no end"),
            Err(error) => return Err(damaged(format!("it is not a record: {error}"))),
        };
        length = end;
        if !belongs(&record, manifest) {
            let (env_id, seed) = (&record.env_id, record.seed);
            return Err(damaged(format!(
                "`{env_id}` with seed {seed} is no part of this evaluation"
            )));
        }
        let key = (record.env_id.clone(), record.seed);
        // An episode that ended in an infrastructure fault is run again and has two lines.
        match records.get(&key).map(|earlier| &earlier.outcome) {
            None | Some(Outcome::InfraFault(_)) => records.insert(key, record),
            Some(_) => {
                return Err(damaged(format!("`{}` with seed {} is there twice", key.0, key.1)));
            }
        };
    }
    Ok((records.into_values().collect(), length as u64))
}

fn belongs(record: &EpisodeRecord, manifest: &Manifest) -> bool {
    let evaluation = &manifest.evaluation;
    let index = record.seed.0.checked_sub(evaluation.seed.0);
    evaluation.environments.contains(&record.env_id)
        && index.is_some_and(|index| index < u64::from(evaluation.episodes))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    serde_json::to_vec_pretty(value)
        .map_err(io::Error::from)
        .and_then(|mut content| {
            content.push(b'\n');
            atomic_file::write(path, &content, Readers::All)
        })
        .map_err(|error| failed(path, "written", error))
}
