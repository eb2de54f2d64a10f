//! The seeds that the older scheme gives to tasks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to panic")]

mod shared_vectors;

use kinitro_core::Seed;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    task_uuid: String,
    seed: Seed,
}

#[test]
fn the_shared_vectors() {
    let Some(text) = shared_vectors::read("seeds_dev.json") else { return };
    let vectors: Vec<Vector> = serde_json::from_str(&text).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        assert_eq!(Seed::of_task(&vector.task_uuid), vector.seed, "{}", vector.task_uuid);
    }
}
