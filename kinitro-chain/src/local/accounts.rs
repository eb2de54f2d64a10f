//! The accounts that every development chain has, which anybody can sign for.

use std::fmt;

use kinitro_core::{Coldkey, Hotkey};
use parity_scale_codec::Encode as _;
use schnorrkel::derive::ChainCode;
use schnorrkel::{ExpansionMode, MiniSecretKey};
use sp_crypto_hashing::blake2_256;

use super::Account;
use crate::signer::Signer;

/// The seed of Substrate's phrase for development, `bottom drive obey ...`.
const SEED: [u8; 32] = [
    0xfa, 0xc7, 0x95, 0x9d, 0xbf, 0xe7, 0x2f, 0x05, 0x2e, 0x5a, 0x0c, 0x3c, 0x8d, 0x65, 0x30, 0xf2,
    0x02, 0xb0, 0x2f, 0xd8, 0xf9, 0xf5, 0xca, 0x35, 0x80, 0xec, 0x8d, 0xeb, 0x77, 0x97, 0x47, 0x9e,
];

/// An account of Substrate's phrase for development, as `//Alice`. Its key is public: what it owns
/// anywhere else than on a chain for development is anybody's.
#[derive(Clone)]
pub struct DevAccount {
    name: String,
    keypair: schnorrkel::Keypair,
}

impl DevAccount {
    /// Those that own a million TAO each from the start.
    pub const FUNDED: [&'static str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

    /// The account of that name: `Alice` is what wallets call `//Alice`.
    pub fn new(name: &str) -> Self {
        let encoded = name.encode();
        let junction = match encoded.len() {
            ..=32 => {
                let mut junction = [0; 32];
                junction[..encoded.len()].copy_from_slice(&encoded);
                junction
            }
            _ => blake2_256(&encoded),
        };
        let root = MiniSecretKey::from_bytes(&SEED)
            .expect("any 32 bytes are a seed")
            .expand(ExpansionMode::Ed25519);
        let (seed, _) = root.hard_derive_mini_secret_key(Some(ChainCode(junction)), b"");
        Self { name: name.to_owned(), keypair: seed.expand_to_keypair(ExpansionMode::Ed25519) }
    }

    /// `//Alice`: owns the subnet, and is its first neuron.
    pub fn alice() -> Self {
        Self::new("Alice")
    }

    /// `//Bob`.
    pub fn bob() -> Self {
        Self::new("Bob")
    }

    /// The account as one that owns hotkeys, its own for one.
    pub fn coldkey(&self) -> Coldkey {
        Coldkey::from_account_id(self.account())
    }

    pub(super) fn account(&self) -> Account {
        self.keypair.public.to_bytes()
    }
}

impl Signer for DevAccount {
    fn hotkey(&self) -> Hotkey {
        Hotkey::from_account_id(self.account())
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.keypair.sign_simple(b"substrate", message).to_bytes()
    }
}

impl fmt::Debug for DevAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "//{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_have_the_addresses_that_everybody_knows() {
        for (name, address) in [
            ("Alice", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"),
            ("Bob", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"),
            ("Ferdie", "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"),
        ] {
            assert_eq!(DevAccount::new(name).hotkey().to_string(), address);
        }
    }
}
