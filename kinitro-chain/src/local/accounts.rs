//! The well-known accounts of development chains, for which anyone can sign.

use std::fmt;

use kinitro_core::{Coldkey, Hotkey};

use super::Account;
use crate::signer::Signer;
use crate::wallet::Keypair;

/// An account derived from Substrate's development phrase, such as `//Alice`. Its secret key is
/// publicly known: never let it own anything on a real chain.
#[derive(Clone)]
pub struct DevAccount {
    name: String,
    keypair: Keypair,
}

impl DevAccount {
    /// The accounts that start with one million TAO each.
    pub const FUNDED: [&'static str; 6] = ["Alice", "Bob", "Charlie", "Dave", "Eve", "Ferdie"];

    /// The account with this name: `Alice` for the account that wallets call `//Alice`.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), keypair: Keypair::development(name) }
    }

    /// `//Alice`, which owns the subnet and is its first neuron.
    pub fn alice() -> Self {
        Self::new("Alice")
    }

    /// `//Bob`.
    pub fn bob() -> Self {
        Self::new("Bob")
    }

    /// The account as a coldkey, for example as the owner of a hotkey.
    pub fn coldkey(&self) -> Coldkey {
        Coldkey::from_account_id(self.account())
    }

    pub(super) fn account(&self) -> Account {
        *self.keypair.hotkey().account_id()
    }
}

impl Signer for DevAccount {
    fn hotkey(&self) -> Hotkey {
        self.keypair.hotkey()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.keypair.sign(message)
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
