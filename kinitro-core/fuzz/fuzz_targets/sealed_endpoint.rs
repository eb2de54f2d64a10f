//! A commitment holds whatever its author likes: reading and opening a sealed endpoint must not
//! panic, and a text that is read has no second spelling.

#![no_main]

use kinitro_core::{Hotkey, NetUid};
use kinitro_core::crypto::{Open, OpenV1, OpenV2, PrivateKey, SealedEndpoint};
use libfuzzer_sys::fuzz_target;

fn open(sealed: &SealedEndpoint) {
    let backend = PrivateKey::from_hex(&"42".repeat(32)).expect("64 hex characters are a key");
    let hotkey = Hotkey::from_account_id([7; 32]);
    let _ = OpenV1 { backend: &backend }.open(sealed);
    let _ = OpenV2 { backend: &backend, netuid: NetUid(26), hotkey }.open(sealed);
}

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(sealed) = text.parse::<SealedEndpoint>()
    {
        assert_eq!(sealed.to_string(), text);
        open(&sealed);
    }
    if let Ok(bytes) = data.try_into() {
        let sealed = SealedEndpoint::from_bytes(bytes);
        assert_eq!(sealed.to_string().parse(), Ok(sealed));
        open(&sealed);
    }
});
