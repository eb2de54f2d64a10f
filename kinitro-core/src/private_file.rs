//! Files that hold secrets: readable by their owner alone, and read without leaving copies in memory.
//! [`atomic_file`](crate::atomic_file) writes them.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Makes a directory and its missing parents, accessible to their owner alone (mode 0700 on Unix).
///
/// # Errors
/// The error of the operating system.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Reads a file of at most `limit` bytes to its end; `None` if it is longer. The buffer never grows,
/// since that would leave copies in memory.
///
/// # Errors
/// The error of the operating system.
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

/// The permission bits of a file that users other than its owner can read, write or run; `None` when
/// there are no such users, and always on systems other than Unix.
#[cfg(unix)]
pub fn exposed(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o7777;
    (mode & 0o077 != 0).then_some(mode)
}

/// The permission bits of a file that users other than its owner can read, write or run; `None` when
/// there are no such users, and always on systems other than Unix.
#[cfg(not(unix))]
pub fn exposed(_metadata: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_that_others_can_read_are_exposed() {
        use crate::atomic_file::{Readers, write};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write(&path, b"", Readers::Owner).unwrap();
        assert_eq!(exposed(&path.metadata().unwrap()), None);
        write(&path, b"", Readers::All).unwrap();
        assert_eq!(exposed(&path.metadata().unwrap()), Some(0o644));
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
