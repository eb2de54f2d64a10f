//! A local chain with a client.

use std::io::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use kinitro_chain::conformance::{self, Stage};
use kinitro_chain::local::{LocalChain, LocalChainBuilder};
use kinitro_chain::subtensor::Settings;
use kinitro_chain::wallet::Keypair;
use kinitro_chain::{Chain, Hyperparameters, Network, Rao, Signer as _, Subtensor};
use kinitro_core::{Coldkey, Hotkey, MinerUid, NetUid};

pub(crate) const NETUID: NetUid = NetUid(26);

/// The metadata of the main network, which is beside the project and no part of it.
const FINNEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/chain/finney-424.scale");

pub(crate) fn finney() -> Option<Vec<u8>> {
    let bytes = std::fs::read(FINNEY).ok();
    if bytes.is_none() {
        // Written past the capture of the test harness, which hides what succeeds.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {FINNEY} is not there");
    }
    bytes
}

/// Settings for a chain with quick blocks.
pub(crate) fn quick() -> Settings {
    let mut settings = Settings::default();
    settings.poll = Duration::from_millis(10);
    settings.timeout = Duration::from_secs(20);
    settings
}

pub(crate) fn builder() -> LocalChainBuilder {
    LocalChain::builder().netuid(NETUID).block_time(Duration::from_millis(30))
}

pub(crate) async fn connect(local: &LocalChain, settings: Settings) -> Subtensor {
    let network: Network = local.url().parse().unwrap();
    Subtensor::connect_with(network, settings).await.unwrap()
}

pub(crate) fn keypair(name: &str) -> Keypair {
    Keypair::from_uri(&format!("//{name}")).unwrap()
}

pub(crate) fn coldkey() -> Coldkey {
    Coldkey::from_account_id([5; 32])
}

pub(crate) struct LocalStage {
    pub(crate) local: LocalChain,
    pub(crate) client: Subtensor,
}

impl LocalStage {
    pub(crate) async fn start(builder: LocalChainBuilder) -> Self {
        let local = builder.start().await.unwrap();
        let client = connect(&local, quick()).await;
        Self { local, client }
    }

    /// A chain with one registered miner.
    pub(crate) async fn with_miner() -> (Self, Keypair) {
        let stage = Self::start(builder()).await;
        let miner = keypair("miner");
        stage.local.register(&miner.hotkey(), &coldkey()).unwrap();
        (stage, miner)
    }

    pub(crate) async fn hotkey_of(&self, uid: MinerUid) -> Hotkey {
        let neurons = self.client.neurons(NETUID).await.unwrap().value;
        neurons.iter().find(|neuron| neuron.uid == uid).unwrap().hotkey
    }
}

#[async_trait]
impl Stage for LocalStage {
    fn chain(&self) -> &dyn Chain {
        &self.client
    }

    fn netuid(&self) -> NetUid {
        NETUID
    }

    async fn register(&self, hotkey: &Keypair, coldkey: Coldkey) -> MinerUid {
        self.local.register(&hotkey.hotkey(), &coldkey).unwrap()
    }

    async fn set_permit(&self, uid: MinerUid, permit: bool) {
        let hotkey = self.hotkey_of(uid).await;
        self.local.set_stake(&hotkey, Rao(1_000_000_000_000)).unwrap();
        self.local.set_permit(&hotkey, permit).unwrap();
    }

    async fn set_hyperparameters(&self, wanted: &Hyperparameters) {
        for (name, value) in [
            ("Tempo", wanted.tempo.to_string()),
            ("CommitRevealWeightsEnabled", wanted.commit_reveal.to_string()),
            ("WeightsVersionKey", wanted.weights_version.to_string()),
            ("WeightsSetRateLimit", wanted.weights_rate_limit.to_string()),
            ("MinAllowedWeights", wanted.min_allowed_weights.to_string()),
        ] {
            self.local.set_hyperparameter(name, &value).unwrap();
        }
    }

    async fn advance(&self, blocks: u64) {
        self.local.advance(blocks).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_keeps_to_the_trait() {
    conformance::chain(&LocalStage::start(builder()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_client_keeps_to_the_trait_with_the_metadata_of_the_main_network() {
    let Some(metadata) = finney() else { return };
    conformance::chain(&LocalStage::start(builder().metadata(metadata)).await).await;
}
