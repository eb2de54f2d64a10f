//! Disks of a test's own: small ones, and ones that cannot be written to.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tempfile::TempDir;

use crate::Program;

/// A small disk in memory. Only a shell that waits for commands sees it as a mount, so that it
/// vanishes with that shell, whatever happens to the test; others reach it through `/proc`.
pub struct Disk {
    shell: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    folder: TempDir,
    /// The kinds of namespaces with which the shell was started.
    kind: &'static str,
}

impl Disk {
    /// A disk of this size, in KiB; `None` if tests are not allowed to mount anything.
    ///
    /// # Panics
    /// When it can be mounted but not used.
    pub fn new(kib: u32) -> Option<Self> {
        // Root only needs a mount namespace; other users also need a user namespace in which they
        // are root.
        ["-m", "-rm"].into_iter().find_map(|kind| Self::in_namespace(kind, kib))
    }

    fn in_namespace(kind: &'static str, kib: u32) -> Option<Self> {
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        let mut shell = Command::new("unshare")
            .args([kind, "sh"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let stdin = shell.stdin.take();
        let stdout = BufReader::new(shell.stdout.take()?);
        let mut disk = Self { shell, stdin, stdout, folder, kind };
        let mount = format!("mount -t tmpfs -o size={kib}k tmpfs '{}'", disk.inside().display());
        let is_reachable = disk.command(&mount) && std::fs::create_dir(disk.path("probe")).is_ok();
        is_reachable.then_some(disk)
    }

    fn inside(&self) -> &Path {
        self.folder.path()
    }

    /// A path on the disk, for everybody.
    pub fn path(&self, name: &str) -> PathBuf {
        let inside = self.inside().strip_prefix("/").unwrap_or(self.inside()).join(name);
        Path::new("/proc").join(self.shell.id().to_string()).join("root").join(inside)
    }

    /// A program that sees the disk as a mount, at [`Disk::mount_point`]. For programs that resolve
    /// links, as SQLite does, and so do not find their way through `/proc`.
    pub fn program(&self, program: impl AsRef<OsStr>) -> Program {
        let target = format!("--target={}", self.shell.id());
        // The user namespace, where there is one, is what allows to enter the other.
        let entered = Program::new("nsenter").args([&target, "--mount"]);
        let entered = match self.kind {
            "-m" => entered,
            _ => entered.args(["--user", "--preserve-credentials"]),
        };
        entered.arg("--").arg(program)
    }

    /// Where [`Disk::program`] sees the disk.
    pub fn mount_point(&self) -> &Path {
        self.inside()
    }

    /// Lets it be written to, or not.
    ///
    /// # Panics
    /// When that cannot be changed.
    pub fn set_writable(&mut self, writable: bool) {
        let option = if writable { "rw" } else { "ro" };
        let remount = format!("mount -o remount,{option} '{}'", self.inside().display());
        assert!(self.command(&remount), "the disk cannot be made {option}");
    }

    /// Whether the shell could do that.
    fn command(&mut self, command: &str) -> bool {
        let Some(stdin) = &mut self.stdin else { return false };
        let mut line = String::new();
        writeln!(stdin, "{command}; echo $?").is_ok()
            && self.stdout.read_line(&mut line).is_ok()
            && line.trim() == "0"
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The shell ends at the end of its commands.
        drop(self.stdin.take());
        let _ = self.shell.wait();
    }
}
