//! What the pool takes, and in which words it refuses.

use kinitro_chain::local::{DevAccount, LocalChain};
use kinitro_chain::{Hash256, Rao, Signer as _};
use scale_value::Value;
use subxt::rpcs::rpc_params;

use super::client::*;

fn remark(text: &[u8]) -> Call {
    let arguments = Value::named_composite([("remark", Value::from_bytes(text))]);
    Call("System", "remark_with_event", arguments)
}

/// A chain that puts nothing into blocks, so that the pool can be looked at.
async fn full_pools() -> Vec<(&'static str, LocalChain)> {
    let chains = instant_chains().await;
    chains.iter().for_each(|(_, chain)| chain.set_including(false));
    chains
}

async fn next_nonce(client: &Client, who: &DevAccount) -> u64 {
    let address = who.hotkey().to_string();
    client.rpc.request("account_nextIndex", rpc_params![address]).await.unwrap()
}

#[tokio::test]
async fn a_signature_has_to_fit() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        let bad = Err((1010, "Transaction has a bad signature".to_owned()));
        let good = client.signed(&alice, &remark(b"hello")).await;

        let mut damaged = good.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        assert_eq!(client.submit(&damaged).await, bad, "another call than was signed");
        let mut forged = good.clone();
        // After the length, the version and the kind of address.
        let at = good.windows(32).position(|bytes| bytes == account(&alice)).unwrap();
        forged[at..at + 32].copy_from_slice(&account(&DevAccount::bob()));
        assert_eq!(client.submit(&forged).await, bad, "another sender");

        chain.set_genesis(Hash256([9; 32]));
        assert_eq!(client.submit(&good).await, bad, "another chain");
    }
}

#[tokio::test]
async fn an_upgrade_voids_what_was_signed_before() {
    for (_, chain) in full_pools().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        let signed = client.signed(&alice, &remark(b"hello")).await;
        client.submit(&signed).await.unwrap();
        assert_eq!(chain.status().waiting, 1);
        chain.upgrade(425, None).unwrap();
        assert_eq!((chain.status().waiting, chain.status().spec_version), (0, 425));
        let bad = Err((1010, "Transaction has a bad signature".to_owned()));
        assert_eq!(client.submit(&signed).await, bad);
        chain.set_including(true);
        let client = Client::connect(&chain).await;
        client.send(&alice, &remark(b"signed anew")).await.unwrap();
    }
}

#[tokio::test]
async fn transactions_wait_for_their_turn() {
    for (_, chain) in full_pools().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        let signed = [
            client.signed_with(&alice, &remark(b"0"), 0, 32).await,
            client.signed_with(&alice, &remark(b"1"), 1, 32).await,
            client.signed_with(&alice, &remark(b"2"), 2, 32).await,
        ];
        client.submit(&signed[0]).await.unwrap();
        assert_eq!(next_nonce(&client, &alice).await, 1);
        client.submit(&signed[2]).await.unwrap();
        assert_eq!(next_nonce(&client, &alice).await, 1, "there is a gap");
        client.submit(&signed[1]).await.unwrap();
        assert_eq!(next_nonce(&client, &alice).await, 3);

        let (code, _) = client.submit(&signed[1]).await.unwrap_err();
        assert_eq!(code, 1013, "it is in the pool already");
        let other = client.signed_with(&alice, &remark(b"other"), 1, 32).await;
        let (code, _) = client.submit(&other).await.unwrap_err();
        assert_eq!(code, 1014, "its number is taken, and it pays no more");
        let pending: Vec<String> =
            client.rpc.request("author_pendingExtrinsics", rpc_params![]).await.unwrap();
        assert_eq!(pending.len(), 3);

        chain.set_including(true);
        chain.advance(1).unwrap();
        assert_eq!(chain.status().waiting, 0);
        let outdated = Err((1010, "Transaction is outdated".to_owned()));
        assert_eq!(client.submit(&signed[1]).await, outdated);
        assert_eq!(next_nonce(&client, &alice).await, 3);
    }
}

#[tokio::test]
async fn what_is_not_included_dies_of_age() {
    for (_, chain) in full_pools().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        let bytes = client.signed_with(&alice, &remark(b"short"), 0, 4).await;
        let transactions = client.api.transactions().await.unwrap();
        let mut progress = transactions.from_bytes(bytes.clone()).submit_and_watch().await.unwrap();
        chain.advance(4).unwrap();
        assert_eq!(chain.status().waiting, 0);
        let mut last = String::new();
        while let Some(status) = progress.next().await {
            last = format!("{:?}", status.unwrap());
        }
        assert!(last.starts_with("Invalid"), "{last}");
        let bad = Err((1010, "Transaction has a bad signature".to_owned()));
        assert_eq!(client.submit(&bytes).await, bad, "it names a block of another era");
    }
}

#[tokio::test]
async fn what_is_no_transaction_is_told_apart() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let good = client.signed(&DevAccount::alice(), &remark(b"hello")).await;
        let code = async |bytes: &[u8]| client.submit(bytes).await.unwrap_err().0;
        assert_eq!(code(b"").await, 1001);
        assert_eq!(code(b"nonsense").await, 1001);
        assert_eq!(code(&good[..good.len() - 1]).await, 1001);
        // Unsigned: a call alone.
        assert_eq!(code(&[4 << 2, 4, 2, 0, 0]).await, 1011);
    }
}

#[tokio::test]
async fn the_runtime_refuses_before_the_pool() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let custom = |number: u8| Err((1010, format!("Custom error: {number}")));
        let alice = DevAccount::alice();
        let call = set_weights(&[0, 1], &[1]);
        assert_eq!(client.submit(&client.signed(&alice, &call).await).await, custom(18));
        // The beacon is far beyond its first round.
        let call = sealed(b"late", 1000, 4);
        assert_eq!(client.submit(&client.signed(&alice, &call).await).await, custom(15));
        chain.set_hyperparameter("StakeThreshold", "100").unwrap();
        chain.set_stake(&alice.hotkey(), Rao(99)).unwrap();
        let call = set_weights(&[0], &[1]);
        assert_eq!(client.submit(&client.signed(&alice, &call).await).await, custom(1));

        let poor = DevAccount::new("Nobody");
        let unpaid = "Inability to pay some fees (e.g. account balance too low)".to_owned();
        let transaction = client.signed(&poor, &remark(b"hello")).await;
        assert_eq!(client.submit(&transaction).await, Err((1010, unpaid)));
    }
}

#[tokio::test]
async fn a_transaction_can_be_tried_without_being_sent() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let alice = DevAccount::alice();
        let transactions = client.api.transactions().await.unwrap();
        let good = client.signed(&alice, &remark(b"hello")).await;
        let result = transactions.from_bytes(good.clone()).validate().await.unwrap();
        assert!(result.is_valid(), "{result:?}");
        let mut bad = good;
        *bad.last_mut().unwrap() ^= 1;
        let result = transactions.from_bytes(bad).validate().await.unwrap();
        assert!(!result.is_valid(), "{result:?}");
        assert_eq!(next_nonce(&client, &alice).await, 0);
    }
}

#[tokio::test]
async fn a_fee_is_paid_for_what_has_one() {
    for (_, chain) in instant_chains().await {
        let client = Client::connect(&chain).await;
        let (alice, bob) = (DevAccount::alice(), DevAccount::bob());
        let arguments = Value::named_composite([
            ("dest", Value::unnamed_variant("Id", [key(&bob)])),
            ("value", Value::u128(1_000_000_000)),
        ]);
        let events =
            client.send(&alice, &Call("Balances", "transfer_keep_alive", arguments)).await.unwrap();
        let paid = "TransactionPayment.TransactionFeePaid";
        assert_eq!(events, [paid, "Balances.Transfer", "System.ExtrinsicSuccess"]);
        let free = async |who: &DevAccount| {
            let value: Value = client.storage("System", "Account", vec![key(who)]).await.unwrap();
            scale_value::At::at(&scale_value::At::at(&value, "data").unwrap().clone(), "free")
                .and_then(|free| free.as_u128())
                .unwrap()
        };
        let funds = 1_000_000_000_000_000;
        assert_eq!(free(&bob).await, funds + 1_000_000_000);
        assert_eq!(free(&alice).await, funds - 1_000_000_000 - 125_000);
    }
}
