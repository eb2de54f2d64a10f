//! Signing keys, and Bittensor's wallet files.
//!
//! A wallet is a folder: `coldkey` is the key that owns the stake, `coldkeypub.txt` has its address,
//! and `hotkeys/NAME` are the keys that sign. A miner or a validator needs only a hotkey.
//!
//! ```no_run
//! use kinitro_chain::Signer;
//! use kinitro_chain::wallet::{NoPassword, Wallets};
//!
//! let hotkey = Wallets::standard()?.wallet("default")?.hotkey("default")?;
//! let keypair = hotkey.load(&NoPassword::because("this program does not ask"))?;
//! println!("{} signs", keypair.hotkey());
//! # Ok::<(), kinitro_chain::wallet::WalletError>(())
//! ```
//!
//! # Secrets
//! Keys, mnemonics, passwords and what is derived from them are zeroized when they are dropped. Errors
//! and `Debug` never show them. An unencrypted key that others can read is refused.

mod encryption;
mod error;
mod files;
mod hex;
mod key_file;
mod keypair;
mod mnemonic;
mod uri;

pub use error::{KeyFileError, KeypairError, WalletError};
pub use files::{KeySummary, NoPassword, Passwords, Protection, StoredKey, Wallet, Wallets};
pub use key_file::{EncryptedKey, KeyFile, PlainKey};
pub use keypair::{Keypair, verify};
pub use mnemonic::Mnemonic;
