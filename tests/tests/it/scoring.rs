//! Success rates in, points and weights out.

use std::fs;

use kinitro_tests::{kinitro, skipped, workspace};
use serde_json::{Value, json};

fn near(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() <= 1e-9
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| near(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| near(one, other)))
        }
        (one, other) => one == other,
    }
}

fn scored(cases: &str) {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    assert!(!cases.is_empty());
    for (index, case) in cases.iter().enumerate() {
        let file = folder.path().join(format!("{index}.json"));
        fs::write(&file, case.to_string()).unwrap();
        let mut printed = kinitro("score --json").arg(&file).run().with_code(0).json();
        let method = printed.as_object_mut().unwrap().remove("method").unwrap();
        assert_eq!(method["options"]["scheme"], case["scheme"]);
        assert!(near(&case["expect"], &printed), "case {index}:\n{}\n{printed}", case["expect"]);
    }
}

#[test]
fn the_golden_cases_come_out() {
    let cases = workspace().join("kinitro-core/tests/golden/scoring.json");
    scored(&fs::read_to_string(cases).unwrap());
}

#[test]
fn the_shared_vectors_come_out() {
    let vectors = workspace().join("../shared/vectors/scoring_dev.json");
    match fs::read_to_string(&vectors) {
        Ok(cases) => scored(&cases),
        Err(_) => skipped(&format!("no {}", vectors.display())),
    }
}

#[test]
fn a_table_of_spreadsheets_is_read_and_explained() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scores.csv");
    // A generalist, a specialist that came later, and a copy of the first.
    let text = "uid,first_block,metaworld/reach-v3,metaworld/push-v3\n1,10,0.7,0.5\n2,20,,0.9\n3,30,0.7,0.5\n";
    fs::write(&file, text).unwrap();
    let shown = kinitro("score --explain").arg(&file).run().with_code(0).stdout;
    let row = |uid: &str| {
        let start = format!("|   {uid} |");
        shown.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{shown}"))
    };
    assert!(row("1").contains("|      3 |") && row("3").contains("|      0 |"), "{shown}");
    assert!(shown.contains("to miner 1, who came before and is not beaten on"), "{shown}");

    let json = kinitro("score --json --scheme equal --points share --temperature 0.5 --explain")
        .arg(&file)
        .run()
        .with_code(0)
        .json();
    assert_eq!(json["report"]["subset_scores"], json!({"1": 2.0, "2": 1.0, "3": 0.0}));
    assert_eq!(json["explain"]["miners"][2]["points"], 0);
}

#[test]
fn scores_that_are_none_are_refused_with_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let env = "\"env_ids\": [\"a/b\"]";
    for (name, text, error) in [
        ("empty.json", String::new(), "EOF"),
        ("torn.json", format!("{{{env}, \"miners\": ["), "line 1"),
        ("typo.json", format!("{{{env}, \"miners\": [], \"temprature\": 1}}"), "temprature"),
        ("nobody.json", format!("{{{env}, \"miners\": []}}"), "no miner"),
        (
            "two.json",
            format!(
                "{{{env}, \"miners\": [{{\"uid\":1,\"scores\":{{}}}},{{\"uid\":1,\"scores\":{{}}}}]}}"
            ),
            "miner 1 is there twice",
        ),
        (
            "high.json",
            format!("{{{env}, \"miners\": [{{\"uid\":1,\"scores\":{{\"a/b\":1.5}}}}]}}"),
            "from 0 to 1",
        ),
        ("head.csv", "first_block,a/b\n".to_owned(), "no column `uid`"),
        ("cell.csv", "uid,first_block,a/b\n1,2,often\n".to_owned(), "line 2, column `a/b`"),
    ] {
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        kinitro("score").arg(&file).run().failed(2, &[error], &[]);
    }
    kinitro("score").arg(folder.path().join("missing.json")).run().failed(
        3,
        &["cannot be read"],
        &[],
    );
    let good = folder.path().join("good.json");
    fs::write(&good, format!("{{{env}, \"miners\": [{{\"uid\":1,\"scores\":{{}}}}]}}")).unwrap();
    let program = || kinitro("score").arg(&good);
    program().args(["--temperature", "0"]).run().failed(2, &["above 0"], &[]);
    program().args(["--temperature", "NaN"]).run().failed(2, &["above 0"], &[]);
}

#[test]
fn a_simulated_subnet_is_the_same_each_time_and_as_large_as_asked() {
    let simulate = || {
        let arguments = "test-scoring --n-miners 5 --n-envs 3 --episodes-per-env 50 --seed 4";
        kinitro(arguments).run().with_code(0).stdout
    };
    let shown = simulate();
    assert_eq!(shown.lines().count(), 2 + 5, "{shown}");
    assert_eq!(shown, simulate());
    let large = kinitro("test-scoring --n-miners 256 --n-envs 64 --json").run().with_code(0).json();
    let shares =
        large["weights"].as_object().unwrap().values().map(|share| share.as_f64().unwrap());
    assert!((shares.sum::<f64>() - 1.0).abs() < 1e-9);
    kinitro("test-scoring --n-envs 65").run().failed(2, &["65 environments are too many"], &[]);
    kinitro("test-scoring --n-miners 0").run().failed(2, &["no miner"], &[]);
    let limited = kinitro("test-scoring --n-miners 64 --n-envs 40 --work-limit 10").run();
    limited.failed(1, &["more than 10 steps", "raise the work limit"], &[]);
}
