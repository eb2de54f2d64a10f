//! The numbers of the scoring: those of the shared vectors, where they are beside this checkout,
//! and those of a few tables of our own, which are always here.

use kinitro_core::scoring::{ScoreFile, ScoreReport};
use serde_json::Value;

const GOLDEN: &str = include_str!("../golden/scoring.json");

/// Scores the case as `kinitro score --json` does and compares it with what is expected.
fn check(name: &str, case: &Value) {
    let file = ScoreFile::from_json(&case.to_string()).unwrap();
    let table = file.table(50).unwrap();
    let report = ScoreReport::new(&table, &file.weighting().score(&table).unwrap());
    let found = serde_json::to_value(&report).unwrap();
    for (field, expected) in case["expect"].as_object().unwrap() {
        compare(&format!("{name}: {field}"), &found[field], expected);
    }
}

/// Floats within 1e-9, everything else exactly.
fn compare(path: &str, found: &Value, expected: &Value) {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            let keys: Vec<&String> = expected.keys().collect();
            assert_eq!(found.keys().collect::<Vec<_>>(), keys, "{path}");
            for (key, value) in expected {
                compare(&format!("{path}.{key}"), &found[key], value);
            }
        }
        (Value::Array(found), Value::Array(expected)) => {
            assert_eq!(found.len(), expected.len(), "{path}: {found:?}");
            for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
                compare(&format!("{path}[{i}]"), found, expected);
            }
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            assert!((a - b).abs() < 1e-9, "{path}: {a} is not {b}");
        }
        _ => assert_eq!(found, expected, "{path}"),
    }
}

#[test]
fn our_own_tables() {
    let cases: Vec<Value> = serde_json::from_str(GOLDEN).unwrap();
    assert!(!cases.is_empty());
    for (i, case) in cases.iter().enumerate() {
        check(&format!("golden case {i}"), case);
    }
}

#[test]
fn the_shared_vectors() {
    let Some(text) = crate::shared_vectors::read("scoring_dev.json") else { return };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(cases.len(), 60);
    for (i, case) in cases.iter().enumerate() {
        check(&format!("shared case {i}"), case);
    }
}
