//! Keys that sign, and the wallets they are kept in.

mod keypair;
mod uri;

pub use keypair::{Keypair, KeypairError, Mnemonic, verify};
