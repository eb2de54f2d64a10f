//! What can be read, and what calls leave behind.

use kinitro_chain::local::{DevAccount, LocalChain};
use kinitro_chain::{Rao, Signer as _};
use kinitro_core::{Coldkey, Hotkey, NetUid};
use scale_decode::DecodeAsType;
use scale_value::Value;
use subxt::dynamic;

use super::client::*;

#[derive(Debug, DecodeAsType)]
struct NeuronLite {
    hotkey: [u8; 32],
    coldkey: [u8; 32],
    uid: u16,
    stake: Vec<([u8; 32], u64)>,
    last_update: u64,
    validator_permit: bool,
}

async fn neurons(client: &Client) -> Vec<NeuronLite> {
    let call = dynamic::runtime_api_call::<_, Vec<NeuronLite>>(
        "NeuronInfoRuntimeApi",
        "get_neurons_lite",
        (NETUID.0,),
    );
    client.api.at_current_block().await.unwrap().runtime_apis().call(call).await.unwrap()
}

#[tokio::test]
async fn the_subnet_and_its_first_neuron_are_there() {
    for (name, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        assert_eq!(
            client.storage("SubtensorModule", "NetworksAdded", vec![netuid()]).await,
            Some(true)
        );
        let uid =
            client.storage::<u16>("SubtensorModule", "Uids", vec![netuid(), key(&alice)]).await;
        assert_eq!(uid, Some(0), "{name}");
        let bob = DevAccount::bob();
        let uid = client.storage::<u16>("SubtensorModule", "Uids", vec![netuid(), key(&bob)]).await;
        assert_eq!(uid, None);
        let owner = client.storage("SubtensorModule", "SubnetOwner", vec![netuid()]).await;
        assert_eq!(owner, Some(account(&alice)));

        let neurons = neurons(&client).await;
        assert_eq!(neurons.len(), 1);
        let NeuronLite { hotkey, coldkey, uid, stake, last_update, validator_permit } = &neurons[0];
        assert_eq!((hotkey, coldkey), (&account(&alice), &account(&alice)));
        assert_eq!((*uid, *last_update, *validator_permit), (0, 0, true));
        assert_eq!(stake[..], [(account(&alice), 1_000_000_000_000)]);
    }
}

#[tokio::test]
async fn the_runtime_describes_a_subnet() {
    #[derive(DecodeAsType)]
    struct Hyperparameters {
        tempo: u16,
        weights_rate_limit: u64,
        commit_reveal_weights_enabled: bool,
        min_allowed_weights: u16,
    }
    #[derive(DecodeAsType)]
    struct Metagraph {
        name: Vec<u8>,
        hotkeys: Vec<[u8; 32]>,
        validator_permit: Vec<bool>,
        num_uids: u16,
        total_stake: Vec<u64>,
    }
    #[derive(DecodeAsType)]
    struct Selective {
        netuid: u16,
        tempo: Option<u16>,
        hotkeys: Option<Vec<[u8; 32]>>,
        subnet_emission: Option<u64>,
    }
    const API: &str = "SubnetInfoRuntimeApi";
    for (_, chain) in instant_chains().await {
        let bob = DevAccount::bob();
        chain.register(&bob.hotkey(), &bob.coldkey()).unwrap();
        chain.set_hyperparameter("Tempo", "99").unwrap();
        let client = Client::connect(&chain).await;
        let at = client.api.at_current_block().await.unwrap();
        let apis = at.runtime_apis();

        let call = dynamic::runtime_api_call::<_, Option<Hyperparameters>>(
            API,
            "get_subnet_hyperparams_v2",
            (NETUID.0,),
        );
        let hyperparameters = apis.call(call).await.unwrap().unwrap();
        assert_eq!(hyperparameters.tempo, 99);
        assert_eq!(hyperparameters.weights_rate_limit, 100);
        assert_eq!(hyperparameters.min_allowed_weights, 1);
        assert!(hyperparameters.commit_reveal_weights_enabled);

        let call =
            dynamic::runtime_api_call::<_, Option<Metagraph>>(API, "get_metagraph", (NETUID.0,));
        let metagraph = apis.call(call).await.unwrap().unwrap();
        assert_eq!(metagraph.name, b"kinitro");
        assert_eq!(metagraph.hotkeys, [account(&DevAccount::alice()), account(&bob)]);
        assert_eq!(metagraph.validator_permit, [true, false]);
        assert_eq!(
            (metagraph.num_uids, &metagraph.total_stake[..]),
            (2, &[1_000_000_000_000, 0][..])
        );

        // Which field has which number follows from their order.
        let wanted: Vec<u16> = vec![8, 11, 52];
        let call = dynamic::runtime_api_call::<_, Option<Selective>>(
            API,
            "get_selective_mechagraph",
            (NETUID.0, 0_u8, wanted),
        );
        let selective = apis.call(call).await.unwrap().unwrap();
        assert_eq!((selective.netuid, selective.tempo), (NETUID.0, Some(99)));
        assert_eq!((selective.hotkeys.unwrap().len(), selective.subnet_emission), (2, Some(0)));

        let call =
            dynamic::runtime_api_call::<_, Option<Metagraph>>(API, "get_metagraph", (4000_u16,));
        assert!(apis.call(call).await.unwrap().is_none(), "there is no such subnet");
    }
}

#[tokio::test]
async fn a_commitment_is_kept_and_replaced() {
    #[derive(DecodeAsType)]
    struct Registration {
        block: u32,
    }
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        let events =
            client.send(&alice, &set_commitment(&[b"user/repo:12345678:x"])).await.unwrap();
        assert_eq!(events, ["Commitments.Commitment", "System.ExtrinsicSuccess"]);
        let keys = || vec![netuid(), key(&alice)];
        let first: Registration =
            client.storage("Commitments", "CommitmentOf", keys()).await.unwrap();

        client.send(&alice, &set_commitment(&[&[7; 300], b""])).await.unwrap();
        let second: Registration =
            client.storage("Commitments", "CommitmentOf", keys()).await.unwrap();
        assert!(second.block > first.block);
        let raw: Value = client.storage("Commitments", "CommitmentOf", keys()).await.unwrap();
        let text = raw.to_string();
        assert!(text.contains("BigRaw") && text.contains("Raw0"), "{text}");
        let last: Option<u32> = client.storage("Commitments", "LastCommitment", keys()).await;
        assert_eq!(last, Some(second.block));
    }
}

#[tokio::test]
async fn all_commitments_of_a_subnet_are_one_iteration() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        for name in ["Bob", "Charlie", "Dave"] {
            let who = DevAccount::new(name);
            chain.register(&who.hotkey(), &who.coldkey()).unwrap();
            client.send(&who, &set_commitment(&[name.as_bytes()])).await.unwrap();
        }
        let at = client.api.at_current_block().await.unwrap();
        let address = dynamic::storage::<Vec<Value>, Value>("Commitments", "CommitmentOf");
        let storage = at.storage();
        let mut entries = storage.iter(address, vec![netuid()]).await.unwrap();
        let mut found = Vec::new();
        while let Some(entry) = entries.next().await {
            let entry = entry.unwrap();
            let key = entry.key_bytes();
            found.push(key[key.len() - 32..].to_vec());
        }
        found.sort();
        let mut expected: Vec<Vec<u8>> =
            ["Bob", "Charlie", "Dave"].map(|name| account(&DevAccount::new(name)).to_vec()).into();
        expected.sort();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn plain_weights_are_kept_with_the_largest_at_the_top() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let bob = DevAccount::bob();
        chain.register(&bob.hotkey(), &bob.coldkey()).unwrap();
        chain.set_hyperparameter("CommitRevealWeightsEnabled", "false").unwrap();
        let alice = DevAccount::alice();
        let events = client.send(&alice, &set_weights(&[0, 1], &[100, 25])).await.unwrap();
        assert_eq!(events, ["SubtensorModule.WeightsSet", "System.ExtrinsicSuccess"]);
        let stored = client
            .storage::<Vec<(u16, u16)>>(
                "SubtensorModule",
                "Weights",
                vec![netuid(), Value::u128(0)],
            )
            .await;
        assert_eq!(stored.unwrap(), [(0, 65_535), (1, 16_384)]);
        let updates: Vec<u64> =
            client.storage("SubtensorModule", "LastUpdate", vec![netuid()]).await.unwrap();
        assert_eq!(updates[0], chain.status().block.0);
    }
}

#[tokio::test]
async fn a_subnet_of_256_is_told_in_one_call() {
    let chain = LocalChain::builder().netuid(NETUID).instant().start().await.unwrap();
    for n in 1..256_u16 {
        let mut account = [1; 32];
        account[..2].copy_from_slice(&n.to_le_bytes());
        let hotkey = Hotkey::from_account_id(account);
        let uid = chain.register(&hotkey, &Coldkey::from_account_id(account)).unwrap();
        assert_eq!(uid.0, n);
    }
    let client = Client::connect(&chain).await;
    let neurons = neurons(&client).await;
    assert_eq!(neurons.len(), 256);
    assert!(neurons.iter().enumerate().all(|(uid, neuron)| usize::from(neuron.uid) == uid));
    let one_more = Hotkey::from_account_id([2; 32]);
    let error = chain.register(&one_more, &Coldkey::from_account_id([2; 32])).unwrap_err();
    assert_eq!(error.to_string(), "all 256 slots of the subnet are taken");
}

#[tokio::test]
async fn the_admin_is_told_what_is_wrong() {
    let chain = LocalChain::builder().netuid(NETUID).instant().start().await.unwrap();
    let (alice, bob) = (DevAccount::alice(), DevAccount::bob());
    let errors = [
        chain.register(&alice.hotkey(), &alice.coldkey()).unwrap_err(),
        chain.set_permit(&bob.hotkey(), true).unwrap_err(),
        chain.set_stake(&bob.hotkey(), Rao(1)).unwrap_err(),
        chain.set_hyperparameter("Tempi", "1").unwrap_err(),
        chain.set_hyperparameter("Keys", "1").unwrap_err(),
        chain.set_hyperparameter("SubnetOwner", "1").unwrap_err(),
        chain.set_hyperparameter("Tempo", "65536").unwrap_err(),
        chain.set_hyperparameter("Tempo", "true").unwrap_err(),
        chain.set_hyperparameter("CommitRevealWeightsEnabled", "maybe").unwrap_err(),
    ];
    let errors = errors.map(|error| error.to_string());
    let (alice, bob) = (alice.hotkey(), bob.hotkey());
    assert_eq!(errors[0], format!("hotkey {alice} is registered on subnet 26 already, with uid 0"));
    assert_eq!(errors[1], format!("hotkey {bob} is not registered on subnet 26"));
    assert_eq!(errors[2], errors[1]);
    assert_eq!(errors[3], "there is no hyperparameter `Tempi`");
    assert_eq!(errors[4], "there is no hyperparameter `Keys`");
    assert_eq!(errors[5], "there is no hyperparameter `SubnetOwner`");
    assert_eq!(errors[6], "`65536` is no value for `Tempo`");
    assert_eq!(errors[7], "`true` is no value for `Tempo`");
    assert_eq!(errors[8], "`maybe` is no value for `CommitRevealWeightsEnabled`");
    let zero = LocalChain::builder().netuid(NetUid(0)).start().await.unwrap_err();
    assert_eq!(zero.to_string(), "0 is no number of a subnet: use 1 to 4095");
    let torn = LocalChain::builder().metadata(*b"meta").start().await.unwrap_err();
    assert!(torn.to_string().starts_with("this metadata cannot be served: "), "{torn}");
}
