//! Whatever is in a key file: reading it must not panic, what is read is a key that signs for the
//! address beside it, and no error has more than a few words in it.

#![no_main]

use kinitro_chain::Signer;
use kinitro_chain::wallet::{KeyFile, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match KeyFile::from_bytes(data) {
        Ok(KeyFile::Plain(key)) => {
            let account = key.account();
            if let Ok(keypair) = key.into_keypair() {
                assert_eq!(keypair.hotkey(), account);
                assert!(verify(&account, b"kinitro", &keypair.sign(b"kinitro")));
            }
        }
        // To open one takes seconds.
        Ok(_) => {}
        Err(error) => {
            let said = error.to_string();
            assert!(said.len() < 300 && !said.chars().any(char::is_control), "{said}");
        }
    }
});
