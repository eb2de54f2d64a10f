//! Files that are written completely or not at all.
//!
//! The content first goes to a draft, a hidden file with a unique name in the same folder. Once it
//! is on disk, the draft replaces the file. A reader of the path finds either the old content or
//! the new, even after a crash. A process that is killed in between leaves its draft behind;
//! [`remove_drafts`] clears a folder of them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// How the names of drafts begin.
const PREFIX: &str = ".kinitro-partial-";

/// Who can read a file. Only its owner can write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner alone: mode 0600 on Unix.
    Owner,
    /// Every user who can reach its folder: mode 0644 on Unix.
    All,
}

/// A file whose content is on the disk, but which is not in its place yet. Dropping a draft removes
/// it.
///
/// To write two files that belong together, make both drafts before publishing either: a full disk
/// then shows before anything has changed.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    path: PathBuf,
}

impl Draft {
    /// Writes a draft next to `path`. On failure, nothing is left behind.
    ///
    /// # Errors
    /// The error of the operating system, for example when the folder does not exist or the disk is
    /// full.
    pub fn new(path: &Path, content: &[u8], readers: Readers) -> io::Result<Self> {
        let mut file = NamedTempFile::with_prefix_in(PREFIX, folder_of(path))?;
        set_readers(file.as_file(), readers)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Moves the draft to its place. When this returns `Ok`, the file survives a crash of the
    /// machine.
    ///
    /// # Errors
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) when there is a file and `overwrite` is not
    /// set, otherwise the error of the operating system. When only writing the folder to the disk
    /// fails, the file is in its place nevertheless.
    pub fn publish(self, overwrite: bool) -> io::Result<()> {
        let moved = if overwrite {
            self.file.persist(&self.path)
        } else {
            self.file.persist_noclobber(&self.path)
        };
        moved.map_err(|error| error.error)?;
        sync_folder(folder_of(&self.path))
    }
}

/// Writes a file as a whole, replacing the one that was there.
///
/// # Errors
/// The error of the operating system. What was there before is still there.
pub fn write(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    Draft::new(path, content, readers)?.publish(true)
}

/// Whether a file of that name is a draft.
pub fn is_draft(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(PREFIX.as_bytes())
}

/// Removes the drafts that killed processes left in a folder. No other process may be writing there.
///
/// # Errors
/// The error of the operating system.
pub fn remove_drafts(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_draft(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes the names in a folder to the disk, where the file system can.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot and do not need to.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Folders cannot be opened as files here, and moving a file writes the folder.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn set_readers(file: &File, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::All => 0o644,
    };
    file.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_readers(_file: &File, _readers: Readers) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Names the file that a test writes when it runs as a process of its own.
    const PATH_VARIABLE: &str = "KINITRO_TEST_ATOMIC_FILE";

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Runs one of these tests as a process of its own, after some lines of shell.
    fn run_as_a_process(before: &str, test: &str, path: &Path) -> std::process::ExitStatus {
        let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
        Command::new("sh")
            .args(["-c", &format!("{before}\nexec \"$0\" --exact --quiet \"$1\"")])
            .arg(std::env::current_exe().unwrap())
            .arg(name)
            .env(PATH_VARIABLE, path)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap()
    }

    fn path_of_this_process() -> Option<PathBuf> {
        std::env::var_os(PATH_VARIABLE).map(PathBuf::from)
    }

    #[test]
    fn a_draft_is_published_whole_or_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let draft = Draft::new(&path, b"first", Readers::Owner).unwrap();
        assert!(names(folder.path()).iter().all(|name| is_draft(name.as_ref())));
        drop(draft);
        assert!(names(folder.path()).is_empty());

        Draft::new(&path, b"first", Readers::Owner).unwrap().publish(false).unwrap();
        let second = Draft::new(&path, b"second", Readers::Owner).unwrap();
        let error = second.publish(false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&path, b"second", Readers::All).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn readers_are_those_of_the_last_writing_whatever_the_umask() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for (readers, mode) in [(Readers::Owner, 0o600), (Readers::All, 0o644)] {
            write(&path, b"", readers).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, mode);
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/file");
        let error = write(&missing, b"", Readers::All).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        // Nobody can make a file there, root included.
        #[cfg(target_os = "linux")]
        write(Path::new("/proc/self/file"), b"", Readers::All).unwrap_err();
        // A folder is not replaced by a file.
        fs::create_dir(folder.path().join("taken")).unwrap();
        write(&folder.path().join("taken"), b"", Readers::All).unwrap_err();
        assert_eq!(names(folder.path()), ["taken"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_full_disk_leaves_the_old_file_and_no_draft() {
        if let Some(path) = path_of_this_process() {
            let error = write(&path, &[7; 100_000], Readers::All).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"old", Readers::All).unwrap();
        // A limit on the size of files makes writing stop half-way, as a full disk does.
        let limit = "trap '' XFSZ; ulimit -f 8";
        let status = run_as_a_process(limit, "a_full_disk_leaves_the_old_file_and_no_draft", &path);
        assert!(status.success(), "{status}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_crash_leaves_the_old_file_and_a_draft_that_can_be_removed() {
        if let Some(path) = path_of_this_process() {
            let _draft = Draft::new(&path, b"new", Readers::All).unwrap();
            std::process::abort();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"old", Readers::All).unwrap();
        let test = "a_crash_leaves_the_old_file_and_a_draft_that_can_be_removed";
        let status = run_as_a_process("ulimit -c 0", test, &path);
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "{status}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()).len(), 2);
        remove_drafts(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["file"]);
    }
}
