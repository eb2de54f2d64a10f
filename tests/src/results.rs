//! What an evaluation leaves in its folder, read as a stranger would: as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// A JSON file.
///
/// # Panics
/// When it cannot be read.
#[track_caller]
pub fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}:\n{text}", path.display()))
}

/// The lines of `episodes.jsonl`, without their ends.
///
/// # Panics
/// When the last one has no end.
#[track_caller]
pub fn lines(folder: &Path) -> Vec<String> {
    let path = folder.join("episodes.jsonl");
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn:\n{text}");
    text.lines().map(str::to_owned).collect()
}

/// How many whole lines `episodes.jsonl` has by now; none when it is not there.
pub fn line_count(folder: &Path) -> usize {
    let bytes = fs::read(folder.join("episodes.jsonl")).unwrap_or_default();
    bytes.iter().filter(|&&byte| byte == b'\n').count()
}

/// The episodes in a folder by environment and seed, without what differs from run to run: only
/// times do.
///
/// # Panics
/// When a line is not an episode, or an episode appears twice.
#[track_caller]
pub fn episodes(folder: &Path) -> BTreeMap<(String, u64), Value> {
    let mut episodes = BTreeMap::new();
    for line in lines(folder) {
        let record: Value = serde_json::from_str(&line).expect("a line is an object");
        let env_id = record["env_id"].as_str().expect("an episode has an environment").to_owned();
        let seed = record["seed"].as_u64().expect("an episode has a seed");
        for field in ["outcome", "steps", "total_reward", "seconds", "latency", "trajectory"] {
            assert!(!record[field].is_null(), "no `{field}` in {line}");
        }
        let Value::Object(mut record) = record else { panic!("a line is an object: {line}") };
        record.retain(|field, _| field != "seconds" && field != "latency");
        let earlier = episodes.insert((env_id, seed), Value::Object(record));
        assert!(earlier.is_none(), "an episode is there twice: {line}");
    }
    episodes
}

/// The seeds of the episodes in a folder with one environment.
#[track_caller]
pub fn seeds(folder: &Path) -> Vec<u64> {
    episodes(folder).into_keys().map(|(_, seed)| seed).collect()
}

/// All files of a folder with the text in them.
///
/// # Panics
/// When one cannot be read.
#[track_caller]
pub fn contents(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let content = |path: &Path| fs::read_to_string(path).expect("the file is text");
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    paths.map(|path| (name(&path), content(&path))).collect()
}

/// Copies the files of a results folder into a new one.
///
/// # Panics
/// When that is not possible.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("the folder can be made");
    for (name, text) in contents(from) {
        fs::write(to.join(name), text).expect("the file can be written");
    }
}
