//! Kinitro on Bittensor.
//!
//! What is here so far is [`Network`]: which chain to talk to, and where it answers.
//!
//! ```
//! use kinitro_chain::Network;
//!
//! let network: Network = "finney".parse()?;
//! assert!(network.endpoint().starts_with("wss://"));
//! assert!("https://example.org".parse::<Network>().is_err());
//! # Ok::<(), kinitro_chain::NetworkError>(())
//! ```

#![forbid(unsafe_code)]

mod network;

pub use network::{Network, NetworkError};
