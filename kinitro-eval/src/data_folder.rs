use std::path::PathBuf;

/// The folder of data that Kinitro has fetched or made for this user: `$XDG_DATA_HOME/kinitro`, or
/// `~/.local/share/kinitro`. `None` when neither variable is set. A relative path counts as not set,
/// as the XDG Base Directory Specification requires.
pub fn data_folder() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("kinitro"))
}
