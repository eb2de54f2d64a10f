//! Keys on disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::keys::{KeyError, PrivateKey};
use crate::atomic_file::{Draft, Readers};
use crate::private_file;

/// Why a key could not be read from or written to disk. Nothing of a private key is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The name is not a plain file name.
    #[error(
        "`{0}` cannot name a key: take letters, digits, `-`, `_` and `.`, not beginning with `.` \
         nor ending in `.pub`"
    )]
    InvalidName(String),
    /// A key of that name exists, and may be the only copy.
    #[error("{} exists: choose another name, or say that it may be overwritten", .0.display())]
    Exists(PathBuf),
    /// Users other than the owner can read the private key.
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
    /// The file does not hold a key.
    #[error("{} does not hold a key: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// The operating system reported an error.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was attempted, as a verb.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// No directory for keys can be determined.
    #[error("no directory for keys: neither XDG_CONFIG_HOME nor HOME is an absolute path")]
    NoDirectory,
}

/// The files of a key pair.
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

    /// The files of the key pair with that name, whether or not they exist.
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
    /// directory, when it is new, 0700. Files are written whole or not at all, and an
    /// existing one is left alone unless `overwrite` is set.
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
        let failed = |source| KeyFileError::Io { action: "make", path: self.path.clone(), source };
        private_file::make_directory(&self.path).map_err(failed)?;
        for path in [&files.private, &files.public] {
            if !overwrite && path.symlink_metadata().is_ok() {
                return Err(KeyFileError::Exists(path.clone()));
            }
        }
        let private = draft(&files.private, &key.to_hex(), Readers::Owner)?;
        let public = draft(&files.public, &key.public_key().to_string(), Readers::All)?;
        publish(private, &files.private, overwrite)?;
        publish(public, &files.public, overwrite)?;
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
    // Of the open file rather than the path, which may lead to another file by now.
    let metadata = file.metadata().map_err(failed)?;
    if let Some(mode) = private_file::exposed(&metadata) {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
    }
    // A key and a line end fit easily.
    let content = private_file::read(&file, 256).map_err(failed)?.unwrap_or_default();
    let text = std::str::from_utf8(&content).map_err(|_| KeyError::PrivateKey);
    text.and_then(PrivateKey::from_hex)
        .map_err(|source| KeyFileError::Key { path: path.to_owned(), source })
}

/// Writes a line to a draft, next to the file that it will become.
fn draft(path: &Path, line: &str, readers: Readers) -> Result<Draft, KeyFileError> {
    let line = Zeroizing::new([line, "\n"].concat());
    Draft::new(path, line.as_bytes(), readers).map_err(|source| KeyFileError::Io {
        action: "write",
        path: path.to_owned(),
        source,
    })
}

fn publish(draft: Draft, path: &Path, overwrite: bool) -> Result<(), KeyFileError> {
    draft.publish(overwrite).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => KeyFileError::Io { action: "write", path: path.to_owned(), source },
    })
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
            #[cfg(unix)]
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .unwrap();
            let error = load_private_key(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::Key { .. }), "{error}");
            assert!(!format!("{error} {error:?}").contains("5ec3e7"));
        }
        let error = keys.load("missing").unwrap_err();
        assert!(matches!(error, KeyFileError::Io { action: "read", .. }), "{error}");
    }
}
