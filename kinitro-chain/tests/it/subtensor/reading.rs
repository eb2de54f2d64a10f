//! What is read, and with how many calls.

use kinitro_chain::commitment::{CommitmentData, Published, read_all};
use kinitro_chain::{Chain as _, ChainErrorKind, Network, Remedy, Signer as _, Subtensor};

use super::stage::{LocalStage, NETUID, builder, coldkey, connect, finney, keypair, quick};

/// Fills a subnet with 256 neurons, each with a commitment, and reads it.
async fn a_full_subnet(stage: LocalStage) {
    let present = stage.client.neurons(NETUID).await.unwrap().value.len();
    let miners: Vec<_> = (present..256).map(|i| keypair(&format!("miner-{i}"))).collect();
    for miner in &miners {
        stage.local.register(&miner.hotkey(), &coldkey()).unwrap();
    }
    let commits = miners.iter().enumerate().map(|(i, miner)| {
        let text = format!("user-{i}/policy:{i:08x}:http://192.0.2.1:{}", 1000 + i);
        let data = CommitmentData::new(text).unwrap();
        let client = &stage.client;
        async move { client.commit(NETUID, miner, &data).await.unwrap() }
    });
    // Twelve of them at a time.
    let mut commits: Vec<_> = commits.collect();
    while !commits.is_empty() {
        let some = commits.split_off(commits.len().saturating_sub(12));
        join_all(some).await;
    }

    // A fresh client, so that all calls are for this reading.
    let client = connect(&stage.local, quick()).await;
    client.head().await.unwrap();
    let before: u64 = client.calls().values().sum();
    let subnet = client.subnet(NETUID).await.unwrap();
    let calls: u64 = client.calls().values().sum::<u64>() - before;
    assert_eq!(subnet.value.neurons.len(), 256);
    assert_eq!(subnet.value.commitments.len(), miners.len());
    assert!(calls <= 7, "{calls} calls for one reading: {:?}", client.calls());
    for reading in read_all(&subnet.value.commitments) {
        let uid = reading.uid.expect("all are on the subnet");
        let neuron = &subnet.value.neurons[usize::from(uid.0)];
        assert_eq!(neuron.hotkey, reading.hotkey);
        let Ok(Published::Miner(miner)) = reading.published else { panic!("{reading:?}") };
        assert!(miner.repo.as_str().starts_with("user-"));
    }
}

/// Runs futures concurrently. This is simple enough not to need another crate.
async fn join_all<T>(futures: Vec<impl Future<Output = T>>) {
    let mut futures: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        for slot in &mut futures {
            let is_done = slot.as_mut().is_some_and(|f| f.as_mut().poll(context).is_ready());
            if is_done {
                *slot = None;
            }
        }
        match futures.iter().all(Option::is_none) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subnet_of_256_is_read_with_a_handful_of_calls() {
    a_full_subnet(LocalStage::start(builder()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subnet_of_256_is_read_with_the_metadata_of_the_main_network() {
    let Some(metadata) = finney() else { return };
    a_full_subnet(LocalStage::start(builder().metadata(metadata)).await).await;
}

#[tokio::test]
async fn what_is_no_node_is_said_to_be() {
    let nobody: Network = "ws://127.0.0.1:9".parse().unwrap();
    let error = Subtensor::connect_with(nobody, quick()).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::Connection, "{error}");
    assert!(error.to_string().contains("ws://127.0.0.1:9: "), "{error}");
    assert_eq!(error.remedy(), Some(Remedy::CheckNode));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent: Network = format!("ws://{}", listener.local_addr().unwrap()).parse().unwrap();
    let mut settings = quick();
    settings.timeout = std::time::Duration::from_millis(200);
    let error = Subtensor::connect_with(silent, settings).await.unwrap_err();
    let is_told = matches!(error.kind(), ChainErrorKind::Timeout | ChainErrorKind::Connection);
    assert!(is_told, "{error:?}");
}

#[tokio::test]
async fn a_chain_that_is_not_the_one_meant_is_refused() {
    let stage = LocalStage::start(builder()).await;
    let mut settings = quick();
    settings.genesis = Network::Finney.genesis();
    let network: Network = stage.local.url().parse().unwrap();
    let error = Subtensor::connect_with(network, settings).await.unwrap_err();
    assert_eq!(*error.kind(), ChainErrorKind::WrongChain, "{error}");
    assert!(error.to_string().contains("0x2f0555cc"), "{error}");
}
