use std::path::PathBuf;

/// Where Kinitro keeps what it has fetched or made for this user: `$XDG_DATA_HOME/kinitro`, or
/// `~/.local/share/kinitro`. `None` when neither is known. A path that is not absolute counts as
/// not set, as the XDG Base Directory Specification demands.
pub fn data_folder() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))?;
    Some(data.join("kinitro"))
}
