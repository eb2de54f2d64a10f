//! Files of secrets: for their owner alone, and there with all they hold or not at all.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

/// A file that is written, on the disk, and not yet in its place. It is removed when it is dropped.
///
/// Who writes two files that belong together makes both drafts before publishing one: a disk that is
/// full says so before anything is changed.
#[derive(Debug)]
pub struct Draft {
    file: NamedTempFile,
    path: PathBuf,
}

impl Draft {
    /// Writes a file of those permission bits (on Unix) beside its place.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn new(path: &Path, content: &[u8], mode: u32) -> io::Result<Self> {
        let mut file = NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        set_mode(file.as_file(), mode)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Moves it to its place.
    ///
    /// # Errors
    /// Of the kind [`AlreadyExists`](io::ErrorKind::AlreadyExists) where there is a file and it is
    /// not to be overwritten, else what the operating system says.
    pub fn publish(self, overwrite: bool) -> io::Result<()> {
        let moved = if overwrite {
            self.file.persist(&self.path)
        } else {
            self.file.persist_noclobber(&self.path)
        };
        moved.map(drop).map_err(|error| error.error)
    }
}

/// Makes a directory and those above it, each that is new for its owner alone (mode 0700, on Unix).
///
/// # Errors
/// What the operating system says.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Reads a file to its end, at most `limit` bytes of it; `None` if it is longer. The buffer never
/// grows: that would leave copies behind.
///
/// # Errors
/// What the operating system says.
pub fn read(file: &File, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut buffer = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    let mut rest = file.take(buffer.len() as u64);
    loop {
        match rest.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(length);
    Ok((length <= limit).then_some(buffer))
}

/// The permission bits of a file that its group or others can read or write, on Unix.
#[cfg(unix)]
pub fn exposed(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// The permission bits of a file that its group or others can read or write, on Unix.
#[cfg(not(unix))]
pub fn exposed(_metadata: &Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    file.set_permissions(std::fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_file: &File, _mode: u32) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_published_whole_or_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        drop(Draft::new(&path, b"first", 0o600).unwrap());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0);

        Draft::new(&path, b"first", 0o600).unwrap().publish(false).unwrap();
        assert_eq!(exposed(&path.metadata().unwrap()), None);
        let error = Draft::new(&path, b"second", 0o600).unwrap().publish(false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        Draft::new(&path, b"second", 0o640).unwrap().publish(true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
        #[cfg(unix)]
        assert_eq!(exposed(&path.metadata().unwrap()), Some(0o640));
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn no_more_is_read_than_allowed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, [7; 5]).unwrap();
        let read = |limit| read(&File::open(&path).unwrap(), limit).unwrap();
        assert_eq!(read(5).unwrap().as_slice(), [7; 5]);
        assert_eq!(read(9).unwrap().as_slice(), [7; 5]);
        assert_eq!(read(4), None);
    }
}
