//! The Bittensor SDK as PyPI has it, against our local chain and beside our client.

use std::path::Path;
use std::process::Command;

use kinitro_chain::commitment::CommitmentData;
use kinitro_chain::local::{DevAccount, LocalChain};
use kinitro_chain::timelock::{BeaconKey, open, seal};
use kinitro_chain::{Chain as _, Network, Signer as _, Subtensor};
use kinitro_core::NetUid;
use kinitro_tests::{foreign_python, skipped, workspace};
use serde_json::{Value, json};

const NETUID: NetUid = NetUid(26);

/// What their SDK answers.
fn theirs(python: &Path, arguments: &[&str]) -> Value {
    let script = workspace().join("tests/foreign/sdk.py");
    let output = Command::new(python).arg(script).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let (answer, errors) = (text.lines().last(), String::from_utf8_lossy(&output.stderr));
    let answer = answer.and_then(|line| serde_json::from_str(line).ok());
    answer.unwrap_or_else(|| panic!("{arguments:?}: {text}{errors}"))
}

/// The same while a chain runs in this process.
async fn theirs_async(python: &Path, arguments: &[&str]) -> Value {
    let python = python.to_owned();
    let arguments: Vec<String> = arguments.iter().map(|own| (*own).to_owned()).collect();
    let asked = tokio::task::spawn_blocking(move || {
        theirs(&python, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    asked.await.unwrap()
}

/// All that the SDK and our client do with one subnet, each seen by the other.
async fn scene(python: &Path, chain: LocalChain) {
    let url = chain.url();
    let ours = Subtensor::connect(Network::Address(url.clone())).await.unwrap();
    let (alice, bob) = (DevAccount::alice(), DevAccount::bob());
    let (a, b) = (alice.hotkey().to_string(), bob.hotkey().to_string());
    chain.register(&bob.hotkey(), &alice.coldkey()).unwrap();
    let from_us = CommitmentData::new("bob/policy:12345678:x").unwrap();
    ours.commit(NETUID, &bob, &from_us).await.unwrap();

    let seen = theirs_async(python, &["read", &url, "26"]).await;
    assert!(seen["block"].as_u64().unwrap() > 0);
    assert_eq!(seen["neurons"], json!([[0, a, a, 1_000_000_000_000_u64], [1, b, a, 0]]));
    assert_eq!(seen["neurons_lite"], json!([[0, a, true], [1, b, false]]));
    assert_eq!(seen["metagraph"], json!([[a, b], [0, 1]]));
    assert_eq!((&seen["tempo"], &seen["commit_reveal"]), (&json!(360), &json!(true)));
    assert_eq!(seen["commitments"], json!({ &b: "bob/policy:12345678:x" }));

    let text = "alice/policy:12345678:y";
    let done = theirs_async(python, &["commit", &url, "26", "//Alice", text]).await;
    assert_eq!(done["success"], true, "{done}");
    chain.advance(2).unwrap();
    let commitments = ours.commitments(NETUID).await.unwrap().value;
    let of_alice = commitments.iter().find(|own| own.hotkey == alice.hotkey()).unwrap();
    assert_eq!(of_alice.data.as_deref(), Some(text.as_bytes()));

    chain.set_hyperparameter("WeightsSetRateLimit", "0").unwrap();
    chain.set_hyperparameter("CommitRevealWeightsEnabled", "false").unwrap();
    let plain = ["weights", &url, "26", "//Alice", "[0, 1]", "[0.25, 0.75]"];
    let done = theirs_async(python, &plain).await;
    assert_eq!(done["success"], true, "{done}");
    assert_eq!(done["weights"], json!([[0, [[0, 21845], [1, 65535]]]]));

    // The SDK seals for quicknet, whose key it carries with it, and not for the beacon that the
    // chain names. Nobody here has quicknet's signature of a round to come: the weights are taken
    // and kept like any other, and dropped when they cannot be opened.
    chain.set_hyperparameter("CommitRevealWeightsEnabled", "true").unwrap();
    let sealed = ["weights", &url, "26", "//Alice", "[0, 1]", "[0.5, 0.5]"];
    let done = theirs_async(python, &sealed).await;
    assert_eq!((&done["success"], &done["waiting"]), (&json!(true), &json!(1)), "{done}");
    chain.advance(3 * 361).unwrap();
    let seen = theirs_async(python, &["weights", &url, "26", "//Bob", "[]", "[]"]).await;
    assert_eq!(seen["waiting"], 0, "{seen}");
    assert_eq!(seen["weights"], json!([[0, [[0, 21845], [1, 65535]]]]));
}

#[tokio::test]
async fn the_bittensor_sdk_works_with_the_local_chain() {
    let Some(python) = foreign_python() else { return };
    let chain = LocalChain::builder().netuid(NETUID).start().await.unwrap();
    scene(&python, chain).await;
}

#[tokio::test]
async fn the_bittensor_sdk_works_with_real_metadata() {
    let path = workspace().join("../shared/chain/finney-424.scale");
    let Ok(metadata) = std::fs::read(&path) else {
        return skipped(&format!("the SDK with real metadata: {} is not there", path.display()));
    };
    let Some(python) = foreign_python() else { return };
    let chain = LocalChain::builder().netuid(NETUID).metadata(metadata).start().await.unwrap();
    scene(&python, chain).await;
}

#[test]
fn what_either_side_seals_the_other_opens() {
    let Some(python) = foreign_python() else { return };
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let bytes = |hex: &str| -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    let key = BeaconKey::from_seed(&[5; 32]);
    let ours = seal(b"from here", &key.public_key(), 77).unwrap();
    let opened = theirs(&python, &["open", &hex(&ours), &hex(&key.sign(77))]);
    assert_eq!(opened, json!(hex(b"from here")));

    // Quicknet's signature of round 1000, which is public.
    const ROUND_1000: &str = "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73\
        a8dd2bacbe47e4b6b63ed5e39";
    let sealed = theirs(&python, &["seal", "1000", &hex(b"from there")]);
    let sealed = bytes(sealed.as_str().unwrap());
    assert_eq!(open(&sealed, &bytes(ROUND_1000)).unwrap(), b"from there");
}
