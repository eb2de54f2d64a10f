//! Whatever is in a file of scores: reading it must not panic, and what is read is scored to weights
//! that are shares, or refused with an error.

#![no_main]

use kinitro_core::scoring::{ScoreFile, ScoreReport};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for file in [ScoreFile::from_json(text).ok(), ScoreFile::from_csv(text).ok()] {
        let Some(file) = file else { continue };
        let Ok(table) = file.table(50) else { continue };
        let weighting = file.weighting().work_limit(100_000);
        if let Ok(explanations) = weighting.explain(&table) {
            assert_eq!(explanations.miners.len(), table.miner_count());
        }
        let Ok(scores) = weighting.score(&table) else { continue };
        let sum: f64 = scores.weights.shares.iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "the shares add up to {sum}");
        assert!(!ScoreReport::new(&table, &scores).weights.is_empty());
    }
});
