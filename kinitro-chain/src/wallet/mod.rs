//! Keys that sign, and the wallets they are kept in.
//!
//! Wallets are those of Bittensor: a folder a wallet, in which `coldkey` owns, `coldkeypub.txt` says
//! who owns, and `hotkeys/NAME` acts. A miner or a validator needs a hotkey only.
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
//! Keys, mnemonics, passwords and what is derived from them are zeroized when they are dropped, and
//! are in no error and no `Debug`. A key that is not encrypted and that others can read is refused.

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
