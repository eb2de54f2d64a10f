use kinitro_core::Hotkey;

/// Who can sign for an account. [`Keypair`](crate::wallet::Keypair) does with a key in memory.
pub trait Signer: Send + Sync {
    /// The account.
    fn hotkey(&self) -> Hotkey;

    /// The sr25519 signature of a message, in the context `substrate`: 64 bytes.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}
