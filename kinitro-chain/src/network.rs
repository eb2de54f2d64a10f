//! The chains that can be named.

use std::fmt;
use std::str::FromStr;

use crate::block::Hash256;

/// A chain, by name or by the WebSocket address of one of its nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Network {
    /// Bittensor's main network.
    Finney,
    /// Bittensor's public test network.
    Test,
    /// A node on this machine, at the usual port.
    Local,
    /// A node at that `ws://` or `wss://` address.
    Address(String),
    /// A [`MemoryChain`](crate::MemoryChain) in this process. It has no address.
    Memory,
}

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network: use finney, test, local or a ws:// or wss:// address")]
pub struct NetworkError(String);

impl Network {
    /// The WebSocket address to connect to.
    pub fn endpoint(&self) -> &str {
        match self {
            Self::Finney => "wss://entrypoint-finney.opentensor.ai:443",
            Self::Test => "wss://test.finney.opentensor.ai:443",
            Self::Local => "ws://127.0.0.1:9944",
            Self::Address(address) => address,
            Self::Memory => "memory",
        }
    }

    /// The hash of the chain's first block, if it is known here.
    pub fn genesis(&self) -> Option<Hash256> {
        match self {
            // 0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03
            Self::Finney => Some(Hash256([
                0x2f, 0x05, 0x55, 0xcc, 0x76, 0xfc, 0x28, 0x40, 0xa2, 0x5a, 0x6e, 0xa3, 0xb9, 0x63,
                0x71, 0x46, 0x80, 0x6f, 0x1f, 0x44, 0xb0, 0x90, 0xc1, 0x75, 0xff, 0xde, 0x2a, 0x7e,
                0x5a, 0xb3, 0x6c, 0x03,
            ])),
            _ => None,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let address = text.strip_prefix("ws://").or_else(|| text.strip_prefix("wss://"));
        match (text, address) {
            ("finney", _) => Ok(Self::Finney),
            ("test", _) => Ok(Self::Test),
            ("local", _) => Ok(Self::Local),
            (_, Some(host)) if !host.is_empty() => Ok(Self::Address(text.to_owned())),
            _ => Err(NetworkError(text.chars().take(160).collect())),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Finney => "finney",
            Self::Test => "test",
            Self::Local => "local",
            Self::Address(address) => address,
            Self::Memory => "memory",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_survive_a_round_trip() {
        for text in ["finney", "test", "local", "ws://10.0.0.1:9944", "wss://node.example/rpc"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_choices() {
        for text in ["", "Finney", "ws://", "http://node", "mainnet"] {
            let message = text.parse::<Network>().unwrap_err().to_string();
            assert!(message.contains("finney, test, local"), "{message}");
        }
    }
}
