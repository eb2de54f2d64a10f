//! Sealed weights: the chain opens them with its own beacon.

use std::time::Duration;

use kinitro_chain::Signer as _;
use kinitro_chain::epoch::EpochState;
use kinitro_chain::local::{DevAccount, LocalChain};
use kinitro_chain::timelock::{WeightsPayload, seal};
use parity_scale_codec::Encode as _;
use scale_decode::DecodeAsType;
use scale_value::Value;
use subxt::dynamic;

use super::client::*;

const BLOCK_TIME: Duration = Duration::from_millis(250);

#[derive(DecodeAsType)]
struct BeaconConfig {
    public_key: Vec<u8>,
    genesis_time: u32,
    period: u32,
}

async fn number(client: &Client, item: &'static str) -> u64 {
    client.storage("SubtensorModule", item, vec![netuid()]).await.unwrap_or(0)
}

/// The schedule of the subnet, as a client reads it.
async fn schedule(client: &Client) -> EpochState {
    let block = client.api.at_current_block().await.unwrap().block_number();
    let mut state = EpochState::new(block, number(client, "Tempo").await as u16);
    state.last_epoch_block = number(client, "LastEpochBlock").await;
    state.pending_epoch_at = number(client, "PendingEpochAt").await;
    state.subnet_epoch_index = number(client, "SubnetEpochIndex").await;
    state.blocks_since_last_step = number(client, "BlocksSinceLastStep").await;
    state
}

/// Seals weights of uid 0 as a client does, and says in which block they are due.
async fn seal_weights(client: &Client, hotkey: &DevAccount, values: &[u16]) -> (Vec<u8>, u64, u64) {
    let beacon: BeaconConfig = client.storage("Drand", "BeaconConfig", vec![]).await.unwrap();
    let now: u64 = client.storage("Timestamp", "Now", vec![]).await.unwrap();
    let state = schedule(client).await;
    let reveal = state.reveal_of_next(number(client, "RevealPeriodEpochs").await).unwrap();
    let round = reveal.round(
        state.block,
        Duration::from_millis(now),
        BLOCK_TIME,
        Duration::from_secs(beacon.genesis_time.into()),
        Duration::from_secs(beacon.period.into()),
    );
    let payload = WeightsPayload {
        hotkey: account(hotkey).into(),
        uids: (0..values.len() as u16).collect(),
        values: values.to_vec(),
        version_key: 0,
    };
    let key = beacon.public_key.try_into().unwrap();
    (seal(&payload.encode(), &key, round).unwrap(), round, reveal.block)
}

async fn weights(client: &Client) -> Vec<(u16, u16)> {
    let keys = vec![netuid(), Value::u128(0)];
    client.storage("SubtensorModule", "Weights", keys).await.unwrap_or_default()
}

/// The events of the newest block, as `Pallet.Event`.
async fn events(client: &Client) -> Vec<String> {
    let at = client.api.at_current_block().await.unwrap();
    let events = at.events().fetch().await.unwrap();
    let name = |event: subxt::events::Event<'_, subxt::SubstrateConfig>| {
        format!("{}.{}", event.pallet_name(), event.event_name())
    };
    events.iter().map(|event| name(event.unwrap())).collect()
}

async fn with_two_neurons(chain: &LocalChain) -> Client {
    let bob = DevAccount::bob();
    chain.register(&bob.hotkey(), &bob.coldkey()).unwrap();
    chain.set_hyperparameter("WeightsSetRateLimit", "0").unwrap();
    chain.set_hyperparameter("Tempo", "20").unwrap();
    Client::connect(chain).await
}

#[tokio::test]
async fn sealed_weights_come_into_force_when_they_are_due() {
    for (name, chain) in instant_chains().await {
        let client = with_two_neurons(&chain).await;
        // Long enough for the beacon not to be there by the clock.
        chain.set_hyperparameter("Tempo", "100").unwrap();
        let alice = DevAccount::alice();
        let (commit, round, due) = seal_weights(&client, &alice, &[10, 40]).await;
        client.send(&alice, &sealed(&commit, round, 4)).await.unwrap();
        assert_eq!(weights(&client).await, []);

        chain.advance(due - 1 - chain.status().block.0).unwrap();
        assert_eq!(weights(&client).await, [], "{name}: it is too early");
        // The round is that of three blocks later.
        let mut seen = Vec::new();
        for _ in 0..4 {
            chain.advance(1).unwrap();
            seen.extend(events(&client).await);
        }
        assert_eq!(weights(&client).await, [(0, 16_384), (1, 65_535)], "{name}");
        assert!(seen.contains(&"Drand.NewPulse".to_owned()), "{seen:?}");
        assert!(seen.contains(&"SubtensorModule.WeightsSet".to_owned()), "{seen:?}");
        assert!(seen.contains(&"SubtensorModule.TimelockedWeightsRevealed".to_owned()), "{seen:?}");
        assert!(waiting(&client).await.is_empty());
    }
}

/// The commits that wait, of all epochs.
async fn waiting(client: &Client) -> Vec<Value> {
    let at = client.api.at_current_block().await.unwrap();
    let storage = at.storage();
    let address =
        dynamic::storage::<Vec<Value>, Vec<Value>>("SubtensorModule", "TimelockedWeightCommits");
    let mut entries = storage.iter(address, vec![]).await.unwrap();
    let mut waiting = Vec::new();
    while let Some(entry) = entries.next().await {
        waiting.extend(entry.unwrap().value().decode().unwrap());
    }
    waiting
}

#[tokio::test]
async fn what_cannot_be_opened_is_dropped() {
    for (_, chain) in instant_chains().await {
        let client = with_two_neurons(&chain).await;
        let (alice, bob) = (DevAccount::alice(), DevAccount::bob());
        let (good, round, due) = seal_weights(&client, &alice, &[1, 1]).await;
        let mut damaged = good.clone();
        damaged[100] ^= 1;
        client.send(&alice, &sealed(&damaged, round, 4)).await.unwrap();
        client.send(&alice, &sealed(b"nothing", round, 4)).await.unwrap();
        // What Alice has sealed, in Bob's name.
        client.send(&bob, &sealed(&good, round, 4)).await.unwrap();
        // Weights that the runtime refuses once they are open: of a slot that does not exist.
        let (three, ..) = seal_weights(&client, &alice, &[1, 1, 1]).await;
        client.send(&alice, &sealed(&three, round, 4)).await.unwrap();
        assert_eq!(waiting(&client).await.len(), 4);

        chain.advance(due + 4 - chain.status().block.0).unwrap();
        assert_eq!(weights(&client).await, []);
        assert_eq!(waiting(&client).await.len(), 0, "none is kept");
    }
}

#[tokio::test]
async fn what_is_not_out_in_time_is_never_opened() {
    for (_, chain) in instant_chains().await {
        let client = with_two_neurons(&chain).await;
        let alice = DevAccount::alice();
        let (commit, _, due) = seal_weights(&client, &alice, &[1, 1]).await;
        // A round of a week later, for which these are not even sealed.
        let late = u64::MAX;
        client.send(&alice, &sealed(&commit, late, 4)).await.unwrap();
        chain.advance(due - chain.status().block.0).unwrap();
        assert_eq!(waiting(&client).await.len(), 1, "it may still come");
        chain.advance(20).unwrap();
        assert_eq!(waiting(&client).await.len(), 0, "the epoch is over");
        assert_eq!(weights(&client).await, []);
    }
}

/// Without being pushed ahead: blocks by the clock, and the beacon by the clock.
#[tokio::test]
async fn the_beacon_goes_by_the_clock() {
    for (_, builder) in runtimes() {
        let chain = builder.block_time(Duration::from_millis(50)).start().await.unwrap();
        let client = Client::connect(&chain).await;
        let stored =
            async || -> u64 { client.storage("Drand", "LastStoredRound", vec![]).await.unwrap() };
        let first = stored().await;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!((now.as_secs() - 1_692_803_367) / 3 + 1 - first <= 1);
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert!(stored().await > first);
        assert!(chain.status().block.0 > 30, "{:?}", chain.status());
    }
}
