//! The memory of a chain does not keep growing the longer it runs. This test has a program of its
//! own, so that it measures nothing but the chain.

#![cfg(feature = "local-chain")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to panic")]

use std::time::Instant;

use kinitro_chain::Signer as _;
use kinitro_chain::local::{DevAccount, LocalChain};

/// What this process holds in memory, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test]
async fn a_hundred_thousand_blocks_take_no_more_than_three_thousand() {
    let chain = LocalChain::builder().instant().start().await.unwrap();
    for name in ["Bob", "Charlie", "Dave"] {
        let who = DevAccount::new(name);
        chain.register(&who.hotkey(), &who.coldkey()).unwrap();
    }
    // More than are remembered.
    chain.advance(3000).unwrap();
    let (before, started) = (resident(), Instant::now());
    chain.advance(100_000).unwrap();
    let (after, took) = (resident(), started.elapsed());
    println!("{} MiB after 3000 blocks, {} MiB after 103000", before >> 20, after >> 20);
    println!("{:.0} blocks a second", 100_000.0 / took.as_secs_f64());
    assert!(after < before + (8 << 20), "it grew from {before} to {after} bytes");
}
