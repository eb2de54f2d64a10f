//! SS58: accounts of a Substrate chain as text.
//!
//! An address is base58 of a prefix, the 32 bytes of the account and the first two bytes of the
//! BLAKE2b-512 of `SS58PRE`, the prefix and the account. The prefix says for which chain it is meant;
//! Bittensor uses 42, the one for any Substrate chain. Source: the SS58 address format of the
//! Substrate documentation.

use blake2::{Blake2b512, Digest};

/// The prefix of addresses that are valid on any Substrate chain.
const GENERIC_PREFIX: u8 = 42;

const ACCOUNT: usize = 32;
const ADDRESS: usize = 1 + ACCOUNT + 2;

/// What is wrong with an SS58 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Ss58Error {
    /// A character that base58 does not have.
    #[error("it has a character that is not base58, at byte {0}")]
    NotBase58(usize),
    /// Too short or too long for an account of 32 bytes.
    #[error("it does not stand for an account of 32 bytes")]
    Length,
    /// An address of another chain.
    #[error("it belongs to another network: its prefix is {0}, not {GENERIC_PREFIX}")]
    Prefix(u8),
    /// A mistyped address.
    #[error("its checksum does not fit: it was mistyped or cut")]
    Checksum,
}

/// The account id of an address with prefix 42.
pub(crate) fn decode(text: &str) -> Result<[u8; ACCOUNT], Ss58Error> {
    // Longer than any address with one byte of prefix, and decoding takes quadratic time.
    if text.len() > 50 {
        return Err(Ss58Error::Length);
    }
    let mut buffer = [0; 64];
    let length = bs58::decode(text).onto(&mut buffer).map_err(|error| match error {
        bs58::decode::Error::InvalidCharacter { index, .. }
        | bs58::decode::Error::NonAsciiCharacter { index } => Ss58Error::NotBase58(index),
        _ => Ss58Error::Length,
    })?;
    let address: [u8; ADDRESS] = buffer[..length].try_into().map_err(|_| Ss58Error::Length)?;
    let (body, found) = address.split_at(1 + ACCOUNT);
    if found != checksum(body) {
        return Err(Ss58Error::Checksum);
    }
    if body[0] != GENERIC_PREFIX {
        return Err(Ss58Error::Prefix(body[0]));
    }
    body[1..].try_into().map_err(|_| Ss58Error::Length)
}

/// The address with prefix 42 of an account id.
pub(crate) fn encode(account: &[u8; ACCOUNT]) -> String {
    let mut address = Vec::with_capacity(ADDRESS);
    address.push(GENERIC_PREFIX);
    address.extend_from_slice(account);
    address.extend(checksum(&address));
    bs58::encode(address).into_string()
}

fn checksum(body: &[u8]) -> [u8; 2] {
    let hash = Blake2b512::new().chain_update(b"SS58PRE").chain_update(body).finalize();
    [hash[0], hash[1]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_of_the_development_accounts() {
        // `subkey inspect //Alice` and `//Bob`.
        for (address, begin) in [
            ("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", [0xd4, 0x35, 0x93, 0xc7]),
            ("5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", [0x8e, 0xaf, 0x04, 0x15]),
        ] {
            let account = decode(address).unwrap();
            assert_eq!(account[..4], begin);
            assert_eq!(encode(&account), address);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        // Alice on Polkadot (prefix 0) and on Kusama (prefix 2).
        assert_eq!(
            decode("15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5"),
            Err(Ss58Error::Prefix(0))
        );
        assert_eq!(
            decode("HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F"),
            Err(Ss58Error::Prefix(2))
        );
        assert_eq!(
            decode("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQZ"),
            Err(Ss58Error::Checksum)
        );
        assert_eq!(
            decode("5GrwvaEF0zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
            Err(Ss58Error::NotBase58(8))
        );
        for bad in ["", "5", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQ", &"5".repeat(5000)] {
            assert_eq!(decode(bad), Err(Ss58Error::Length), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_account_comes_back(account in any::<[u8; 32]>(), place in 0usize..48) {
            let address = encode(&account);
            prop_assert_eq!(decode(&address), Ok(account));
            // One character changed: at most one address in 65536 is right by chance.
            let mut typo = address.into_bytes();
            let place = place.min(typo.len() - 1);
            typo[place] = if typo[place] == b'x' { b'y' } else { b'x' };
            let typo = String::from_utf8(typo).unwrap();
            prop_assert_ne!(decode(&typo), Ok(account));
        }
    }
}
