use std::fmt;
use std::str::FromStr;

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
