//! A commitment holds whatever its author likes: reading it must not panic, what is read is written
//! to what reads as the same, and errors are short and cannot disturb a terminal.

#![no_main]

use kinitro_chain::commitment::{MinerCommitment, Published};
use kinitro_core::{Hotkey, NetUid};
use kinitro_core::crypto::PrivateKey;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let published = match Published::from_bytes(data) {
        Ok(published) => published,
        Err(error) => {
            let said = error.to_string();
            assert!(said.len() < 700 && !said.chars().any(char::is_control), "{said}");
            return;
        }
    };
    let Some(commitment) = published.miner() else { return };
    assert_eq!(commitment.to_json().parse::<MinerCommitment>().as_ref(), Ok(commitment));
    let mut short = commitment.clone();
    short.revision = commitment.revision.short().parse().expect("a part of a commit is a revision");
    assert_eq!(commitment.to_text().parse(), Ok(short));
    if let Err(error) = commitment.data() {
        assert!(commitment.to_text().len() == error.length && error.part.is_some());
    }
    let backend = PrivateKey::from_hex(&"42".repeat(32)).expect("64 hex characters are a key");
    let opened = commitment.endpoint.open(&backend, NetUid(26), Hotkey::from_account_id([7; 32]));
    assert_eq!(commitment.endpoint.url().is_some(), opened.is_ok());
});
