//! A suite that checks whether an implementation of [`Chain`] does what the trait promises.
//!
//! Call [`chain`] from a test of yours. This crate runs it on its own chains.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kinitro_core::{Coldkey, MinerUid, NetUid};

use crate::chain::Chain;
use crate::commitment::CommitmentData;
use crate::error::{ChainError, ChainErrorKind};
use crate::signer::Signer;
use crate::subnet::{Hyperparameters, Neuron};
use crate::wallet::Keypair;
use crate::weights::{WeightVector, WeightsState};

/// A chain under test, with the changes that only its operator can make. What a method changes must
/// be in the newest final block when the method returns.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The chain under test.
    fn chain(&self) -> &dyn Chain;
    /// A subnet on it that has no neurons, or only some that do nothing.
    fn netuid(&self) -> NetUid;
    /// The number of a subnet that it does not have.
    fn no_netuid(&self) -> NetUid {
        NetUid(4321)
    }
    /// Registers a hotkey and returns its slot.
    async fn register(&self, hotkey: &Keypair, coldkey: Coldkey) -> MinerUid;
    /// Gives a neuron a validator permit and enough stake to set weights, or takes the permit away.
    async fn set_permit(&self, uid: MinerUid, permit: bool);
    /// Sets tempo, commit-reveal, and the version, the rate limit and the least number of weights.
    /// The other parameters are up to the chain.
    async fn set_hyperparameters(&self, hyperparameters: &Hyperparameters);
    /// Makes that many blocks.
    async fn advance(&self, blocks: u64);
}

/// Runs the whole suite.
///
/// # Panics
/// At the first thing that is wrong, with a message that says what it is.
pub async fn chain(stage: &dyn Stage) {
    blocks_follow_each_other(stage).await;
    subnets_that_are_not_there_are_said_to_be(stage).await;
    let players = Players::register(stage).await;
    commitments_come_back_as_they_were(stage, &players).await;
    two_commit_at_once(stage, &players).await;
    weights_are_refused_for_the_right_reason(stage, &players).await;
    weights_are_set(stage, &players).await;
    weights_are_sealed_where_they_must_be(stage, &players).await;
}

/// A hotkey for the suite to use.
fn hotkey(name: &str) -> Keypair {
    Keypair::from_uri(&format!("//Kinitro//{name}")).expect("a URI")
}

fn coldkey() -> Coldkey {
    Coldkey::from_account_id([7; 32])
}

fn refusal(result: Result<impl Sized, ChainError>, what: &str) -> String {
    let Err(error) = result else { panic!("{what} was not refused") };
    let refusal = error.refusal();
    refusal.unwrap_or_else(|| panic!("{what} is no refusal but: {error}")).name.clone()
}

/// Two miners and a validator, all registered.
struct Players {
    miners: [(Keypair, MinerUid); 2],
    validator: (Keypair, MinerUid),
}

impl Players {
    async fn register(stage: &dyn Stage) -> Self {
        let mut slots = Vec::new();
        for name in ["miner-a", "miner-b", "validator"] {
            let keypair = hotkey(name);
            let uid = stage.register(&keypair, coldkey()).await;
            slots.push((keypair, uid));
        }
        let neurons = stage.chain().neurons(stage.netuid()).await.expect("neurons").value;
        for (keypair, uid) in &slots {
            let neuron = find(&neurons, keypair);
            assert_eq!((neuron.uid, neuron.coldkey), (*uid, coldkey()), "a neuron is another's");
        }
        assert!(neurons.is_sorted_by_key(|neuron| neuron.uid), "neurons are not sorted by uid");
        let count = stage.chain().hyperparameters(stage.netuid()).await.expect("parameters");
        assert_eq!(usize::from(count.value.neurons), neurons.len(), "neurons are miscounted");
        let validator = slots.pop().expect("three");
        let second = slots.pop().expect("two");
        Self { miners: [slots.pop().expect("one"), second], validator }
    }
}

fn find<'a>(neurons: &'a [Neuron], keypair: &Keypair) -> &'a Neuron {
    let hotkey = keypair.hotkey();
    neurons.iter().find(|neuron| neuron.hotkey == hotkey).expect("a registered hotkey is a neuron")
}

async fn blocks_follow_each_other(stage: &dyn Stage) {
    let before = stage.chain().head().await.expect("a head");
    stage.advance(3).await;
    let after = stage.chain().head().await.expect("a head");
    assert!(after.best.number.0 >= before.best.number.0 + 3, "blocks were not made");
    assert!(after.time >= before.time, "time runs backwards");
    assert!(after.finalized.number <= after.best.number, "the future is final");
    assert_ne!(after.best.hash, before.best.hash, "two blocks have one hash");
}

async fn subnets_that_are_not_there_are_said_to_be(stage: &dyn Stage) {
    let (chain, netuid) = (stage.chain(), stage.no_netuid());
    let keypair = hotkey("miner-a");
    let data = CommitmentData::new("data").expect("short");
    let weights = WeightVector::from_integers([(MinerUid(0), 1)]);
    let errors = [
        chain.subnet(netuid).await.err(),
        chain.neurons(netuid).await.err(),
        chain.commitments(netuid).await.err(),
        chain.hyperparameters(netuid).await.err(),
        chain.weights(netuid).await.err(),
        chain.commit(netuid, &keypair, &data).await.err(),
        chain.set_weights(netuid, &keypair, &weights).await.err(),
    ];
    for error in errors {
        let error = error.expect("a subnet that is not there was read or written");
        assert_eq!(*error.kind(), ChainErrorKind::UnknownSubnet, "{error}");
    }
}

async fn commitments_come_back_as_they_were(stage: &dyn Stage, players: &Players) {
    let (chain, netuid) = (stage.chain(), stage.netuid());
    let stranger = hotkey("stranger");
    let data = CommitmentData::new("data").expect("short");
    let refused = refusal(chain.commit(netuid, &stranger, &data).await, "a stranger's commitment");
    assert_eq!(refused, "AccountNotAllowedCommit");

    let (miner, uid) = &players.miners[0];
    let everything: Vec<u8> = (0..=127).map(|byte| byte * 2).collect();
    let mut last = 0;
    for bytes in [b"user/repo:0123abcd:first".to_vec(), everything, Vec::new()] {
        let data = CommitmentData::new(bytes.clone()).expect("short");
        let inclusion = chain.commit(netuid, miner, &data).await.expect("a commitment");
        assert!(inclusion.block.number.0 > last, "a later commitment is in no later block");
        last = inclusion.block.number.0;
        let subnet = chain.subnet(netuid).await.expect("a subnet");
        assert!(subnet.block.number >= inclusion.block.number, "what is done cannot be read");
        assert_eq!(
            subnet.value.commitments,
            chain.commitments(netuid).await.expect("commitments").value,
            "two readings differ"
        );
        let published = subnet.value.commitments;
        let own: Vec<_> = published.iter().filter(|c| c.hotkey == miner.hotkey()).collect();
        assert_eq!(own.len(), 1, "a miner has not one commitment");
        assert_eq!(own[0].data.as_deref(), Some(&*bytes), "a commitment came back changed");
        assert_eq!((own[0].uid, own[0].block), (Some(*uid), inclusion.block.number));
        // The chain limits the bytes published per epoch; the next commitment must not be refused
        // for that.
        stage.advance(1).await;
    }
}

async fn two_commit_at_once(stage: &dyn Stage, players: &Players) {
    let (chain, netuid) = (stage.chain(), stage.netuid());
    let [(a, _), (b, _)] = &players.miners;
    let of_a = CommitmentData::new("of a").expect("short");
    let of_b = CommitmentData::new("of b").expect("short");
    let (first, second) =
        tokio::join!(chain.commit(netuid, a, &of_a), chain.commit(netuid, b, &of_b));
    first.expect("the commitment of a");
    second.expect("the commitment of b");
    let published = chain.commitments(netuid).await.expect("commitments").value;
    for (keypair, data) in [(a, &of_a), (b, &of_b)] {
        let own = published.iter().find(|c| c.hotkey == keypair.hotkey()).expect("it is there");
        assert_eq!(own.data.as_deref(), Some(data.as_bytes()));
    }
}

/// Parameters that let weights be set.
async fn parameters(stage: &dyn Stage) -> Hyperparameters {
    let current = stage.chain().hyperparameters(stage.netuid()).await.expect("parameters").value;
    Hyperparameters {
        tempo: 10,
        commit_reveal: false,
        weights_version: 0,
        weights_rate_limit: 5,
        min_allowed_weights: 1,
        ..current
    }
}

fn some_weights(players: &Players) -> WeightVector {
    let shares: BTreeMap<MinerUid, f64> =
        [(players.miners[0].1, 0.75), (players.miners[1].1, 0.25)].into();
    WeightVector::from_shares(&shares).expect("shares")
}

async fn weights_are_refused_for_the_right_reason(stage: &dyn Stage, players: &Players) {
    let (chain, netuid) = (stage.chain(), stage.netuid());
    stage.set_hyperparameters(&parameters(stage).await).await;
    // A new neuron has to wait for the rate limit on some chains.
    stage.advance(6).await;
    let (validator, uid) = &players.validator;
    let weights = some_weights(players);

    let nothing = WeightVector::from_integers([]);
    let error = chain.set_weights(netuid, validator, &nothing).await.expect_err("no weights");
    assert_eq!(*error.kind(), ChainErrorKind::Invalid, "{error}");

    let refused = chain.set_weights(netuid, &hotkey("stranger"), &weights).await;
    assert_eq!(refusal(refused, "a stranger's weights"), "HotKeyNotRegisteredInSubNet");

    stage.set_permit(*uid, false).await;
    let refused = chain.set_weights(netuid, validator, &weights).await;
    assert_eq!(refusal(refused, "weights without a permit"), "NeuronNoValidatorPermit");

    stage.set_permit(*uid, true).await;
    let nobody = WeightVector::from_integers([(MinerUid(9999), 1)]);
    let refused = chain.set_weights(netuid, validator, &nobody).await;
    assert_eq!(refusal(refused, "a weight for nobody"), "UidVecContainInvalidOne");

    let more = Hyperparameters { min_allowed_weights: 3, ..parameters(stage).await };
    stage.set_hyperparameters(&more).await;
    let refused = chain.set_weights(netuid, validator, &weights).await;
    assert_eq!(refusal(refused, "too few weights"), "WeightVecLengthIsLow");
}

async fn weights_are_set(stage: &dyn Stage, players: &Players) {
    let (chain, netuid) = (stage.chain(), stage.netuid());
    let versioned = Hyperparameters { weights_version: 17, ..parameters(stage).await };
    stage.set_hyperparameters(&versioned).await;
    let (validator, _) = &players.validator;
    let weights = some_weights(players);
    let receipt = chain.set_weights(netuid, validator, &weights).await.expect("weights");
    assert_eq!((receipt.netuid, receipt.hotkey), (netuid, validator.hotkey()));
    assert_eq!(receipt.timelock, None, "weights were sealed that need not be");
    let state = chain.weights_state(&receipt).await.expect("a state");
    assert_eq!(state, WeightsState::InForce);
    stage.advance(1).await;
    let all = chain.weights(netuid).await.expect("weights").value;
    let own = all.iter().find(|neuron| neuron.uid == players.validator.1).expect("they count");
    let [(first, larger), (second, smaller)] = own.weights[..] else { panic!("two weights") };
    assert_eq!((first, second), (players.miners[0].1, players.miners[1].1));
    assert_eq!((larger, smaller.abs_diff(21845) <= 1), (u16::MAX, true), "shares were changed");
    let neurons = chain.neurons(netuid).await.expect("neurons").value;
    assert_eq!(find(&neurons, validator).last_update, receipt.inclusion.block.number);

    let slow = Hyperparameters { weights_rate_limit: 1000, ..versioned.clone() };
    stage.set_hyperparameters(&slow).await;
    let error = chain.set_weights(netuid, validator, &weights).await.expect_err("too soon");
    let refused = error.refusal().unwrap_or_else(|| panic!("no refusal but: {error}"));
    assert!(refused.is_rate_limit(), "{error}");
    let left = refused.detail.as_deref().unwrap_or_default();
    assert!(left.ends_with("blocks left"), "how long to wait is not said: {error}");

    stage.set_hyperparameters(&versioned).await;
    stage.advance(6).await;
    let others = WeightVector::from_integers([(players.miners[0].1, 1)]);
    let later = chain.set_weights(netuid, validator, &others).await.expect("weights again");
    assert_eq!(chain.weights_state(&later).await.expect("a state"), WeightsState::InForce);
    let state = chain.weights_state(&receipt).await.expect("a state");
    assert_eq!(state, WeightsState::Gone, "weights that were replaced are said to count");
}

async fn weights_are_sealed_where_they_must_be(stage: &dyn Stage, players: &Players) {
    let (chain, netuid) = (stage.chain(), stage.netuid());
    let sealing = Hyperparameters { commit_reveal: true, ..parameters(stage).await };
    stage.set_hyperparameters(&sealing).await;
    stage.advance(6).await;
    let (validator, _) = &players.validator;
    let weights = some_weights(players);
    let receipt = chain.set_weights(netuid, validator, &weights).await.expect("sealed weights");
    let timelock = receipt.timelock.expect("weights that must be sealed are");
    assert!(timelock.reveal_block > receipt.inclusion.block.number, "they open in the past");
    let state = chain.weights_state(&receipt).await.expect("a state");
    assert!(matches!(state, WeightsState::Sealed { .. }), "{state:?}");
    // An epoch has 11 blocks here; a beacon may be late by a few.
    for _ in 0..60 {
        stage.advance(1).await;
        match chain.weights_state(&receipt).await.expect("a state") {
            WeightsState::Sealed { .. } => {}
            WeightsState::InForce => return,
            WeightsState::Gone => panic!("sealed weights were lost"),
        }
    }
    panic!("sealed weights were never revealed");
}
