//! The seeds that the older scheme gives to tasks.

use kinitro_core::Seed;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    task_uuid: String,
    seed: Seed,
}

#[test]
fn the_shared_vectors() {
    let Some(text) = crate::shared_vectors::read("seeds_dev.json") else { return };
    let vectors: Vec<Vector> = serde_json::from_str(&text).unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        assert_eq!(Seed::of_task(&vector.task_uuid), vector.seed, "{}", vector.task_uuid);
    }
}
