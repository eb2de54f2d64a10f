//! Every refusal that docs/spec/chain.md lists, by the name that the metadata has for it.

use kinitro_chain::local::{DevAccount, LocalChain};
use kinitro_chain::{Rao, Signer as _};
use kinitro_core::NetUid;
use scale_value::Value;

use super::client::*;

/// A chain on which weights are plain, and Bob, Charlie and Dave are neurons beside Alice.
async fn crowd(chain: &LocalChain) -> Client {
    for name in ["Bob", "Charlie", "Dave"] {
        let who = DevAccount::new(name);
        chain.register(&who.hotkey(), &who.coldkey()).unwrap();
    }
    chain.set_hyperparameter("CommitRevealWeightsEnabled", "false").unwrap();
    chain.set_hyperparameter("WeightsSetRateLimit", "0").unwrap();
    Client::connect(chain).await
}

#[track_caller]
fn assert_refused(result: Result<Vec<String>, String>, error: &str) {
    let message = result.expect_err(error);
    assert!(message.contains(error), "{message}");
}

#[tokio::test]
async fn weights_are_refused_in_the_order_of_the_runtime() {
    for (_, chain) in instant_chains().await {
        let client = crowd(&chain).await;
        let (alice, bob, eve) = (DevAccount::alice(), DevAccount::bob(), DevAccount::new("Eve"));
        let weights = |uids: &[u16]| set_weights(uids, &vec![1; uids.len()]);

        let root = weights_of((NetUid::ROOT, 0), &[0], &[1], 0);
        assert_refused(client.send(&alice, &root).await, "CanNotSetRootNetworkWeights");
        let other = weights_of((NETUID, 5), &[0], &[1], 0);
        assert_refused(client.send(&alice, &other).await, "MechanismDoesNotExist");
        let five = weights(&[0, 1, 2, 3, 4]);
        assert_refused(client.send(&alice, &five).await, "UidsLengthExceedUidsInSubNet");
        assert_refused(client.send(&eve, &weights(&[0])).await, "HotKeyNotRegisteredInSubNet");

        chain.set_hyperparameter("WeightsVersionKey", "7").unwrap();
        let older = weights_of((NETUID, 0), &[0, 1], &[1, 1], 6);
        assert_refused(client.send(&alice, &older).await, "IncorrectWeightVersionKey");
        let same = weights_of((NETUID, 0), &[0, 1], &[1, 1], 7);
        client.send(&alice, &same).await.unwrap();
        chain.set_hyperparameter("WeightsVersionKey", "0").unwrap();

        chain.set_hyperparameter("WeightsSetRateLimit", "50").unwrap();
        assert_refused(client.send(&alice, &weights(&[0, 1])).await, "SettingWeightsTooFast");
        chain.advance(50).unwrap();
        client.send(&alice, &weights(&[0, 1])).await.unwrap();
        chain.set_hyperparameter("WeightsSetRateLimit", "0").unwrap();

        assert_refused(client.send(&bob, &weights(&[0, 1])).await, "NeuronNoValidatorPermit");
        client.send(&bob, &weights(&[1])).await.expect("a neuron may always weigh itself");
        chain.set_permit(&bob.hotkey(), true).unwrap();
        client.send(&bob, &weights(&[0, 1])).await.unwrap();

        assert_refused(client.send(&bob, &weights(&[1, 1])).await, "DuplicateUids");
        assert_refused(client.send(&bob, &weights(&[0, 9])).await, "UidVecContainInvalidOne");
        chain.set_hyperparameter("MinAllowedWeights", "3").unwrap();
        assert_refused(client.send(&bob, &weights(&[0, 1])).await, "WeightVecLengthIsLow");
        chain.set_hyperparameter("MinAllowedWeights", "1000").unwrap();
        client.send(&bob, &weights(&[0, 1, 2, 3])).await.expect("as many as there are will do");

        chain.set_hyperparameter("MaxWeightsLimit", "20000").unwrap();
        let uneven = set_weights(&[0, 1, 2, 3], &[2, 1, 1, 1]);
        assert_refused(client.send(&bob, &uneven).await, "MaxWeightExceeded");
        client.send(&bob, &weights(&[0, 1, 2, 3])).await.unwrap();

        chain.set_hyperparameter("CommitRevealWeightsEnabled", "true").unwrap();
        assert_refused(client.send(&bob, &weights(&[0])).await, "CommitRevealEnabled");
    }
}

/// The runtime checks the stake before the pool and before the block, so the sender of a
/// transaction never sees the pallet's own `NotEnoughStakeToSetWeights`.
#[tokio::test]
async fn too_little_stake_is_refused_by_the_pool() {
    for (_, builder) in runtimes() {
        let chain = builder.instant().start().await.unwrap();
        let client = crowd(&chain).await;
        let bob = DevAccount::bob();
        chain.set_hyperparameter("StakeThreshold", "5").unwrap();
        chain.set_stake(&bob.hotkey(), Rao(5)).unwrap();
        client.send(&bob, &set_weights(&[1], &[1])).await.unwrap();

        chain.set_stake(&bob.hotkey(), Rao(4)).unwrap();
        let error = client.send(&bob, &set_weights(&[1], &[1])).await.unwrap_err();
        assert!(error.contains("Custom error: 1"), "{error}");
    }
}

#[tokio::test]
async fn sealed_weights_are_refused_in_the_order_of_the_runtime() {
    for (_, chain) in instant_chains().await {
        let client = crowd(&chain).await;
        let (alice, eve) = (DevAccount::alice(), DevAccount::new("Eve"));
        let commit = |version: u64| sealed(b"sealed", u64::MAX, version);

        assert_refused(client.send(&alice, &commit(4)).await, "CommitRevealDisabled");
        chain.set_hyperparameter("CommitRevealWeightsEnabled", "true").unwrap();
        assert_refused(client.send(&alice, &commit(3)).await, "IncorrectCommitRevealVersion");
        assert_refused(client.send(&eve, &commit(4)).await, "HotKeyNotRegisteredInSubNet");
        for _ in 0..10 {
            let events = client.send(&alice, &commit(4)).await.unwrap();
            assert_eq!(events[0], "SubtensorModule.TimelockedWeightsCommitted");
        }
        assert_refused(client.send(&alice, &commit(4)).await, "TooManyUnrevealedCommits");
        chain.set_hyperparameter("WeightsSetRateLimit", "20").unwrap();
        assert_refused(client.send(&alice, &commit(4)).await, "CommittingWeightsTooFast");
    }
}

#[tokio::test]
async fn commitments_are_for_neurons_and_within_the_space_of_an_epoch() {
    for (_, chain) in instant_chains().await {
        let client = crowd(&chain).await;
        let (bob, eve) = (DevAccount::bob(), DevAccount::new("Eve"));
        let short = set_commitment(&[b"x"]);
        assert_refused(client.send(&eve, &short).await, "AccountNotAllowedCommit");

        chain.set_hyperparameter("Commitments.MaxSpace", "450").unwrap();
        client.send(&bob, &set_commitment(&[&[1; 128], &[1; 128]])).await.unwrap();
        // However short it is, it counts for a hundred bytes.
        client.send(&bob, &short).await.unwrap();
        assert_refused(client.send(&bob, &short).await, "SpaceLimitExceeded");
        let tempo: u64 = 360;
        chain.advance(tempo).unwrap();
        client.send(&bob, &short).await.expect("the next epoch has space of its own");
    }
}

#[tokio::test]
async fn what_nobody_needs_is_filtered() {
    for (name, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        if name != "own" {
            let arguments = Value::named_composite([("new_limit", Value::u128(1))]);
            let call = Call("Commitments", "set_max_space", arguments);
            assert_refused(client.send(&alice, &call).await, "Bad origin");
            let hotkey = key(&alice);
            let arguments = Value::named_composite([("netuid", netuid()), ("hotkey", hotkey)]);
            let call = Call("SubtensorModule", "burned_register", arguments);
            assert_refused(client.send(&alice, &call).await, "CallFiltered");
        }
        let more_than_there_is = Value::named_composite([
            ("dest", Value::unnamed_variant("Id", [key(&DevAccount::bob())])),
            ("value", Value::u128(u64::MAX.into())),
        ]);
        let call = Call("Balances", "transfer_keep_alive", more_than_there_is);
        assert_refused(client.send(&alice, &call).await, "InsufficientBalance");
    }
}
