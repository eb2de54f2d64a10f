//! Base85 with the alphabet of RFC 1924, as Python's `base64.b85encode` writes it.
//!
//! Four bytes, as a big-endian number, are five digits, the most significant first. Only whole
//! groups are needed here: what is written and read is 64 bytes long. A group that stands for more
//! than 32 bits is refused, so that no blob has two texts.

/// The digits, from 0 to 84.
const ALPHABET: &[u8; 85] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/// Why a text is not base85.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Base85Error {
    /// Not a whole number of groups.
    #[error("{0} characters are not base85: there must be a multiple of 5")]
    Length(usize),
    /// A character is not a base85 digit.
    #[error("character {0} is not a base85 digit of RFC 1924")]
    Digit(usize),
    /// Five digits that stand for more than four bytes hold.
    #[error("the five characters from character {0} on stand for more than 32 bits")]
    Overflow(usize),
}

/// The text of `bytes`: five characters for each four bytes.
///
/// # Panics
/// When the number of bytes is not a multiple of four.
pub(super) fn encode(bytes: &[u8]) -> String {
    let (groups, rest) = bytes.as_chunks::<4>();
    assert!(rest.is_empty(), "base85 is written in groups of four bytes");
    let digits = groups.iter().flat_map(|group| {
        let number = u32::from_be_bytes(*group);
        [85u32.pow(4), 85u32.pow(3), 85 * 85, 85, 1]
            .map(|place| char::from(ALPHABET[(number / place % 85) as usize]))
    });
    digits.collect()
}

/// The bytes that `text` stands for. Characters are counted from 1 in errors.
pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, Base85Error> {
    let (groups, rest) = text.as_chunks::<5>();
    if !rest.is_empty() {
        return Err(Base85Error::Length(text.len()));
    }
    let mut bytes = Vec::with_capacity(groups.len() * 4);
    for (i, group) in groups.iter().enumerate() {
        let mut number = 0u64;
        for (j, character) in group.iter().enumerate() {
            let digit = ALPHABET.iter().position(|digit| digit == character);
            let digit = digit.ok_or(Base85Error::Digit(5 * i + j + 1))?;
            number = number * 85 + digit as u64;
        }
        let number = u32::try_from(number).map_err(|_| Base85Error::Overflow(5 * i + 1))?;
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_python() {
        // From CPython: base64.b85encode(...).
        assert_eq!(encode(b""), "");
        assert_eq!(encode(&[0, 0, 0, 0, 255, 255, 255, 255]), "00000|NsC0");
        assert_eq!(encode(b"kinitro!"), "YiVw2baHPY");
        assert_eq!(decode(b"|NsC0").unwrap(), [255; 4]);
    }

    #[test]
    fn what_is_not_base85_is_refused_and_where_is_said() {
        assert_eq!(decode(b"0000"), Err(Base85Error::Length(4)));
        assert_eq!(decode(b"000000 000"), Err(Base85Error::Digit(7)));
        assert_eq!(decode(b"00000000\"0"), Err(Base85Error::Digit(9)));
        assert_eq!(decode("0000é".as_bytes()), Err(Base85Error::Length(6)));
        // One more than 2^32 - 1.
        assert_eq!(decode(b"00000|NsC1"), Err(Base85Error::Overflow(6)));
        assert_eq!(decode(b"~~~~~"), Err(Base85Error::Overflow(1)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(groups in prop::collection::vec(any::<[u8; 4]>(), 0..32)) {
            let bytes = groups.concat();
            prop_assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }

        #[test]
        fn a_text_has_one_spelling(text in "[!-~]{5}|[!-~]{10}") {
            if let Ok(bytes) = decode(text.as_bytes()) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
