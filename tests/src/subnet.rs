//! A subnet on a local chain, and those who are on it.

use std::path::PathBuf;
use std::time::Duration;

use kinitro_chain::Rao;
use kinitro_chain::local::LocalChain;
use kinitro_core::{Coldkey, Hotkey, MinerUid, NetUid};

use crate::{Program, kinitro};

/// The number of the subnet.
pub const NETUID: NetUid = NetUid(26);

/// A local chain, and a folder of wallets and keys.
pub struct Subnet {
    /// What the chain runs in, and a test may too.
    pub run_time: tokio::runtime::Runtime,
    /// The chain.
    pub chain: LocalChain,
    folder: tempfile::TempDir,
}

impl Default for Subnet {
    fn default() -> Self {
        Self::new()
    }
}

impl Subnet {
    /// A chain with its own metadata and no miners.
    ///
    /// # Panics
    /// When there is no place for it.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// One that says of itself what the bytes say.
    ///
    /// # Panics
    /// When they are no metadata.
    pub fn with_metadata(metadata: Vec<u8>) -> Self {
        Self::with(Some(metadata))
    }

    fn with(metadata: Option<Vec<u8>>) -> Self {
        let run_time = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("there are threads for a runtime");
        let mut builder =
            LocalChain::builder().netuid(NETUID).block_time(Duration::from_millis(40));
        if let Some(metadata) = metadata {
            builder = builder.metadata(metadata);
        }
        let chain = run_time.block_on(builder.start()).expect("a local chain starts");
        let folder = tempfile::tempdir().expect("there is a place for temporary files");
        Self { run_time, chain, folder }
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program on this chain and subnet.
    pub fn kinitro(&self, arguments: &str) -> Program {
        // The command comes first, and an option that waits for its value last.
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let is_option = |word: &&str| word.starts_with('-');
        let length = words.iter().position(is_option).unwrap_or(words.len());
        let (command, options) = words.split_at(length);
        kinitro(&command.join(" "))
            .args(["--network", &self.chain.url(), "--netuid", &NETUID.to_string()])
            .args(options)
            .env("BT_WALLET_PATH", self.path("wallets"))
            .env("XDG_DATA_HOME", self.path("data"))
    }

    /// The same as a hotkey.
    pub fn by(&self, hotkey: &str, arguments: &str) -> Program {
        self.kinitro(arguments).env("BT_WALLET_HOTKEY", hotkey)
    }

    /// Makes a hotkey as a user does, and gives it a slot.
    ///
    /// # Panics
    /// When there is none.
    pub fn register(&self, name: &str) -> (Hotkey, MinerUid) {
        let made = kinitro("wallet new-hotkey")
            .args(["--hotkey-name", name])
            .env("BT_WALLET_PATH", self.path("wallets"))
            .run()
            .with_code(0);
        let hotkey: Hotkey = made.stdout.trim().parse().expect("the address is printed");
        let coldkey = Coldkey::from_account_id([7; 32]);
        let uid = self.chain.register(&hotkey, &coldkey).expect("there is a slot");
        (hotkey, uid)
    }

    /// Registers the hotkey `validator`, which may set weights every fifth block.
    ///
    /// # Panics
    /// When there is no slot.
    pub fn register_validator(&self) -> (Hotkey, MinerUid) {
        let (hotkey, uid) = self.register("validator");
        let chain = &self.chain;
        chain.set_stake(&hotkey, Rao(1_000_000_000_000)).expect("it is registered");
        chain.set_permit(&hotkey, true).expect("it is registered");
        for (name, value) in [
            ("WeightsSetRateLimit", "5"),
            ("MinAllowedWeights", "1"),
            ("Tempo", "10"),
            ("CommitRevealWeightsEnabled", "false"),
        ] {
            chain.set_hyperparameter(name, value).expect("it is a parameter");
        }
        chain.advance(6).expect("blocks are made");
        (hotkey, uid)
    }
}
