//! What is written, and how the chain refuses.

use kinitro_chain::commitment::CommitmentData;
use kinitro_chain::weights::WeightVector;
use kinitro_chain::{Chain as _, ChainError, Rao, Remedy, Signer as _};
use kinitro_core::MinerUid;

use super::stage::{LocalStage, NETUID, builder, coldkey, connect, finney, keypair, quick};

fn name(error: &ChainError) -> &str {
    &error.refusal().unwrap_or_else(|| panic!("no refusal but: {error:?}")).name
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_runtime_have_their_names_and_remedies() {
    let (stage, miner) = LocalStage::with_miner().await;
    let data = CommitmentData::new("hello").unwrap();

    let stranger = keypair("stranger");
    let error = stage.client.commit(NETUID, &stranger, &data).await.unwrap_err();
    assert_eq!(name(&error), "AccountNotAllowedCommit");
    assert!(error.to_string().contains("not registered"), "{error}");
    assert_eq!(error.remedy(), Some(Remedy::RegisterHotkey));

    stage.local.set_hyperparameter("Commitments.MaxSpace", "150").unwrap();
    stage.local.set_hyperparameter("Tempo", "1000").unwrap();
    stage.client.commit(NETUID, &miner, &data).await.unwrap();
    let error = stage.client.commit(NETUID, &miner, &data).await.unwrap_err();
    assert_eq!(name(&error), "SpaceLimitExceeded");
    assert_eq!(error.remedy(), Some(Remedy::WaitForEpoch));
}

/// What only the chain can know is refused by its transaction pool, which has numbers for names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_of_the_pool_have_names_too() {
    let (stage, miner) = LocalStage::with_miner().await;
    stage.local.set_permit(&miner.hotkey(), true).unwrap();
    stage.local.set_stake(&miner.hotkey(), Rao(10)).unwrap();
    for (parameter, value) in [
        ("StakeThreshold", "1000000"),
        ("WeightsSetRateLimit", "0"),
        ("MinAllowedWeights", "1"),
        ("CommitRevealWeightsEnabled", "false"),
    ] {
        stage.local.set_hyperparameter(parameter, value).unwrap();
    }
    let weights = WeightVector::from_integers([(MinerUid(0), 1)]);
    let error = stage.client.set_weights(NETUID, &miner, &weights).await.unwrap_err();
    assert!(error.to_string().contains("not enough stake"), "{error}");
    assert_eq!(error.remedy(), Some(Remedy::AddStake));
}

async fn long_commitments(stage: LocalStage) {
    let miner = keypair("miner");
    stage.local.register(&miner.hotkey(), &coldkey()).unwrap();
    for length in [0, 1, 127, 128, 129, 300, 512] {
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let data = CommitmentData::long(bytes.clone()).unwrap();
        stage.client.commit(NETUID, &miner, &data).await.unwrap();
        let published = stage.client.commitments(NETUID).await.unwrap().value;
        let own = published.iter().find(|c| c.hotkey == miner.hotkey()).unwrap();
        assert_eq!(own.data.as_deref(), Some(&*bytes), "{length} bytes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commitments_of_every_length_come_back() {
    long_commitments(LocalStage::start(builder()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commitments_of_every_length_come_back_with_the_metadata_of_the_main_network() {
    let Some(metadata) = finney() else { return };
    long_commitments(LocalStage::start(builder().metadata(metadata)).await).await;
}

/// Nonces are handed out by the pool, one at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_with_one_key_both_get_through() {
    let (stage, miner) = LocalStage::with_miner().await;
    let first = CommitmentData::new("first").unwrap();
    let second = CommitmentData::new("second").unwrap();
    let (a, b) = tokio::join!(
        stage.client.commit(NETUID, &miner, &first),
        stage.client.commit(NETUID, &miner, &second),
    );
    let last = a.unwrap().block.number.max(b.unwrap().block.number);
    let published = stage.client.commitments(NETUID).await.unwrap().value;
    let own = published.iter().find(|c| c.hotkey == miner.hotkey()).unwrap();
    assert_eq!(own.block, last);
}

/// Two programs with one hotkey know nothing of each other, and one of them may lose.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_with_one_key_do_not_undo_each_other() {
    let (stage, miner) = LocalStage::with_miner().await;
    let other = connect(&stage.local, quick()).await;
    let first = CommitmentData::new("first").unwrap();
    let second = CommitmentData::new("second").unwrap();
    let (a, b) = tokio::join!(
        stage.client.commit(NETUID, &miner, &first),
        other.commit(NETUID, &miner, &second),
    );
    let published = stage.client.commitments(NETUID).await.unwrap().value;
    let own = published.iter().find(|c| c.hotkey == miner.hotkey()).unwrap();
    for (result, data) in [(&a, &first), (&b, &second)] {
        match result {
            Ok(inclusion) => assert!(inclusion.block.number <= own.block),
            Err(error) => {
                assert!(["TooLowPriority", "Outdated"].contains(&name(error)), "{error:?}");
                assert_ne!(own.data.as_deref(), Some(data.as_bytes()), "what is there was refused");
            }
        }
    }
    assert!(a.is_ok() || b.is_ok(), "{a:?} {b:?}");
}
