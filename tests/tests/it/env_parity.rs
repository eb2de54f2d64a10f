//! `kinitro env parity`: recorded episodes are run again and compared step by step.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use kinitro_tests::{Finished, kinitro, skipped, workspace};
use ndarray::{Array1, Array2};
use ndarray_npy::{NpzReader, NpzWriter};

/// The recordings that are part of the repository.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/metaworld")
}

/// Recordings are met to the bit where the processor fuses multiplication and addition, as the one
/// did that they were made on. Others go apart with time.
fn strictness() -> &'static [&'static str] {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let fuses = cpu.lines().any(|line| line.starts_with("flags") && line.contains(" fma "));
    if fuses { &[] } else { &["--steps", "20", "--tolerance", "1e-12"] }
}

fn parity(folder: &Path, arguments: &[&str]) -> Finished {
    kinitro("env parity").arg(folder).args(strictness()).args(arguments).run()
}

/// A recording that can be changed.
struct Recording {
    rand_vec: Array1<f64>,
    actions: Array2<f64>,
    obs: Array2<f64>,
    rewards: Array1<f64>,
    success: Array1<u8>,
    qpos: Array2<f64>,
    qvel: Array2<f64>,
}

impl Recording {
    fn read(path: &Path) -> Self {
        let mut npz = NpzReader::new(File::open(path).unwrap()).unwrap();
        Self {
            rand_vec: npz.by_name("rand_vec").unwrap(),
            actions: npz.by_name("actions").unwrap(),
            obs: npz.by_name("obs").unwrap(),
            rewards: npz.by_name("rewards").unwrap(),
            success: npz.by_name("success").unwrap(),
            qpos: npz.by_name("qpos").unwrap(),
            qvel: npz.by_name("qvel").unwrap(),
        }
    }

    fn write(&self, path: &Path) {
        let mut npz = NpzWriter::new(File::create(path).unwrap());
        npz.add_array("rand_vec", &self.rand_vec).unwrap();
        npz.add_array("actions", &self.actions).unwrap();
        npz.add_array("obs", &self.obs).unwrap();
        npz.add_array("rewards", &self.rewards).unwrap();
        npz.add_array("success", &self.success).unwrap();
        npz.add_array("qpos", &self.qpos).unwrap();
        npz.add_array("qvel", &self.qvel).unwrap();
        npz.finish().unwrap();
    }
}

#[test]
fn the_golden_recordings_match() {
    let finished = parity(&golden(), &[]).with_code(0);
    let count = finished.stdout.lines().count();
    assert!(count >= 150, "{}", finished.stdout);
    for line in finished.stdout.lines() {
        assert!(line.starts_with("match ") && line.ends_with(" steps)"), "{line}");
        assert!(!line.contains("(0 steps)"), "{line}");
    }
    assert!(finished.stderr.contains(&format!("all {count} recordings match")));
}

#[test]
fn the_development_fixtures_match() {
    let fixtures = workspace().join("../shared/fixtures/metaworld");
    if !fixtures.is_dir() {
        return skipped("parity with the development fixtures, which are not here");
    }
    let finished = parity(&fixtures, &[]).with_code(0);
    let matching = finished.stdout.lines().filter(|line| line.starts_with("match "));
    assert_eq!(matching.count(), finished.stdout.lines().count(), "{}", finished.stdout);
    assert!(finished.stdout.lines().count() >= 200, "{}", finished.stdout);
}

#[test]
fn one_changed_number_is_found_with_its_step_its_field_and_by_how_much() {
    let folder = tempfile::tempdir().unwrap();
    let name = "push-v3__expert_7.npz";
    let path = folder.path().join(name);
    let original = || Recording::read(&golden().join(name));
    type Change = fn(&mut Recording);
    let changes: [(Change, usize, &str, &str); 7] = [
        (|r| r.obs[[5, 3]] += 0.25, 5, "observation[3]", "2.500e-1"),
        (|r| r.obs[[0, 38]] -= 0.5, 0, "observation[38]", "5.000e-1"),
        (|r| r.qpos[[7, 0]] += 1e-6, 7, "qpos[0]", "1.000e-6"),
        (|r| r.qvel[[12, 2]] += 2.0, 12, "qvel[2]", "2.000e0"),
        (|r| r.rewards[8] += 1e-9, 9, "reward[0]", "1.000e-9"),
        (|r| r.success[3] = 1, 4, "success[0]", "1.000e0"),
        (|r| r.obs[[6, 1]] = f64::NAN, 6, "observation[1]", "NaN"),
    ];
    for (change, step, field, off_by) in changes {
        let mut recording = original();
        let steps = recording.rewards.len();
        change(&mut recording);
        recording.write(&path);
        let finished = parity(folder.path(), &[]).with_code(1);
        let line = &finished.stdout;
        let start = format!("differs   {name}: step {step} of ");
        assert!(line.starts_with(&start) && line.contains(field), "{line}");
        assert!(line.contains(&format!("off by {off_by}")), "{line}");
        finished.says(&["1 of 1 recordings do not match"], &[]);
        assert!(steps > 12, "the changes above lie within the recording");
    }
    // So that it is the changes that are found: the same file without any matches.
    original().write(&path);
    let _ = parity(folder.path(), &[]).with_code(0);
}

#[test]
fn a_changed_action_or_placement_leads_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("push-v3__expert_7.npz");
    let mut recording = Recording::read(&golden().join("push-v3__expert_7.npz"));
    recording.actions[[4, 0]] *= -1.0;
    recording.write(&path);
    let finished = parity(folder.path(), &[]).with_code(1);
    assert!(finished.stdout.contains(": step 5 of "), "{}", finished.stdout);
    recording.rand_vec[0] += 0.01;
    recording.write(&path);
    let finished = parity(folder.path(), &[]).with_code(1);
    assert!(finished.stdout.contains(": step 0 of "), "{}", finished.stdout);
}

#[test]
fn tolerance_and_steps_say_how_close_and_how_far() {
    let folder = tempfile::tempdir().unwrap();
    let name = "reach-v3__random_107.npz";
    let mut recording = Recording::read(&golden().join(name));
    recording.obs[[9, 0]] += 1e-3;
    recording.write(&folder.path().join(name));
    let run = |arguments: &[&str]| {
        kinitro("env parity").arg(folder.path()).args(arguments).args(["--json"]).run()
    };
    for (arguments, code) in [
        (["--steps", "8", "--tolerance", "1e-9"], 0),
        (["--steps", "9", "--tolerance", "1e-9"], 1),
        (["--steps", "9", "--tolerance", "1e-2"], 0),
        (["--steps", "9", "--tolerance", "1e-4"], 1),
    ] {
        let _ = run(&arguments).with_code(code);
    }
    for tolerance in ["-1", "NaN", "inf"] {
        let argument = format!("--tolerance={tolerance}");
        run(&[&argument]).failed(2, &["--tolerance"], &[]);
    }
}

#[test]
fn what_cannot_be_compared_is_unusable_and_the_others_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let whole = "reach-v3__expert_7.npz";
    let bytes = fs::read(golden().join(whole)).unwrap();
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    put(whole, &bytes);
    put("reach-v3__cut_1.npz", &bytes[..bytes.len() / 2]);
    put("reach-v3__empty_1.npz", b"");
    put("reach-v3.npz", &bytes);
    put("fly-v3__expert_7.npz", &bytes);
    let mut recording = Recording::read(&golden().join(whole));
    recording.rewards = recording.rewards.slice_move(ndarray::s![..3]);
    recording.write(&folder.path().join("reach-v3__short_1.npz"));
    let mut recording = Recording::read(&golden().join(whole));
    recording.rand_vec = Array1::zeros(2);
    recording.write(&folder.path().join("reach-v3__misplaced_1.npz"));

    let finished = parity(folder.path(), &[]).with_code(1);
    let line = |name: &str| {
        let mut lines = finished.stdout.lines();
        let line = lines.find(|line| line.split([' ', ':']).any(|word| word == name));
        line.unwrap_or_else(|| panic!("no line for {name}:\n{}", finished.stdout))
    };
    assert!(line(whole).starts_with("match "), "{}", finished.stdout);
    for (name, reason) in [
        ("reach-v3__cut_1.npz", ""),
        ("reach-v3__empty_1.npz", ""),
        ("reach-v3.npz", "its name is not TASK__KIND_SEED.npz"),
        ("fly-v3__expert_7.npz", "there is no environment `metaworld/fly-v3`"),
        ("reach-v3__short_1.npz", "the shapes do not fit together"),
        ("reach-v3__misplaced_1.npz", ""),
    ] {
        let line = line(name);
        let reason = format!("unusable  {name}: {reason}");
        assert!(line.starts_with(&reason) && line.len() > name.len() + 12, "{line}");
    }
    finished.says(&["6 of 7 recordings do not match"], &[]);
}

#[test]
fn only_chooses_files_by_their_names() {
    let finished = parity(&golden(), &["--only", "{reach,push}-v3__*_7.npz"]).with_code(0);
    let names: Vec<_> =
        finished.stdout.lines().map(|line| line.split(' ').nth(5).unwrap()).collect();
    let expected = [
        "push-v3__expert_7.npz",
        "push-v3__expert_f32_7.npz",
        "reach-v3__expert_7.npz",
        "reach-v3__expert_f32_7.npz",
    ];
    assert_eq!(names, expected);
    let nothing = parity(&golden(), &["--only", "fly-*"]);
    nothing.failed(2, &["no such recording", "golden/metaworld"], &[]);
    parity(&golden(), &["--only", "{reach"]).failed(2, &["{reach"], &[]);
}

#[test]
fn a_folder_without_recordings_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    parity(folder.path(), &[]).failed(2, &["no such recording", &path], &[]);
    let missing = folder.path().join("missing");
    parity(&missing, &[]).failed(2, &["missing cannot be read"], &[]);
}

#[test]
fn json_says_the_same_for_programs() {
    let folder = tempfile::tempdir().unwrap();
    let name = "reach-v3__expert_7.npz";
    fs::copy(golden().join(name), folder.path().join("reach-v3__a_7.npz")).unwrap();
    let mut recording = Recording::read(&golden().join(name));
    recording.qpos[[3, 1]] = 7.0;
    recording.write(&folder.path().join("reach-v3__b_7.npz"));
    fs::write(folder.path().join("reach-v3__c_7.npz"), "no archive").unwrap();
    let reports = parity(folder.path(), &["--json"]).with_code(1).json();
    let verdicts: Vec<_> =
        reports.as_array().unwrap().iter().map(|r| r["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["match", "differs", "unusable"]);
    let differs = &reports[1];
    assert!(differs["file"].as_str().unwrap().ends_with("reach-v3__b_7.npz"));
    assert_eq!(differs["step"], 3);
    assert_eq!(differs["field"], "qpos");
    assert_eq!(differs["index"], 1);
    assert_eq!(differs["recorded"], 7.0);
    let off_by = 7.0 - differs["computed"].as_f64().unwrap();
    assert_eq!(differs["difference"], off_by);
    assert!(reports[2]["reason"].is_string());
}
