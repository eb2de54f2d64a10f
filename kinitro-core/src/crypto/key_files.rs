//! Keys on disk.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::keys::{KeyError, PrivateKey};

/// Why a key could not be read from or written to disk. Nothing of a private key is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// A name that is no plain file name.
    #[error(
        "`{0}` cannot name a key: take letters, digits, `-`, `_` and `.`, not beginning with `.` \
         nor ending in `.pub`"
    )]
    InvalidName(String),
    /// There is a key of that name, which may be the only copy.
    #[error("{} exists: choose another name, or say that it may be overwritten", .0.display())]
    Exists(PathBuf),
    /// Others can read the private key.
    #[error(
        "{} can be read by others (mode {mode:04o}): run `chmod 600` on it, and make a new key if \
         someone may have read it",
        path.display()
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file holds something else.
    #[error("{} does not hold a key: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The operating system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Nowhere to keep keys.
    #[error("no directory for keys: neither XDG_CONFIG_HOME nor HOME is an absolute path")]
    NoDirectory,
}

/// Where a pair of keys is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    /// The private key, which only its owner can read.
    pub private: PathBuf,
    /// The public key, which anyone may have.
    pub public: PathBuf,
}

/// A directory of named keys: `NAME` holds a private key and `NAME.pub` its public key, each as 64
/// hex characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyDirectory {
    path: PathBuf,
}

impl KeyDirectory {
    /// The keys in that directory, which is made when the first key is.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The usual place: `$XDG_CONFIG_HOME/kinitro/keys`, or `~/.config/kinitro/keys`. As the XDG Base
    /// Directory Specification demands, a path that is not absolute counts as not set.
    ///
    /// # Errors
    /// [`KeyFileError::NoDirectory`] when the environment names neither.
    pub fn standard() -> Result<Self, KeyFileError> {
        let absolute =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = absolute("XDG_CONFIG_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".config")))
            .ok_or(KeyFileError::NoDirectory)?;
        Ok(Self::new(config.join("kinitro").join("keys")))
    }

    /// Where the keys of that name are, or would be.
    ///
    /// # Errors
    /// [`KeyFileError::InvalidName`].
    pub fn files(&self, name: &str) -> Result<KeyFiles, KeyFileError> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let valid = (1..=64).contains(&name.len())
            && name.chars().all(allowed)
            && !name.starts_with('.')
            && !name.ends_with(".pub");
        if !valid {
            return Err(KeyFileError::InvalidName(name.chars().take(80).collect()));
        }
        let public = self.path.join(format!("{name}.pub"));
        Ok(KeyFiles { private: self.path.join(name), public })
    }

    /// Writes a key and its public key under that name. The private key has mode 0600 and the
    /// directory, when it is new, 0700. A file is there with all it holds or not at all, and one
    /// that exists is left alone unless `overwrite`.
    ///
    /// # Errors
    /// [`KeyFileError::InvalidName`], [`KeyFileError::Exists`], [`KeyFileError::Io`].
    pub fn save(
        &self,
        name: &str,
        key: &PrivateKey,
        overwrite: bool,
    ) -> Result<KeyFiles, KeyFileError> {
        let files = self.files(name)?;
        make_private_directory(&self.path)?;
        for path in [&files.private, &files.public] {
            if !overwrite && path.symlink_metadata().is_ok() {
                return Err(KeyFileError::Exists(path.clone()));
            }
        }
        write(&files.private, &key.to_hex(), 0o600, overwrite)?;
        write(&files.public, &key.public_key().to_string(), 0o644, overwrite)?;
        Ok(files)
    }

    /// Reads the private key of that name.
    ///
    /// # Errors
    /// [`KeyFileError::InvalidName`] and those of [`load_private_key`].
    pub fn load(&self, name: &str) -> Result<PrivateKey, KeyFileError> {
        load_private_key(&self.files(name)?.private)
    }
}

/// Reads a private key from a file.
///
/// # Errors
/// [`KeyFileError::Exposed`] when its group or others can read or write it (on Unix),
/// [`KeyFileError::Key`] when it does not hold 64 hex characters, [`KeyFileError::Io`].
pub fn load_private_key(path: &Path) -> Result<PrivateKey, KeyFileError> {
    let failed = |source| KeyFileError::Io { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    // Of the open file, not of the path, which may have become another one meanwhile.
    refuse_exposed(path, &file.metadata().map_err(failed)?)?;
    // A key and a line end fit easily. The buffer never grows: that would leave copies behind.
    let mut buffer = Zeroizing::new([0; 256]);
    let mut length = 0;
    let mut rest = file.take(buffer.len() as u64);
    loop {
        match rest.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    let text = std::str::from_utf8(&buffer[..length]).map_err(|_| KeyError::PrivateKey);
    text.and_then(PrivateKey::from_hex)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, metadata: &std::fs::Metadata) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path, _metadata: &std::fs::Metadata) -> Result<(), KeyFileError> {
    Ok(())
}

fn make_private_directory(path: &Path) -> Result<(), KeyFileError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let failed = |source| KeyFileError::Io { action: "make", path: path.to_owned(), source };
    builder.create(path).map_err(failed)
}

/// Writes a line to a file beside its place and then moves it there.
fn write(path: &Path, line: &str, mode: u32, overwrite: bool) -> Result<(), KeyFileError> {
    let failed = |source| KeyFileError::Io { action: "write", path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(directory).map_err(failed)?;
    set_mode(file.as_file(), mode).map_err(failed)?;
    file.write_all(line.as_bytes()).map_err(failed)?;
    file.write_all(b"\n").map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let moved = if overwrite { file.persist(path) } else { file.persist_noclobber(path) };
    match moved {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(KeyFileError::Exists(path.to_owned()))
        }
        Err(error) => Err(failed(error.error)),
    }
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

    #[cfg(unix)]
    fn mode(path: &Path) -> u32 {
        use std::os::unix::fs::PermissionsExt;

        path.metadata().unwrap().permissions().mode() & 0o777
    }

    fn directory() -> (tempfile::TempDir, KeyDirectory) {
        let root = tempfile::tempdir().unwrap();
        let keys = KeyDirectory::new(root.path().join("kinitro").join("keys"));
        (root, keys)
    }

    #[test]
    fn a_key_is_saved_once_and_loaded_again() {
        let (_root, keys) = directory();
        let key = PrivateKey::generate().unwrap();
        let files = keys.save("backend", &key, false).unwrap();
        assert_eq!(keys.load("backend").unwrap().public_key(), key.public_key());
        let public = std::fs::read_to_string(&files.public).unwrap();
        assert_eq!(public, format!("{}\n", key.public_key()));

        let other = PrivateKey::generate().unwrap();
        let error = keys.save("backend", &other, false).unwrap_err();
        assert!(matches!(&error, KeyFileError::Exists(path) if *path == files.private), "{error}");
        std::fs::remove_file(&files.private).unwrap();
        let error = keys.save("backend", &other, false).unwrap_err();
        assert!(matches!(&error, KeyFileError::Exists(path) if *path == files.public), "{error}");
        keys.save("backend", &other, true).unwrap();
        assert_eq!(keys.load("backend").unwrap().public_key(), other.public_key());
        let names = std::fs::read_dir(files.private.parent().unwrap()).unwrap().count();
        assert_eq!(names, 2, "temporary files were left behind");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_a_private_key() {
        use std::os::unix::fs::PermissionsExt;

        let (_root, keys) = directory();
        let files = keys.save("backend", &PrivateKey::generate().unwrap(), false).unwrap();
        assert_eq!((mode(&files.private), mode(&files.public)), (0o600, 0o644));
        assert_eq!(mode(files.private.parent().unwrap()), 0o700);
        for exposed in [0o640, 0o604, 0o660] {
            let permissions = std::fs::Permissions::from_mode(exposed);
            std::fs::set_permissions(&files.private, permissions).unwrap();
            let error = keys.load("backend").unwrap_err().to_string();
            assert!(error.contains(&format!("mode {exposed:04o}")), "{error}");
            assert!(error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn a_name_cannot_leave_the_directory() {
        let (_root, keys) = directory();
        for bad in ["", ".", "..", "../x", "a/b", ".hidden", "x.pub", "a b", &"a".repeat(65)] {
            assert!(matches!(keys.files(bad), Err(KeyFileError::InvalidName(_))), "{bad:?}");
        }
        assert!(keys.files("backend-2.old").is_ok());
    }

    #[test]
    fn what_a_bad_file_holds_is_not_told() {
        let (root, keys) = directory();
        let path = root.path().join("bad");
        for text in [&b"5ec3e7"[..], &[0xff; 64], &[b'a'; 5000]] {
            std::fs::write(&path, text).unwrap();
            set_mode(&File::open(&path).unwrap(), 0o600).unwrap();
            let error = load_private_key(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Key { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("5ec3e7"));
        }
        let error = keys.load("missing").unwrap_err();
        assert!(matches!(error, KeyFileError::Io { action: "read", .. }), "{error}");
    }
}
