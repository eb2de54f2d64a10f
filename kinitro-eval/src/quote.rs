//! What a message may quote of a stranger's bytes.

/// How much of what a stranger sent a message quotes, in characters.
const MAX_QUOTE: usize = 120;

/// What a message may quote of a stranger's bytes: one short line in which nothing can move a
/// cursor, ring a bell or turn text around.
pub(crate) fn quote(bytes: &[u8]) -> String {
    // No character is made of more than four bytes: what lies behind cannot come into the quote.
    let bytes = &bytes[..bytes.len().min(4 * (MAX_QUOTE + 1))];
    let mut quoted = String::new();
    let mut used = 0;
    for character in String::from_utf8_lossy(bytes).trim().chars() {
        let escaped: String = match character {
            '"' | '\'' => character.into(),
            _ => character.escape_debug().collect(),
        };
        used += escaped.chars().count();
        if used > MAX_QUOTE {
            quoted.push_str("...");
            break;
        }
        quoted.push_str(&escaped);
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_one_short_harmless_line() {
        assert_eq!(quote(br#" {"detail": "it's"} "#), r#"{"detail": "it's"}"#);
        assert_eq!(quote(b"a\x1b[2Jb\r\nc\x07\0"), "a\\u{1b}[2Jb\\r\\nc\\u{7}\\0");
        assert_eq!(quote("\u{202e}\u{2028}\u{9b}é".as_bytes()), "\\u{202e}\\u{2028}\\u{9b}é");
        let long = quote(&[b'x'; 500]);
        assert_eq!(long, format!("{}...", "x".repeat(120)));
        assert!(quote(&[0x1b; 500]).chars().count() <= 123);
        assert!(quote("🤖".repeat(500).as_bytes()).starts_with("🤖"));
        assert_eq!(quote(b"\xff"), "\u{fffd}");
    }
}
