//! Vectors that several checkouts share, in a folder beside the workspace.

use std::io::Write;
use std::path::Path;

/// The text of `shared/vectors/NAME`; `None`, with a visible notice, if it cannot be read.
pub(crate) fn read(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors").join(name);
    let text = std::fs::read_to_string(&path).ok();
    if text.is_none() {
        // Not `eprintln!`, which is shown for tests that fail only.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no shared vectors at {}: only those of this repository are tested",
            path.display()
        );
    }
    text
}
