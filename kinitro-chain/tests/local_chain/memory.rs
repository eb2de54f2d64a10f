//! A chain that has run for long is no bigger than one that has run for a while.

use kinitro_chain::Signer as _;
use kinitro_chain::local::{DevAccount, LocalChain};

use crate::client::*;

/// What this process holds in memory, in bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// A hundred thousand blocks take a minute or two; it is for `cargo test -- --ignored`, and the
/// figures it prints are quoted in docs/CHAIN.md.
#[tokio::test]
#[ignore = "takes a minute"]
async fn a_hundred_thousand_blocks_are_no_more_than_three_thousand() {
    let chain = LocalChain::builder().netuid(NETUID).instant().start().await.unwrap();
    for name in ["Bob", "Charlie", "Dave"] {
        let who = DevAccount::new(name);
        chain.register(&who.hotkey(), &who.coldkey()).unwrap();
    }
    chain.advance(3000).unwrap();
    let before = resident();
    let started = std::time::Instant::now();
    chain.advance(100_000).unwrap();
    let (after, took) = (resident(), started.elapsed());
    println!("{} MiB after 3000 blocks, {} MiB after 103000", before >> 20, after >> 20);
    println!("{:.0} blocks a second", 100_000.0 / took.as_secs_f64());
    assert!(after < before + (16 << 20), "it grew from {before} to {after} bytes");
}

#[tokio::test]
async fn old_states_are_gone_and_old_blocks_forgotten() {
    let chain = LocalChain::builder().netuid(NETUID).instant().start().await.unwrap();
    let client = Client::connect(&chain).await;
    let old = client.api.at_current_block().await.unwrap();
    chain.advance(300).unwrap();
    let address = subxt::dynamic::storage::<(), u64>("Timestamp", "Now");
    let error = old.storage().fetch(address, ()).await.unwrap_err();
    assert!(format!("{error:?}").contains("State already discarded"), "{error:?}");
    let hash_of = async |number: u64| -> Option<String> {
        client.rpc.request("chain_getBlockHash", subxt::rpcs::rpc_params![number]).await.unwrap()
    };
    assert!(hash_of(1).await.is_some());
    chain.advance(2400).unwrap();
    assert_eq!(hash_of(1).await, None);
    assert!(hash_of(0).await.is_some(), "the first is never forgotten");
}
