//! Signing for an account.

use kinitro_core::Hotkey;

/// Signs in the name of an account. [`Keypair`](crate::wallet::Keypair) does so with a key in memory.
pub trait Signer: Send + Sync {
    /// The account that it signs for.
    fn hotkey(&self) -> Hotkey;

    /// The sr25519 signature of a message, in the signing context `substrate`.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}
