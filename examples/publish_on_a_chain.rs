//! Publish a policy on a chain as a miner, read it as a backend, and set weights as a validator.
//!
//! The chain runs in this process and speaks Bittensor's protocol over a WebSocket. To use the real
//! chain, connect with `Subtensor::connect(Network::Finney)` instead.
//!
//! ```sh
//! cargo run -p kinitro-examples --example publish_on_a_chain
//! ```

#![allow(clippy::print_stdout, reason = "an example says what came of it")]

use std::error::Error;
use std::time::Duration;

use kinitro_chain::commitment::{Endpoint, MinerCommitment, read_all};
use kinitro_chain::local::LocalChain;
use kinitro_chain::reveal::follow_reveal;
use kinitro_chain::subtensor::{Settings, Subtensor};
use kinitro_chain::wallet::Keypair;
use kinitro_chain::weights::WeightVector;
use kinitro_chain::{Chain as _, Rao, Signer as _, WeightsState};
use kinitro_core::crypto::{PrivateKey, SealV2};
use kinitro_core::{Coldkey, NetUid};

const NETUID: NetUid = NetUid(26);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let local = LocalChain::builder().netuid(NETUID).block_time(Duration::from_millis(50));
    let local = local.start().await?;
    let mut settings = Settings::default();
    settings.poll = Duration::from_millis(20);
    let chain = Subtensor::connect_with(local.url().parse()?, settings).await?;

    // On a real chain, slots and stake come from Bittensor's own tools, and permits from epochs.
    let owner = Coldkey::from_account_id([1; 32]);
    let (miner, validator) = (Keypair::from_uri("//miner")?, Keypair::from_uri("//validator")?);
    let uid = local.register(&miner.hotkey(), &owner)?;
    local.register(&validator.hotkey(), &owner)?;
    local.set_stake(&validator.hotkey(), Rao(1_000_000_000_000))?;
    local.set_permit(&validator.hotkey(), true)?;
    for (name, value) in [("WeightsSetRateLimit", "1"), ("MinAllowedWeights", "1"), ("Tempo", "20")]
    {
        local.set_hyperparameter(name, value)?;
    }

    // The miner seals its endpoint for the backend. The seal is bound to this hotkey.
    let backend = PrivateKey::generate()?;
    let seal = SealV2 { backend: backend.public_key(), netuid: NETUID, hotkey: miner.hotkey() };
    let endpoint = Endpoint::seal(&"380208a9-ad45-f23d-3b1a-11df587fd280".parse()?, &seal)?;
    let policy = MinerCommitment::new("alice/reach".parse()?, "0123abcd".parse()?, endpoint);
    let inclusion = chain.commit(NETUID, &miner, &policy.data()?).await?;
    println!("published in block {}", inclusion.block.number);

    // The backend reads the subnet in one pass and opens what was sealed for it.
    let subnet = chain.subnet(NETUID).await?;
    for reading in read_all(&subnet.value.commitments) {
        let published = reading.published?;
        let endpoint = &published.miner().ok_or("no policy")?.endpoint;
        println!("its policy answers at {}", endpoint.open(&backend, NETUID, reading.hotkey)?);
    }

    // The validator sets weights. This subnet requires them to stay sealed for a while.
    let weights = WeightVector::from_shares(&[(uid, 1.0)].into())?;
    let receipt = chain.set_weights(NETUID, &validator, &weights).await?;
    println!("sealed until about block {}", receipt.timelock.ok_or("not sealed")?.reveal_block);
    let state = follow_reveal(&chain, &receipt, Duration::from_millis(200), |_| {}).await?;
    println!(
        "the weights are {}",
        if state == WeightsState::InForce { "in force" } else { "lost" }
    );
    Ok(())
}
