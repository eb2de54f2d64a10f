//! Secrets in hex.

use zeroize::Zeroizing;

/// Decodes exactly `N` bytes of hex, with or without `0x`.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let read = base16ct::mixed::decode(digits, bytes.as_mut()).ok()?.len();
    (read == N).then_some(bytes)
}
