//! Faults between client and chain: every report is true, and nothing is done twice.

use std::time::Duration;

use kinitro_chain::commitment::CommitmentData;
use kinitro_chain::local::{CutOnSubmit, Forked};
use kinitro_chain::wallet::Keypair;
use kinitro_chain::{
    Chain as _, ChainError, ChainErrorKind, Hash256, Inclusion, Remedy, Signer as _,
};

use super::stage::{LocalStage, NETUID, builder, coldkey, connect, keypair, quick};

/// What the miner has published.
async fn published(stage: &LocalStage, miner: &Keypair) -> Option<Vec<u8>> {
    let commitments = stage.client.commitments(NETUID).await.unwrap().value;
    commitments.into_iter().find(|c| c.hotkey == miner.hotkey()).and_then(|c| c.data)
}

fn data() -> CommitmentData {
    CommitmentData::new("hello").unwrap()
}

fn submissions(stage: &LocalStage) -> u64 {
    stage.client.calls().get("author_submitExtrinsic").copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_is_found_out() {
    let (stage, miner) = LocalStage::with_miner().await;
    stage.local.cut_on_submit(CutOnSubmit::AfterPool);
    let inclusion = stage.client.commit(NETUID, &miner, &data()).await.unwrap();
    assert!(inclusion.finalized);
    assert_eq!(published(&stage, &miner).await.as_deref(), Some(b"hello".as_slice()));
    assert_eq!(submissions(&stage), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_lost_is_said_to_be_when_it_is_certain() {
    let (stage, miner) = LocalStage::with_miner().await;
    stage.local.cut_on_submit(CutOnSubmit::BeforePool);
    let error = stage.client.commit(NETUID, &miner, &data()).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::NotIncluded, "{error}");
    assert_eq!(error.remedy(), Some(Remedy::SafeToRetry));
    assert_eq!(published(&stage, &miner).await, None);
    assert_eq!(submissions(&stage), 1);
    // And so it is.
    stage.client.commit(NETUID, &miner, &data()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_no_block_takes_is_given_up_when_it_is_too_old() {
    let (stage, miner) = LocalStage::with_miner().await;
    stage.local.set_including(false);
    let error = stage.client.commit(NETUID, &miner, &data()).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::NotIncluded, "{error}");
    stage.local.set_including(true);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(published(&stage, &miner).await, None, "it was included after all");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_outlives_a_cut_and_a_restart() {
    let (stage, _) = LocalStage::with_miner().await;
    for _ in 0..5 {
        stage.local.cut_connections();
        assert!(!stage.client.neurons(NETUID).await.unwrap().value.is_empty());
    }
    let away = stage.local.restart(Duration::from_millis(300));
    let (reading, restarted) = tokio::join!(stage.client.subnet(NETUID), away);
    restarted.unwrap();
    reading.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writing_outlives_a_restart() {
    let (stage, miner) = LocalStage::with_miner().await;
    let restart = async {
        tokio::time::sleep(Duration::from_millis(40)).await;
        stage.local.restart(Duration::from_millis(200)).await.unwrap();
    };
    let data = data();
    let (written, ()) = tokio::join!(stage.client.commit(NETUID, &miner, &data), restart);
    // Either it got through before the restart, or no node received it; the result says which.
    match written {
        Ok(_) => assert!(published(&stage, &miner).await.is_some()),
        Err(error) => {
            assert_eq!(*error.kind(), ChainErrorKind::NotIncluded, "{error}");
            assert!(published(&stage, &miner).await.is_none());
        }
    }
    assert_eq!(submissions(&stage), 1);
}

/// Publishes a commitment on a chain with late finality, then forks off the block that includes it.
/// Returns the outcome of the commitment, and the height of the fork.
async fn commit_into_a_fork(forked: Forked) -> (LocalStage, Keypair, Written, u64) {
    let builder = builder().block_time(Duration::from_millis(60)).finality_lag(5);
    let stage = LocalStage::start(builder).await;
    let miner = keypair("miner");
    stage.local.register(&miner.hotkey(), &coldkey()).unwrap();
    let fork = async {
        while submissions(&stage) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Long enough for a block with it, not for that to be final.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let height = stage.client.head().await.unwrap().best.number.0;
        assert!(stage.local.fork(5, forked).unwrap() > 0);
        height
    };
    let data = data();
    let (written, height) = tokio::join!(stage.client.commit(NETUID, &miner, &data), fork);
    (stage, miner, written, height)
}

type Written = Result<Inclusion, ChainError>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_a_fork_takes_back_is_found_where_it_ends_up() {
    let (stage, miner, written, height) = commit_into_a_fork(Forked::Returned).await;
    let inclusion = written.unwrap();
    assert!(inclusion.finalized && inclusion.block.number.0 > height, "{inclusion:?}");
    let commitments = stage.client.commitments(NETUID).await.unwrap().value;
    let own = commitments.iter().find(|c| c.hotkey == miner.hotkey()).unwrap();
    assert_eq!(own.block, inclusion.block.number);
    assert_eq!(submissions(&stage), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_is_lost_in_a_fork_is_not_believed_in() {
    let (stage, miner, written, _) = commit_into_a_fork(Forked::Lost).await;
    let error = written.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::NotIncluded, "{error}");
    assert_eq!(published(&stage, &miner).await, None);
    assert_eq!(submissions(&stage), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_is_final_even_if_a_fork_comes_in_between() {
    let (stage, miner) = LocalStage::with_miner().await;
    let data = data();
    let forks = async {
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(35)).await;
            stage.local.fork(1, Forked::Returned).unwrap();
        }
    };
    let (written, ()) = tokio::join!(stage.client.commit(NETUID, &miner, &data), forks);
    match written {
        Ok(inclusion) => {
            assert!(inclusion.finalized);
            let commitments = stage.client.commitments(NETUID).await.unwrap().value;
            let own = commitments.iter().find(|c| c.hotkey == miner.hotkey()).unwrap();
            assert_eq!(own.block, inclusion.block.number);
        }
        Err(error) => assert_eq!(*error.kind(), ChainErrorKind::NotIncluded, "{error}"),
    }
    assert_eq!(submissions(&stage), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_while_we_run_is_noticed() {
    let (stage, miner) = LocalStage::with_miner().await;
    stage.client.commit(NETUID, &miner, &data()).await.unwrap();
    stage.local.upgrade(9_000, None).unwrap();
    stage.local.advance(1).unwrap();
    // What is signed names the version of the runtime: with the old one it would be refused.
    stage.client.commit(NETUID, &miner, &data()).await.unwrap();
    stage.client.subnet(NETUID).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_node_is_not_waited_for_for_ever() {
    let (stage, miner) = LocalStage::with_miner().await;
    let mut settings = quick();
    settings.timeout = Duration::from_millis(300);
    settings.patience = Duration::from_millis(900);
    let client = connect(&stage.local, settings).await;
    // Its metadata is known from here on.
    client.subnet(NETUID).await.unwrap();
    stage.local.set_delay(None);
    let error = client.subnet(NETUID).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::Timeout, "{error}");
    let error = client.commit(NETUID, &miner, &data()).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::Timeout, "nothing was sent: {error}");
    stage.local.set_delay(Some(Duration::from_millis(20)));
    client.subnet(NETUID).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_falls_silent_after_a_transaction_leaves_it_undetermined() {
    let (stage, miner) = LocalStage::with_miner().await;
    let mut settings = quick();
    settings.timeout = Duration::from_millis(250);
    settings.patience = Duration::from_millis(800);
    let client = connect(&stage.local, settings).await;
    client.subnet(NETUID).await.unwrap();
    stage.local.set_including(false);
    let silence = async {
        while !client.calls().contains_key("author_submitExtrinsic") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        stage.local.set_delay(None);
    };
    let data = data();
    let (written, ()) = tokio::join!(client.commit(NETUID, &miner, &data), silence);
    let error = written.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::Undetermined, "{error}");
    assert!(error.to_string().contains("is not known"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_chain_at_the_same_address_is_noticed() {
    let (stage, miner) = LocalStage::with_miner().await;
    stage.client.subnet(NETUID).await.unwrap();
    stage.local.set_genesis(Hash256([9; 32]));
    let error = stage.client.subnet(NETUID).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::WrongChain, "{error}");
    let error = stage.client.commit(NETUID, &miner, &data()).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::WrongChain, "{error}");
}
