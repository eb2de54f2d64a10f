//! Substrate's secret URIs, `PHRASE//hard/soft///PASSWORD`.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use parity_scale_codec::Encode;
use schnorrkel::derive::{ChainCode, Derivation};
use schnorrkel::{MiniSecretKey, SecretKey};

use super::error::KeypairError;
use super::hex::from_hex;
use super::mnemonic::Mnemonic;

/// The publicly known words of the development keys.
const DEVELOPMENT: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

pub(super) fn derive(uri: &str) -> Result<SecretKey, KeypairError> {
    if uri.is_empty() {
        return Err(KeypairError::Uri);
    }
    let (uri, password) = match uri.split_once("///") {
        Some((uri, password)) => (uri, Some(password)),
        None => (uri, None),
    };
    let (phrase, path) = uri.split_at(uri.find('/').unwrap_or(uri.len()));
    let seed = if phrase.starts_with("0x") {
        if password.is_some() {
            return Err(KeypairError::SeedWithPassword);
        }
        from_hex(phrase).ok_or(KeypairError::Seed)?
    } else {
        let phrase = if phrase.is_empty() { DEVELOPMENT } else { phrase };
        phrase.parse::<Mnemonic>()?.seed(password.unwrap_or_default())
    };
    let root = MiniSecretKey::from_bytes(seed.as_ref()).map_err(|_| KeypairError::Seed)?;
    follow(root.expand(MiniSecretKey::ED25519_MODE), path)
}

/// The key of the development phrase with one hard junction, whatever characters that has.
#[cfg(feature = "local-chain")]
pub(super) fn development(junction: &str) -> SecretKey {
    let phrase: Mnemonic = DEVELOPMENT.parse().expect("the development phrase is a mnemonic");
    let root = MiniSecretKey::from_bytes(phrase.seed("").as_ref()).expect("32 bytes are a seed");
    hard(&root.expand(MiniSecretKey::ED25519_MODE), chain_code(junction))
}

fn hard(secret: &SecretKey, chain_code: ChainCode) -> SecretKey {
    let (seed, _) = secret.hard_derive_mini_secret_key(Some(chain_code), b"");
    seed.expand(MiniSecretKey::ED25519_MODE)
}

/// Derives a key along `/soft` and `//hard` junctions.
fn follow(mut secret: SecretKey, mut path: &str) -> Result<SecretKey, KeypairError> {
    while let Some(rest) = path.strip_prefix('/') {
        let (is_hard, rest) = match rest.strip_prefix('/') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (junction, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if junction.is_empty() {
            return Err(KeypairError::Uri);
        }
        let chain_code = chain_code(junction);
        secret = if is_hard {
            hard(&secret, chain_code)
        } else {
            secret.derived_key_simple(chain_code, b"").0
        };
        path = rest;
    }
    Ok(secret)
}

/// A junction as 32 bytes: a number in little endian, or a text in SCALE; padded with zeros, or hashed
/// if it is longer.
fn chain_code(junction: &str) -> ChainCode {
    let encoded = match junction.parse::<u64>() {
        Ok(number) => number.encode(),
        Err(_) => junction.encode(),
    };
    let mut code = [0; 32];
    match code.get_mut(..encoded.len()) {
        Some(start) => start.copy_from_slice(&encoded),
        None => code = Blake2b::<U32>::digest(&encoded).into(),
    }
    ChainCode(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signer;
    use crate::wallet::Keypair;

    const PHRASE: &str =
        "toy surface whip universe worry direct gospel globe tribe current ship cream";
    const SEED: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

    #[test]
    fn uris_lead_where_they_lead_python() {
        // Keypair.create_from_uri(...).ss58_address of bittensor-wallet 4.1.1.
        for (uri, address) in [
            ("//Alice", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
            ("//Alice//stash", "5GNJqTPyNqANBkUVMN1LPPrxXnFouWXoe2wNSmmEoLctxiZY"),
            ("/soft", "5F4g82upwXKNJWdotdSwkALpdNRNnuNBLQeZ6YUYBoSK3rcj"),
            ("//Alice/soft//1///pw", "5G74Lqs4KjPvQyEFkwidJ5ph9mRE2reX1StF25ueUJUd4xVq"),
            ("//5", "5EFb84yH9tpcFuiKUcsmdoF7xeeY3ajG1ZLQimxQoFt9HMKR"),
            ("//é", "5EsaQAJQh19PWKMtYN2YrWYTRKsUmHicgAyBMiAFuRwFA4zf"),
            // One more than fits into a number.
            ("//18446744073709551616", "5EpxyqTWXnWapSa55fXrq8JtqD41YREqn7qJobZ69D7833f8"),
            (
                "//a-long-junction-that-does-not-fit-into-32-bytes",
                "5DAhVL5VFGySLSjexheqGT1ukSXLvQocJujAZGpmKhhQDtnH",
            ),
            (&format!("{PHRASE}//a/1///pw"), "5HYYH7eLre4GjZ6cQj7sT66rZNZGxT6vvowKKpsubttvRRZe"),
            (&format!("{SEED}//a"), "5F26NBdyUoDGtkbuQ8qfvYi5W5U3oWdJvcH2qe9G5ywjDyug"),
        ] {
            assert_eq!(Keypair::from_uri(uri).unwrap().hotkey().to_string(), address, "{uri}");
        }
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for (uri, error) in [
            ("", KeypairError::Uri),
            ("//", KeypairError::Uri),
            ("//Alice//", KeypairError::Uri),
            ("//Alice/", KeypairError::Uri),
            ("Alice", KeypairError::WordCount(1)),
            ("0x11", KeypairError::Seed),
            (&SEED[2..], KeypairError::WordCount(1)),
            (&format!("{SEED}///pw"), KeypairError::SeedWithPassword),
        ] {
            assert_eq!(Keypair::from_uri(uri).unwrap_err(), error, "{uri}");
        }
    }
}
