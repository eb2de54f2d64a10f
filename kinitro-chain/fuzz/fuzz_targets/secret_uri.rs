//! Whatever is given for a secret URI: deriving a key must not panic, and the key signs.

#![no_main]

use kinitro_chain::Signer;
use kinitro_chain::wallet::{Keypair, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|uri: &str| {
    if let Ok(keypair) = Keypair::from_uri(uri) {
        assert!(verify(&keypair.hotkey(), b"kinitro", &keypair.sign(b"kinitro")));
    }
});
