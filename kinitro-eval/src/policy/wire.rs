//! The bodies that policy servers and their clients exchange, and the two formats they are encoded
//! in.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How deeply lists and maps may be nested in a body: the limit of `serde_json`, far more than an
/// observation or an action needs. Without it a hostile MessagePack body exhausts the stack.
const MAX_DEPTH: usize = 128;

/// The body of `POST /reset`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object with the key `task_config`")]
pub(super) struct ResetRequest<T> {
    pub(super) task_config: T,
}

/// The body of `POST /act`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object with the key `obs`")]
pub(super) struct ActRequest<T> {
    pub(super) obs: T,
}

/// The answer to `POST /act`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "an object with the key `action`")]
pub(super) struct ActAnswer<T> {
    pub(super) action: T,
}

/// A format of bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    MessagePack,
}

impl Format {
    /// The media type for `Content-Type` and `Accept`.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MessagePack => "application/msgpack",
        }
    }

    /// The name to use in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::MessagePack => "MessagePack",
        }
    }

    /// The format that a `Content-Type` names; `None` if it is neither.
    pub(super) fn from_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => {
                Some(Self::MessagePack)
            }
            _ => None,
        }
    }

    /// Encodes a body. Fails only for a value that the format cannot represent.
    pub(super) fn encode(self, body: &impl Serialize) -> Result<Vec<u8>, EncodeError> {
        Ok(match self {
            Self::Json => serde_json::to_vec(body)?,
            Self::MessagePack => rmp_serde::to_vec_named(body)?,
        })
    }

    /// Decodes a body.
    pub(super) fn decode<T: DeserializeOwned>(self, body: &[u8]) -> Result<T, DecodeError> {
        match self {
            Self::Json => decode_json(body),
            Self::MessagePack => decode_message_pack(body),
        }
    }
}

/// Why a body could not be encoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum EncodeError {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    MessagePack(#[from] rmp_serde::encode::Error),
}

/// Why a body could not be decoded. Messages may quote the body.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum DecodeError {
    /// The bytes are malformed.
    #[error("{0}")]
    Malformed(String),
    /// JSON with a bare `NaN` or `Infinity`, which Python writes but no standard allows.
    #[error("JSON has neither NaN nor infinity")]
    NotFinite,
    /// The bytes are well-formed, but their content is not what was expected.
    #[error("{0}")]
    Mismatch(String),
}

fn decode_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    serde_json::from_slice(body).map_err(|error| {
        if error.is_data() {
            DecodeError::Mismatch(error.to_string())
        } else if error.is_syntax() && has_python_float_at(body, error.line(), error.column()) {
            DecodeError::NotFinite
        } else {
            DecodeError::Malformed(error.to_string())
        }
    })
}

/// Whether the text at which a JSON parser failed, at `line` and `column` counted from one, is
/// `NaN`, `Infinity` or `-Infinity`.
fn has_python_float_at(body: &[u8], line: usize, column: usize) -> bool {
    let newlines = body.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let line_start = match line {
        0 | 1 => 0,
        _ => newlines.map(|(at, _)| at + 1).nth(line - 2).unwrap_or(body.len()),
    };
    // Parsers point either at the offending byte or just past it.
    let column = line_start + column;
    (column.saturating_sub(2)..=column)
        .filter_map(|at| body.get(at..))
        .any(|rest| rest.starts_with(b"NaN") || rest.starts_with(b"Infinity"))
}

fn decode_message_pack<T: DeserializeOwned>(body: &[u8]) -> Result<T, DecodeError> {
    use rmp_serde::decode::Error;

    let mut rest = body;
    let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
    deserializer.set_max_depth(MAX_DEPTH);
    let value = T::deserialize(&mut deserializer).map_err(|error| match error {
        Error::Syntax(_)
        | Error::TypeMismatch(_)
        | Error::OutOfRange
        | Error::LengthMismatch(_) => DecodeError::Mismatch(error.to_string()),
        _ => DecodeError::Malformed(error.to_string()),
    })?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(DecodeError::Malformed(format!("{} bytes too many at the end", rest.len())))
    }
}

#[cfg(test)]
mod tests {
    use kinitro_core::Action;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn content_types_are_known_with_their_parameters() {
        let of = Format::from_content_type;
        assert_eq!(of("application/json; charset=utf-8"), Some(Format::Json));
        assert_eq!(of("Application/X-MsgPack"), Some(Format::MessagePack));
        assert_eq!(of("text/html"), None);
        assert_eq!(of(""), None);
    }

    #[test]
    fn what_python_writes_for_nan_and_infinity_is_told_from_other_garbage() {
        let decode = |text: &str| Format::Json.decode::<ActAnswer<Action>>(text.as_bytes());
        for number in ["NaN", "Infinity", "-Infinity"] {
            for text in [
                format!(r#"{{"action": {{"continuous": {{"gripper": [{number}]}}}}}}"#),
                format!(
                    "{{\n \"action\": {{\"continuous\": {{\n\"gripper\":\n\n[0.5, {number}, 1]}}}}}}"
                ),
                format!(r#"{{"action": {{"extra": {{"value": {number}}}}}}}"#),
            ] {
                assert_eq!(decode(&text).unwrap_err(), DecodeError::NotFinite, "{text}");
            }
        }
        for text in ["", "Nonsense", "{", "{\"action\": None}", "nan"] {
            let error = decode(text).unwrap_err();
            assert!(matches!(error, DecodeError::Malformed(_)), "{text}: {error:?}");
        }
    }

    #[test]
    fn what_fits_the_format_and_not_the_protocol_is_a_mismatch() {
        let packed = rmp_serde::to_vec_named(&serde_json::json!({"act": 1})).unwrap();
        for (format, body) in [
            (Format::Json, &br#"{"act": 1}"#[..]),
            (Format::Json, br#"{"action": {"speed": []}}"#),
            (Format::MessagePack, &packed),
            (Format::MessagePack, b"\xc0"),
        ] {
            let error = format.decode::<ActAnswer<Action>>(body).unwrap_err();
            assert!(matches!(error, DecodeError::Mismatch(_)), "{error:?}");
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        // {"action": {"extra": {"a": [[[[...
        let mut packed = b"\x81\xa6action\x81\xa5extra\x81\xa1a".to_vec();
        packed.extend([0x91; 60_000]);
        let mut ignored = b"\x81\xa1a".to_vec();
        ignored.extend([0x91; 60_000]);
        for body in [packed, ignored] {
            let error = Format::MessagePack.decode::<ActAnswer<Action>>(&body).unwrap_err();
            assert_eq!(error, DecodeError::Malformed("depth limit exceeded".to_owned()));
        }
    }

    #[test]
    fn a_second_value_behind_the_first_is_malformed() {
        let mut packed = rmp_serde::to_vec_named(&ActAnswer { action: Action::new() }).unwrap();
        Format::MessagePack.decode::<ActAnswer<Action>>(&packed).unwrap();
        packed.push(0xc0);
        let error = Format::MessagePack.decode::<ActAnswer<Action>>(&packed).unwrap_err();
        assert!(matches!(error, DecodeError::Malformed(_)), "{error:?}");
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(body: Vec<u8>, in_json: bool) {
            let format = if in_json { Format::Json } else { Format::MessagePack };
            let _ = format.decode::<ActAnswer<Action>>(&body);
        }
    }
}
