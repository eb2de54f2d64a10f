//! Chains, and what a command needs to write to one: a hotkey that signs, sealed endpoints.

mod sealing;
mod wallets;

use std::time::Duration;

use kinitro_chain::Subtensor;
use kinitro_chain::subtensor::Settings;

pub(crate) use sealing::{opener, sealer};
pub(crate) use wallets::{chosen, hotkey_address, load_hotkey, wallets};

use crate::args::NetworkArguments;
use crate::failure::Failure;

pub(crate) async fn connect(arguments: &NetworkArguments) -> Result<Subtensor, Failure> {
    let mut settings = Settings::default();
    settings.timeout = Duration::from_secs(arguments.timeout);
    Ok(Subtensor::connect_with(arguments.network.clone(), settings).await?)
}
