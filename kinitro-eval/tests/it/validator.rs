//! The validator against a chain in memory and a backend over real HTTP.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use kinitro_chain::commitment::CommitmentData;
use kinitro_chain::wallet::Keypair;
use kinitro_chain::weights::{WeightVector, WeightsReceipt};
use kinitro_chain::{
    At, Chain, ChainError, ChainErrorKind, Commitment, Head, Hyperparameters, Inclusion,
    MemoryChain, Network, Neuron, NeuronWeights, Signer, Subnet, WeightsState,
};
use kinitro_core::{Coldkey, NetUid};
use kinitro_eval::CancellationToken;
use kinitro_eval::validator::{Round, Validator, ValidatorError, ValidatorSettings};
use serde_json::{Value, json};

const NETUID: NetUid = NetUid(26);

/// What the backend answers: status and body.
type Answer = Arc<Mutex<(u16, String)>>;

/// How the chain treats the next setting of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Play {
    Normal,
    /// It gets through, and nobody learns of it.
    LostAnswer,
    /// It never gets through, and nobody learns of it.
    LostRequest,
}

/// A chain in memory whose answers get lost as told.
#[derive(Debug)]
struct Stage {
    chain: MemoryChain,
    play: Mutex<Play>,
    settings: Mutex<u32>,
}

#[async_trait]
impl Chain for Stage {
    fn network(&self) -> &Network {
        self.chain.network()
    }
    async fn head(&self) -> Result<Head, ChainError> {
        self.chain.head().await
    }
    async fn subnet(&self, netuid: NetUid) -> Result<At<Subnet>, ChainError> {
        self.chain.subnet(netuid).await
    }
    async fn neurons(&self, netuid: NetUid) -> Result<At<Vec<Neuron>>, ChainError> {
        self.chain.neurons(netuid).await
    }
    async fn commitments(&self, netuid: NetUid) -> Result<At<Vec<Commitment>>, ChainError> {
        self.chain.commitments(netuid).await
    }
    async fn hyperparameters(&self, netuid: NetUid) -> Result<At<Hyperparameters>, ChainError> {
        self.chain.hyperparameters(netuid).await
    }
    async fn weights(&self, netuid: NetUid) -> Result<At<Vec<NeuronWeights>>, ChainError> {
        self.chain.weights(netuid).await
    }
    async fn commit(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        data: &CommitmentData,
    ) -> Result<Inclusion, ChainError> {
        self.chain.commit(netuid, signer, data).await
    }
    async fn set_weights(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        weights: &WeightVector,
    ) -> Result<WeightsReceipt, ChainError> {
        let play = *self.play.lock().unwrap();
        *self.settings.lock().unwrap() += 1;
        let lost = || ChainError::new(ChainErrorKind::Undetermined, "nobody knows");
        match play {
            Play::Normal => self.chain.set_weights(netuid, signer, weights).await,
            Play::LostAnswer => {
                self.chain.set_weights(netuid, signer, weights).await?;
                Err(lost())
            }
            Play::LostRequest => Err(lost()),
        }
    }
    async fn weights_state(&self, receipt: &WeightsReceipt) -> Result<WeightsState, ChainError> {
        self.chain.weights_state(receipt).await
    }
}

struct World {
    stage: Arc<Stage>,
    answer: Answer,
    url: String,
    folder: tempfile::TempDir,
    validator: Arc<Keypair>,
}

impl World {
    async fn new() -> Self {
        let chain = MemoryChain::new();
        chain.add_subnet(NETUID);
        let validator = Keypair::from_uri("//validator").unwrap();
        let coldkey = Coldkey::from_account_id([9; 32]);
        for name in ["//miner-0", "//miner-1"] {
            let miner = Keypair::from_uri(name).unwrap();
            chain.register(NETUID, miner.hotkey(), coldkey).unwrap();
        }
        let uid = chain.register(NETUID, validator.hotkey(), coldkey).unwrap();
        chain.change_neuron(NETUID, uid, |neuron| neuron.validator_permit = true).unwrap();
        chain.change_hyperparameters(NETUID, |p| p.weights_rate_limit = 10).unwrap();
        chain.advance(100);
        let stage = Stage { chain, play: Mutex::new(Play::Normal), settings: Mutex::new(0) };
        let answer: Answer = Arc::new(Mutex::new((404, "{\"detail\": \"none\"}".to_owned())));
        let shared = answer.clone();
        let route = get(move || {
            let (status, body) = shared.lock().unwrap().clone();
            async move { (StatusCode::from_u16(status).unwrap(), body) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/weights/latest", route);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let folder = tempfile::tempdir().unwrap();
        Self { stage: Arc::new(stage), answer, url, folder, validator: Arc::new(validator) }
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger.json")
    }

    fn validator(&self) -> Validator {
        self.validator_with(|_| {})
    }

    fn validator_with(&self, change: impl FnOnce(&mut ValidatorSettings)) -> Validator {
        let mut settings = ValidatorSettings::new(&*self.url, NETUID, self.ledger());
        change(&mut settings);
        Validator::new(settings, self.stage.clone(), self.validator.clone()).unwrap()
    }

    fn answers(&self, status: u16, body: &Value) {
        *self.answer.lock().unwrap() = (status, body.to_string());
    }

    async fn weights(&self, shares: Value) -> Value {
        let head = self.stage.head().await.unwrap();
        let body = json!({
            "block": head.best.number,
            "weights": shares,
            "created_at": humantime::format_rfc3339(head.time).to_string(),
        });
        self.answers(200, &body);
        body
    }

    fn settings(&self) -> u32 {
        *self.stage.settings.lock().unwrap()
    }
}

fn rejected(round: Round) -> String {
    match round {
        Round::Rejected { reason } => reason.to_string(),
        round => panic!("{round:?}"),
    }
}

#[tokio::test]
async fn weights_go_to_the_chain_once() {
    let world = World::new().await;
    let mut validator = world.validator();
    assert_eq!(validator.round().await.unwrap(), Round::NothingYet);
    world.weights(json!({"0": 0.25, "1": 0.75})).await;
    let Round::Submitted { receipt } = validator.round().await.unwrap() else { panic!() };
    assert_eq!(receipt.weights.uids(), [0, 1]);
    let unchanged = Round::Unchanged { state: Some(WeightsState::InForce) };
    assert_eq!(validator.round().await.unwrap(), unchanged);
    drop(validator);
    // After a restart it is still known.
    let mut validator = world.validator();
    assert_eq!(validator.round().await.unwrap(), unchanged);
    assert_eq!(world.settings(), 1);
    // Others wait for the rate limit.
    world.weights(json!({"0": 1.0})).await;
    let round = validator.round().await.unwrap();
    assert!(matches!(round, Round::TooSoon { blocks_left: 9 }), "{round:?}");
    world.stage.chain.advance(9);
    assert!(matches!(validator.round().await.unwrap(), Round::Submitted { .. }));
    // An epoch later the same are set again, so that the validator does not count as inactive.
    world.stage.chain.advance(361);
    world.weights(json!({"0": 1.0})).await;
    assert!(matches!(validator.round().await.unwrap(), Round::Submitted { .. }));
    assert_eq!(world.settings(), 3);
}

#[tokio::test]
async fn sealed_weights_are_followed_until_they_count() {
    let world = World::new().await;
    world.stage.chain.change_hyperparameters(NETUID, |p| p.commit_reveal = true).unwrap();
    let mut validator = world.validator();
    world.weights(json!({"0": 1.0})).await;
    let Round::Submitted { receipt } = validator.round().await.unwrap() else { panic!() };
    assert!(receipt.timelock.is_some());
    let round = validator.round().await.unwrap();
    let is_sealed = matches!(round, Round::Unchanged { state: Some(WeightsState::Sealed { .. }) });
    assert!(is_sealed, "{round:?}");
    assert_eq!(world.settings(), 1);
}

#[tokio::test]
async fn old_and_wrong_weights_are_not_submitted() {
    let world = World::new().await;
    let mut validator = world.validator();
    let body = world.weights(json!({"0": 0.25, "1": 0.75})).await;
    let with = |key: &str, value: Value| {
        let mut body = body.clone();
        body[key] = value;
        world.answers(200, &body);
    };
    let at = |time: SystemTime| json!(humantime::format_rfc3339(time).to_string());
    let now = world.stage.head().await.unwrap().time;

    with("created_at", at(now - Duration::from_secs(13 * 3600)));
    let round = validator.round().await.unwrap();
    assert_eq!(round, Round::Stale { age_seconds: 13 * 3600 });
    with("created_at", at(now + Duration::from_secs(600)));
    assert!(rejected(validator.round().await.unwrap()).contains("after the newest block"));
    with("block", json!(10_000_000));
    assert!(rejected(validator.round().await.unwrap()).contains("for block 10000000"));
    with("weights", json!({"0": 0.25, "1": 0.85}));
    assert!(rejected(validator.round().await.unwrap()).contains("instead of 1"));
    with("weights", json!({"0": -0.25, "1": 1.25}));
    assert!(rejected(validator.round().await.unwrap()).contains("no number from 0 to 1"));
    with("weights", json!({"0": 0.25, "7": 0.75}));
    assert!(rejected(validator.round().await.unwrap()).contains("uid 7"));
    with("weights_u16", json!({"uids": [0, 1], "values": [49151, 16383]}));
    assert!(rejected(validator.round().await.unwrap()).contains("integer"));
    for (status, body) in [(500, json!({"detail": "broken"})), (200, json!("weights"))] {
        world.answers(status, &body);
        let error = validator.round().await.unwrap_err();
        assert!(matches!(error, ValidatorError::Backend(_)), "{error}");
    }
    assert_eq!(world.settings(), 0);
}

#[tokio::test]
async fn a_slot_with_a_new_owner_gets_nothing() {
    let world = World::new().await;
    let mut validator = world.validator();
    let mut body = world.weights(json!({"0": 0.25, "1": 0.75})).await;
    let gone = Keypair::from_uri("//gone").unwrap().hotkey();
    let there = Keypair::from_uri("//miner-0").unwrap().hotkey();
    body["hotkeys"] = json!({"0": there, "1": gone});
    world.answers(200, &body);
    let Round::Submitted { receipt } = validator.round().await.unwrap() else { panic!() };
    assert_eq!(receipt.weights.uids(), [0]);
}

#[tokio::test]
async fn a_dry_run_submits_nothing() {
    let world = World::new().await;
    world.weights(json!({"0": 0.25, "1": 0.75})).await;
    let mut validator = world.validator_with(|settings| settings.dry_run = true);
    let round = validator.round().await.unwrap();
    assert!(matches!(round, Round::WouldSubmit { .. }), "{round:?}");
    assert_eq!(world.settings(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_found_out_and_nothing_is_set_twice() {
    let world = World::new().await;
    world.weights(json!({"0": 1.0})).await;
    *world.stage.play.lock().unwrap() = Play::LostAnswer;
    assert!(world.validator().round().await.is_err());
    *world.stage.play.lock().unwrap() = Play::Normal;
    let mut validator = world.validator();
    assert_eq!(validator.round().await.unwrap(), Round::Unchanged { state: None });
    assert_eq!(world.settings(), 1);
}

#[tokio::test]
async fn a_lost_request_is_sent_again_when_it_can_no_longer_get_through() {
    let world = World::new().await;
    world.weights(json!({"0": 1.0})).await;
    *world.stage.play.lock().unwrap() = Play::LostRequest;
    let mut validator = world.validator();
    assert!(validator.round().await.is_err());
    *world.stage.play.lock().unwrap() = Play::Normal;
    assert_eq!(validator.round().await.unwrap(), Round::InDoubt { blocks_left: 64 });
    world.stage.chain.advance(63);
    assert_eq!(validator.round().await.unwrap(), Round::InDoubt { blocks_left: 1 });
    world.stage.chain.advance(1);
    assert!(matches!(validator.round().await.unwrap(), Round::Submitted { .. }));
    assert_eq!(world.settings(), 2);
}

#[tokio::test]
async fn it_runs_until_it_is_stopped() {
    let world = World::new().await;
    world.weights(json!({"0": 1.0})).await;
    let interval = Duration::from_millis(5);
    let mut validator = world.validator_with(|settings| settings.poll_interval = interval);
    let stop = CancellationToken::new();
    let mut rounds = 0;
    let switch = stop.clone();
    let running = validator.run(&stop, |_| {
        rounds += 1;
        if rounds == 3 {
            switch.cancel();
        }
    });
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap();
    assert_eq!((rounds, world.settings()), (3, 1));
}
