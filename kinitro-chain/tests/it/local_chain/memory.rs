//! What a chain that has run for a while has forgotten.

use kinitro_chain::local::LocalChain;

use super::client::*;

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
