//! The client against the local chain over real WebSockets: with metadata of our own and, where it
//! is there, with that of the main network.

#![cfg(all(feature = "subtensor", feature = "local-chain"))]
#![allow(clippy::unwrap_used)]

mod faults;
mod reading;
mod stage;
mod writing;
