//! The chain's client and the local chain, through real WebSockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to panic")]

#[cfg(all(feature = "local-chain", feature = "subtensor"))]
mod local_chain;
#[cfg(all(feature = "subtensor", feature = "local-chain"))]
mod subtensor;
