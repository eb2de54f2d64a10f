//! Bytes as the node writes them: `0x` and two digits each.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Bytes in hex. Numbers of a node come so too, without leading zeros and big endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl Hex {
    /// The number, as of a header. Numbers above 64 bits do not occur and are cut.
    pub(super) fn as_number(&self) -> u64 {
        self.0.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("0x{}", base16ct::lower::encode_string(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        base16ct::mixed::decode_vec(&padded)
            .map(Self)
            .map_err(|_| D::Error::custom("it should be hex"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_bytes_are_read_from_hex() {
        let read = |text: &str| serde_json::from_str::<Hex>(text);
        assert_eq!(read("\"0x3e8\"").unwrap().as_number(), 1000);
        assert_eq!(read("\"0x0\"").unwrap().as_number(), 0);
        assert_eq!(read("\"0xAbcD\"").unwrap(), Hex(vec![0xab, 0xcd]));
        assert!(read("\"0xg0\"").is_err() && read("17").is_err());
        assert_eq!(serde_json::to_string(&Hex(vec![1, 0xff])).unwrap(), "\"0x01ff\"");
    }
}
