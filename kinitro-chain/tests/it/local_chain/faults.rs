//! Each thing that can go wrong, at the turn of its switch.

use std::time::{Duration, Instant};

use kinitro_chain::local::{
    CutOnSubmit, DevAccount, Forked, LocalChain, LocalChainError, RemoteError, RemoteLocalChain,
};
use kinitro_chain::{Hash256, Rao, Signer as _};
use subxt::rpcs::rpc_params;
use tokio::time::timeout;

use super::client::*;

const PATIENCE: Duration = Duration::from_secs(10);

async fn chain() -> LocalChain {
    LocalChain::builder().netuid(NETUID).instant().finality_lag(2).start().await.unwrap()
}

/// Whether the node answers, and how fast.
async fn ping(client: &Client) -> Result<Duration, subxt::rpcs::Error> {
    let started = Instant::now();
    client.rpc.request::<String>("system_chain", rpc_params![]).await?;
    Ok(started.elapsed())
}

#[tokio::test]
async fn a_cut_ends_all_connections_and_nothing_else() {
    let chain = chain().await;
    let clients = [Client::connect(&chain).await, Client::connect(&chain).await];
    chain.cut_connections();
    for client in &clients {
        assert!(timeout(PATIENCE, ping(client)).await.expect("it is cut, not silent").is_err());
    }
    ping(&Client::connect(&chain).await).await.unwrap();
}

#[tokio::test]
async fn a_submit_can_be_cut_before_or_after_it_counts() {
    let chain = chain().await;
    chain.set_including(false);
    let alice = DevAccount::alice();
    for (when, waiting) in [(CutOnSubmit::BeforePool, 0), (CutOnSubmit::AfterPool, 1)] {
        let client = Client::connect(&chain).await;
        let signed = client.signed(&alice, &set_commitment(&[b"x"])).await;
        chain.cut_on_submit(when);
        let transactions = client.api.transactions().await.unwrap();
        let transaction = transactions.from_bytes(signed);
        let result = timeout(PATIENCE, transaction.submit_and_watch()).await;
        let Err(error) = result.expect("the connection is cut") else { panic!("nobody answers") };
        assert!(!format!("{error:?}").contains("User("), "the node said something: {error:?}");
        assert_eq!(chain.status().waiting, waiting, "{when:?}");
        assert!(ping(&Client::connect(&chain).await).await.is_ok(), "it happens once");
    }
}

#[tokio::test]
async fn a_node_can_be_slow_or_silent() {
    let chain = chain().await;
    let client = Client::connect(&chain).await;
    chain.set_delay(Some(Duration::from_millis(300)));
    assert!(ping(&client).await.unwrap() >= Duration::from_millis(300));
    chain.set_delay(None);
    let silent = timeout(Duration::from_millis(500), ping(&client)).await;
    assert!(silent.is_err(), "it neither answers nor hangs up");
    chain.set_delay(Some(Duration::ZERO));
    assert!(ping(&client).await.unwrap() < Duration::from_secs(1));
}

#[tokio::test]
async fn a_restart_keeps_the_chain_and_the_port() {
    let chain = chain().await;
    let client = Client::connect(&chain).await;
    let signed = client.signed(&DevAccount::alice(), &set_commitment(&[b"x"])).await;
    client.submit(&signed).await.unwrap();
    let (url, block) = (chain.url(), chain.status().block);
    let gone = Duration::from_millis(300);
    let (restarted, refused) = tokio::join!(chain.restart(gone), async {
        tokio::time::sleep(gone / 3).await;
        tokio::net::TcpStream::connect(url.trim_start_matches("ws://")).await.is_err()
    });
    restarted.unwrap();
    assert!(refused, "nobody listens meanwhile");
    assert!(timeout(PATIENCE, ping(&client)).await.unwrap().is_err());
    assert_eq!((chain.url(), chain.status().block), (url, block));
    ping(&Client::connect(&chain).await).await.unwrap();
}

#[tokio::test]
async fn a_fork_takes_a_transaction_out_and_lets_it_back_in() {
    let chain = chain().await;
    let client = Client::connect(&chain).await;
    let alice = DevAccount::alice();
    let bytes = client.signed(&alice, &set_commitment(&[b"x"])).await;
    let bytes = format!("0x{}", base16ct::lower::encode_string(&bytes));
    let mut statuses = client
        .rpc
        .subscribe::<serde_json::Value>(
            "author_submitAndWatchExtrinsic",
            rpc_params![bytes],
            "author_unwatchExtrinsic",
        )
        .await
        .unwrap();
    let included = chain.status().block;
    assert_eq!(chain.fork(1, Forked::Returned).unwrap(), 1);
    assert_eq!((chain.status().block.0, chain.status().waiting), (included.0 + 1, 1));
    chain.advance(3).unwrap();
    assert_eq!(chain.status().waiting, 0);
    let mut blocks = Vec::new();
    let mut story = Vec::new();
    while story.last().map(String::as_str) != Some("finalized") {
        let status = timeout(PATIENCE, statuses.next()).await.unwrap().unwrap().unwrap();
        let Some((name, block)) = status.as_object().and_then(|status| status.iter().next()) else {
            story.push(status.as_str().unwrap().to_owned());
            continue;
        };
        story.push(name.clone());
        blocks.push(block.as_str().unwrap().to_owned());
    }
    assert_eq!(story, ["ready", "inBlock", "retracted", "ready", "inBlock", "finalized"]);
    assert_eq!((&blocks[0], &blocks[2]), (&blocks[1], &blocks[3]));
    assert_ne!(blocks[1], blocks[2]);
}

#[tokio::test]
async fn a_fork_can_lose_a_transaction() {
    let chain = chain().await;
    let client = Client::connect(&chain).await;
    let alice = DevAccount::alice();
    let bytes = client.signed(&alice, &set_commitment(&[b"x"])).await;
    client.submit(&bytes).await.unwrap();
    let hash_at = async |number: u64| -> String {
        client.rpc.request("chain_getBlockHash", rpc_params![number]).await.unwrap()
    };
    let included = chain.status().block.0;
    let before = hash_at(included).await;
    chain.fork(2, Forked::Lost).unwrap();
    assert_ne!(hash_at(included).await, before, "another block of the same height");
    chain.advance(5).unwrap();
    assert_eq!(chain.status().waiting, 0);
    let keys = vec![netuid(), key(&alice)];
    let commitment: Option<u32> = client.storage("Commitments", "LastCommitment", keys).await;
    assert_eq!(commitment, None);
    // As it was never there, it can be sent again.
    client.submit(&bytes).await.unwrap();
}

#[tokio::test]
async fn no_fork_takes_back_what_is_final() {
    let chain = chain().await;
    let finalized = chain.status().finalized;
    assert_eq!(chain.fork(100, Forked::Lost).unwrap(), 2);
    assert!(chain.status().finalized >= finalized);
}

#[tokio::test]
async fn a_client_hears_of_an_upgrade() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let subscription = "state_subscribeRuntimeVersion";
        let mut versions = client
            .rpc
            .subscribe::<serde_json::Value>(
                subscription,
                rpc_params![],
                "state_unsubscribeRuntimeVersion",
            )
            .await
            .unwrap();
        let spec = |version: serde_json::Value| version["specVersion"].as_u64().unwrap();
        assert_eq!(spec(versions.next().await.unwrap().unwrap()), 424);
        let before = client.api.at_current_block().await.unwrap();
        chain.upgrade(500, None).unwrap();
        let told = timeout(PATIENCE, versions.next()).await.unwrap();
        assert_eq!(spec(told.unwrap().unwrap()), 500);
        // An earlier block is still of the earlier version.
        let at = client.api.at_current_block().await.unwrap();
        assert_eq!((before.spec_version(), at.spec_version()), (424, 500));
    }
}

#[tokio::test]
async fn an_upgrade_can_bring_other_metadata() {
    let [(_, chain), real] = &runtimes()[..] else { return };
    let chain = chain.clone().instant().start().await.unwrap();
    let real = real.1.clone().instant().start().await.unwrap();
    let metadata: String = Client::connect(&real)
        .await
        .rpc
        .request("state_call", rpc_params!["Metadata_metadata_at_version", "0x10000000"])
        .await
        .unwrap();
    let bytes = base16ct::lower::decode_vec(metadata.trim_start_matches("0x")).unwrap();
    let metadata = <Option<Vec<u8>> as parity_scale_codec::Decode>::decode(&mut &bytes[..]);
    let metadata = metadata.unwrap().unwrap();
    let client = Client::connect(&chain).await;
    let alice = DevAccount::alice();
    client.send(&alice, &set_commitment(&[b"before"])).await.unwrap();
    chain.upgrade(600, Some(&metadata)).unwrap();
    client.send(&alice, &set_commitment(&[b"after"])).await.unwrap();
    assert!(chain.upgrade(601, Some(b"torn")).is_err());
    assert_eq!(chain.status().spec_version, 600);
}

#[tokio::test]
async fn another_chain_can_answer_at_the_address() {
    let chain = chain().await;
    let before = Client::connect(&chain).await.api.genesis_hash();
    chain.set_genesis(Hash256([7; 32]));
    let after = Client::connect(&chain).await.api.genesis_hash();
    assert_ne!(before, after);
    assert_eq!(after.0, [7; 32]);
    assert_eq!(chain.status().genesis, Hash256([7; 32]).to_string());
}

#[tokio::test]
async fn what_is_dropped_is_gone() {
    let chain = chain().await;
    let url = chain.url();
    let client = Client::connect(&chain).await;
    let address = url.trim_start_matches("ws://").to_owned();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let taken = LocalChain::builder().port(port).start().await.unwrap_err();
    assert!(matches!(taken, LocalChainError::Listen { .. }), "{taken}");
    drop(chain);
    assert!(timeout(PATIENCE, ping(&client)).await.unwrap().is_err());
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    LocalChain::builder().port(port).start().await.expect("the port is free again");
}

#[tokio::test]
async fn a_chain_in_another_process_can_be_run_from_here() {
    let chain = LocalChain::builder().netuid(NETUID).instant().start().await.unwrap();
    let remote = RemoteLocalChain::connect(chain.url()).await.unwrap();
    let bob = DevAccount::bob();
    let uid = remote.register(&bob.hotkey(), &bob.coldkey()).await.unwrap();
    assert_eq!(uid.0, 1);
    let again = remote.register(&bob.hotkey(), &bob.coldkey()).await.unwrap_err();
    assert!(matches!(&again, RemoteError::Refused(why) if why.contains("already")), "{again}");
    remote.set_permit(&bob.hotkey(), true).await.unwrap();
    remote.set_stake(&bob.hotkey(), Rao(7)).await.unwrap();
    remote.set_hyperparameter("Tempo", "50").await.unwrap();
    let newest = remote.advance(5).await.unwrap();
    assert_eq!(remote.status().await.unwrap(), chain.status());
    assert_eq!(chain.status().block, newest);
    drop(chain);
    assert!(matches!(remote.status().await, Err(RemoteError::Unreachable { .. })));
}

#[tokio::test]
async fn the_switches_can_be_turned_from_afar() {
    let chain = LocalChain::builder().netuid(NETUID).start().await.unwrap();
    let client = Client::connect(&chain).await;
    let bob = DevAccount::bob().hotkey().to_string();
    let uid: u16 = client.rpc.request("kinitro_register", rpc_params![&bob]).await.unwrap();
    assert_eq!(uid, 1);
    let again = client.rpc.request::<u16>("kinitro_register", rpc_params![&bob]).await;
    assert!(again.unwrap_err().to_string().contains("is registered on subnet 26 already"));
    let done = async |method: &str, params| client.rpc.request::<()>(method, params).await.unwrap();
    done("kinitro_setPermit", rpc_params![&bob, true]).await;
    done("kinitro_setStake", rpc_params![&bob, 5_000_000_000_u64]).await;
    done("kinitro_setHyperparameter", rpc_params!["Tempo", 50]).await;
    let before = chain.status().block.0;
    let block: u64 = client.rpc.request("kinitro_advance", rpc_params![100]).await.unwrap();
    assert!(block >= before + 100);
    let status: kinitro_chain::local::LocalStatus =
        client.rpc.request("kinitro_status", rpc_params![]).await.unwrap();
    assert_eq!((status.neurons, status.netuid), (2, NETUID));
    done("kinitro_setIncluding", rpc_params![false]).await;
    let _: u64 = client.rpc.request("kinitro_fork", rpc_params![1]).await.unwrap();
    done("kinitro_upgrade", rpc_params![430]).await;
    assert_eq!(chain.status().spec_version, 430);
    let genesis = Hash256([1; 32]).to_string();
    done("kinitro_setGenesis", rpc_params![&genesis]).await;
    done("kinitro_setDelay", rpc_params![10]).await;
    assert!(ping(&client).await.unwrap() >= Duration::from_millis(10));
    done("kinitro_cutConnections", rpc_params![]).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(ping(&client).await.is_err());
}
