//! Values with named fields, encoded and decoded as the types that the metadata gives them.
//!
//! `scale-value` requires every field of a type. This module writes missing fields as zero, so one
//! implementation works with the metadata of many runtimes, and it keeps bytes as bytes.

use std::fmt;

use kinitro_core::NetUid;
use parity_scale_codec::{Compact, Decode, Encode as _, Input};
use scale_info::form::PortableForm;
use scale_info::{Field, PortableRegistry, TypeDef, TypeDefPrimitive};

/// A value without its type. A struct or tuple with a single field is represented by that field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// Zero, an empty list, `None` or the first variant, depending on the type.
    Zero,
    /// A non-negative integer of any width, compact or not.
    Number(u128),
    /// A negative integer.
    Negative(i128),
    Bool(bool),
    Text(String),
    /// A list of bytes; an account is 32 of them.
    Bytes(Vec<u8>),
    /// A list, a tuple, or a struct whose fields have no names.
    List(Vec<Value>),
    Record(Vec<(String, Value)>),
    Variant(String, Box<Value>),
}

/// A value that cannot be encoded as the given type, or bytes that cannot be decoded as it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Mismatch(String);

impl Mismatch {
    pub(super) fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl From<parity_scale_codec::Error> for Mismatch {
    fn from(error: parity_scale_codec::Error) -> Self {
        Self::new(error)
    }
}

impl Value {
    /// A struct. Fields of its type that are missing here are written as zero.
    pub(super) fn record<const N: usize>(fields: [(&str, Self); N]) -> Self {
        Self::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    pub(super) fn list(values: impl IntoIterator<Item = impl Into<Self>>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }

    pub(super) fn tuple<const N: usize>(values: [Self; N]) -> Self {
        Self::List(values.into())
    }

    pub(super) fn variant(name: &str, value: impl Into<Self>) -> Self {
        Self::Variant(name.to_owned(), Box::new(value.into()))
    }

    /// The unit value, also used for a variant without fields.
    pub(super) fn nothing() -> Self {
        Self::List(Vec::new())
    }

    /// The field with this name, if this is a struct that has it.
    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Record(fields) = self else { return None };
        fields.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    pub(super) fn as_u128(&self) -> Option<u128> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn as_u64(&self) -> Option<u64> {
        self.as_u128()?.try_into().ok()
    }

    pub(super) fn as_u16(&self) -> Option<u16> {
        self.as_u128()?.try_into().ok()
    }

    pub(super) fn as_netuid(&self) -> Option<NetUid> {
        self.as_u16().map(NetUid)
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn as_account(&self) -> Option<[u8; 32]> {
        self.as_bytes()?.try_into().ok()
    }

    pub(super) fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    pub(super) fn as_u16s(&self) -> Option<Vec<u16>> {
        self.as_list()?.iter().map(Self::as_u16).collect()
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(value: [u8; N]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

macro_rules! from_numbers {
    ($($number:ty)*) => {$(
        impl From<$number> for Value {
            fn from(value: $number) -> Self {
                Self::Number(value.into())
            }
        }
    )*};
}

from_numbers!(u8 u16 u32 u64 u128);

impl From<NetUid> for Value {
    fn from(netuid: NetUid) -> Self {
        netuid.0.into()
    }
}

/// Encodes a value as type `ty`. A missing value is written as zero, an empty list, `None` or the
/// first variant. An `Option` accepts the bare value, and the bytes of a name accept a text.
pub(super) fn encode(
    types: &PortableRegistry,
    ty: u32,
    given: Option<&Value>,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let given = given.filter(|given| **given != Value::Zero);
    let resolved = resolve(types, ty)?;
    match &resolved.type_def {
        TypeDef::Composite(composite) => encode_fields(types, &composite.fields, given, out),
        TypeDef::Tuple(tuple) => {
            let given = fields_in_order(given, tuple.fields.len())?;
            tuple
                .fields
                .iter()
                .zip(given)
                .try_for_each(|(field, given)| encode(types, field.id, given, out))
        }
        TypeDef::Variant(variants) => {
            let is_option = resolved.path.segments == ["Option"];
            let (name, given) = match given {
                Some(Value::Variant(name, fields)) => (name.as_str(), Some(fields.as_ref())),
                Some(given) if is_option => ("Some", Some(given)),
                Some(_) => return Err(mismatch("a variant", given)),
                None if is_option => ("None", None),
                None => {
                    (variants.variants.first().map_or("", |variant| variant.name.as_str()), None)
                }
            };
            let variant = variants
                .variants
                .iter()
                .find(|variant| variant.name == name)
                .ok_or_else(|| Mismatch::new(format_args!("there is no variant {name}")))?;
            out.push(variant.index);
            if variant.fields.is_empty() {
                return Ok(());
            }
            encode_fields(types, &variant.fields, given, out)
        }
        TypeDef::Sequence(sequence) => match given {
            None => {
                out.push(0);
                Ok(())
            }
            Some(Value::List(values)) => {
                Compact(values.len() as u64).encode_to(out);
                values
                    .iter()
                    .try_for_each(|value| encode(types, sequence.type_param.id, Some(value), out))
            }
            Some(given) => {
                let bytes = match given {
                    Value::Bytes(bytes) => bytes,
                    Value::Text(text) => text.as_bytes(),
                    _ => return Err(mismatch("a list", Some(given))),
                };
                Compact(bytes.len() as u64).encode_to(out);
                encode_bytes(types, sequence.type_param.id, bytes, out)
            }
        },
        TypeDef::Array(array) => {
            let length = array.len as usize;
            match given {
                Some(Value::Bytes(bytes)) if bytes.len() == length => {
                    encode_bytes(types, array.type_param.id, bytes, out)
                }
                Some(Value::List(values)) if values.len() == length => values
                    .iter()
                    .try_for_each(|value| encode(types, array.type_param.id, Some(value), out)),
                Some(_) => Err(mismatch("an array of that length", given)),
                None => (0..length).try_for_each(|_| encode(types, array.type_param.id, None, out)),
            }
        }
        TypeDef::Primitive(primitive) => encode_primitive(primitive, given, out),
        TypeDef::Compact(compact) => match given {
            None if is_unit(types, compact.type_param.id) => Ok(()),
            None => {
                Compact(0_u8).encode_to(out);
                Ok(())
            }
            Some(Value::Number(number)) => {
                Compact(*number).encode_to(out);
                Ok(())
            }
            Some(_) => Err(mismatch("a number", given)),
        },
        TypeDef::BitSequence(_) => {
            out.push(0);
            Ok(())
        }
    }
}

/// Decodes a value of type `ty` from the start of `input`.
pub(super) fn decode(
    types: &PortableRegistry,
    ty: u32,
    input: &mut &[u8],
) -> Result<Value, Mismatch> {
    Ok(match &resolve(types, ty)?.type_def {
        TypeDef::Composite(composite) => decode_fields(types, &composite.fields, input)?,
        TypeDef::Tuple(tuple) => match &tuple.fields[..] {
            [only] => decode(types, only.id, input)?,
            fields => {
                let fields = fields.iter().map(|field| decode(types, field.id, input));
                Value::List(fields.collect::<Result<_, _>>()?)
            }
        },
        TypeDef::Variant(variants) => {
            let index = input.read_byte()?;
            let variant = variants
                .variants
                .iter()
                .find(|variant| variant.index == index)
                .ok_or_else(|| Mismatch::new(format_args!("there is no variant {index}")))?;
            let fields = decode_fields(types, &variant.fields, input)?;
            Value::Variant(variant.name.clone(), Box::new(fields))
        }
        TypeDef::Sequence(sequence) => {
            let length = Compact::<u32>::decode(input)?.0 as usize;
            decode_items(types, sequence.type_param.id, length, input)?
        }
        TypeDef::Array(array) => {
            decode_items(types, array.type_param.id, array.len as usize, input)?
        }
        TypeDef::Primitive(primitive) => decode_primitive(primitive, input)?,
        TypeDef::Compact(compact) if is_unit(types, compact.type_param.id) => Value::nothing(),
        TypeDef::Compact(_) => Value::Number(Compact::<u128>::decode(input)?.0),
        TypeDef::BitSequence(_) => return Err(Mismatch::new("bit sequences are not supported")),
    })
}

fn resolve(types: &PortableRegistry, ty: u32) -> Result<&scale_info::Type<PortableForm>, Mismatch> {
    types.resolve(ty).ok_or_else(|| Mismatch::new(format_args!("the metadata has no type {ty}")))
}

fn mismatch(wanted: &str, given: Option<&Value>) -> Mismatch {
    Mismatch::new(format_args!("{given:?} is not {wanted}"))
}

/// The values of `length` fields, in order: a bare value belongs to a single field, and with no
/// value every field is zero (`None`).
fn fields_in_order(given: Option<&Value>, length: usize) -> Result<Vec<Option<&Value>>, Mismatch> {
    match given {
        None | Some(Value::Zero) => Ok(vec![None; length]),
        Some(_) if length == 1 => Ok(vec![given]),
        Some(Value::List(values)) if values.len() == length => {
            Ok(values.iter().map(Some).collect())
        }
        Some(_) => Err(Mismatch::new(format_args!("{given:?} are not {length} values"))),
    }
}

fn encode_fields(
    types: &PortableRegistry,
    fields: &[Field<PortableForm>],
    given: Option<&Value>,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let by_name = |field: &Field<PortableForm>| given?.field(field.name.as_deref()?);
    if matches!(given, Some(Value::Record(_)))
        && (fields.len() != 1 || fields.iter().any(|field| by_name(field).is_some()))
    {
        return fields.iter().try_for_each(|field| encode(types, field.ty.id, by_name(field), out));
    }
    let given = fields_in_order(given, fields.len())?;
    fields.iter().zip(given).try_for_each(|(field, given)| encode(types, field.ty.id, given, out))
}

fn decode_fields(
    types: &PortableRegistry,
    fields: &[Field<PortableForm>],
    input: &mut &[u8],
) -> Result<Value, Mismatch> {
    if let [only] = fields {
        return decode(types, only.ty.id, input);
    }
    if fields.iter().all(|field| field.name.is_some()) && !fields.is_empty() {
        let fields = fields.iter().map(|field| {
            Ok((field.name.clone().unwrap_or_default(), decode(types, field.ty.id, input)?))
        });
        return Ok(Value::Record(fields.collect::<Result<_, Mismatch>>()?));
    }
    let fields = fields.iter().map(|field| decode(types, field.ty.id, input));
    Ok(Value::List(fields.collect::<Result<_, _>>()?))
}

fn encode_bytes(
    types: &PortableRegistry,
    item: u32,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    if is_byte(types, item) {
        out.extend_from_slice(bytes);
        return Ok(());
    }
    // Some types declare names as lists of compact bytes.
    bytes.iter().try_for_each(|byte| encode(types, item, Some(&Value::from(*byte)), out))
}

fn decode_items(
    types: &PortableRegistry,
    item: u32,
    length: usize,
    input: &mut &[u8],
) -> Result<Value, Mismatch> {
    if is_byte(types, item) {
        let (bytes, rest) = input
            .split_at_checked(length)
            .ok_or_else(|| Mismatch::new("there are fewer bytes than announced"))?;
        *input = rest;
        return Ok(Value::Bytes(bytes.to_vec()));
    }
    // Reserve nothing up front: the length comes from the sender, who may not send the items.
    let mut values = Vec::new();
    for _ in 0..length {
        if input.is_empty() && !is_unit(types, item) {
            return Err(Mismatch::new("there are fewer items than announced"));
        }
        values.push(decode(types, item, input)?);
    }
    Ok(Value::List(values))
}

fn encode_primitive(
    primitive: &TypeDefPrimitive,
    given: Option<&Value>,
    out: &mut Vec<u8>,
) -> Result<(), Mismatch> {
    let width = match primitive {
        TypeDefPrimitive::Bool => {
            out.push(match given {
                None => 0,
                Some(Value::Bool(flag)) => u8::from(*flag),
                Some(_) => return Err(mismatch("true or false", given)),
            });
            return Ok(());
        }
        TypeDefPrimitive::Str => {
            match given {
                None => out.push(0),
                Some(Value::Text(text)) => text.encode_to(out),
                Some(_) => return Err(mismatch("a text", given)),
            }
            return Ok(());
        }
        primitive => width(primitive),
    };
    let value = match given {
        None => 0,
        Some(Value::Number(number)) => *number,
        // All signed integers are encoded in two's complement.
        Some(Value::Negative(number)) => *number as u128,
        Some(_) => return Err(mismatch("a number", given)),
    };
    let little_endian = value.to_le_bytes();
    let (low, high) = little_endian.split_at(width.min(16));
    let beyond = if matches!(given, Some(Value::Negative(_))) { 0xff } else { 0 };
    if high.iter().any(|byte| *byte != beyond) {
        return Err(Mismatch::new(format_args!("{given:?} does not fit into {width} bytes")));
    }
    out.extend_from_slice(low);
    out.resize(out.len() + width - low.len(), beyond);
    Ok(())
}

fn decode_primitive(primitive: &TypeDefPrimitive, input: &mut &[u8]) -> Result<Value, Mismatch> {
    let is_signed = match primitive {
        TypeDefPrimitive::Bool => return Ok(Value::Bool(bool::decode(input)?)),
        TypeDefPrimitive::Str => return Ok(Value::Text(String::decode(input)?)),
        TypeDefPrimitive::U256 | TypeDefPrimitive::I256 => {
            return Ok(Value::Bytes(<[u8; 32]>::decode(input)?.to_vec()));
        }
        TypeDefPrimitive::I8
        | TypeDefPrimitive::I16
        | TypeDefPrimitive::I32
        | TypeDefPrimitive::I64
        | TypeDefPrimitive::I128 => true,
        _ => false,
    };
    let width = width(primitive);
    let mut little_endian = [0; 16];
    input.read(&mut little_endian[..width])?;
    if is_signed && little_endian[width - 1] & 0x80 != 0 {
        little_endian[width..].fill(0xff);
        return Ok(Value::Negative(i128::from_le_bytes(little_endian)));
    }
    Ok(Value::Number(u128::from_le_bytes(little_endian)))
}

/// The size of a number in bytes.
fn width(primitive: &TypeDefPrimitive) -> usize {
    match primitive {
        TypeDefPrimitive::U8 | TypeDefPrimitive::I8 => 1,
        TypeDefPrimitive::U16 | TypeDefPrimitive::I16 => 2,
        TypeDefPrimitive::U64 | TypeDefPrimitive::I64 => 8,
        TypeDefPrimitive::U128 | TypeDefPrimitive::I128 => 16,
        TypeDefPrimitive::U256 | TypeDefPrimitive::I256 => 32,
        _ => 4,
    }
}

fn is_byte(types: &PortableRegistry, ty: u32) -> bool {
    let ty = types.resolve(ty).map(|ty| &ty.type_def);
    matches!(ty, Some(TypeDef::Primitive(TypeDefPrimitive::U8)))
}

fn is_unit(types: &PortableRegistry, ty: u32) -> bool {
    let ty = types.resolve(ty).map(|ty| &ty.type_def);
    matches!(ty, Some(TypeDef::Tuple(tuple)) if tuple.fields.is_empty())
}

#[cfg(test)]
mod tests {
    use scale_info::{MetaType, Registry, TypeInfo};

    use super::*;

    #[derive(parity_scale_codec::Encode, TypeInfo)]
    struct Wrapper([u8; 4]);

    #[derive(parity_scale_codec::Encode, TypeInfo)]
    enum Kind {
        #[codec(index = 3)]
        Plain,
        #[codec(index = 7)]
        Named { at: u64, by: Wrapper },
    }

    #[derive(parity_scale_codec::Encode, TypeInfo)]
    struct Everything {
        #[codec(compact)]
        small: u16,
        signed: i64,
        flag: bool,
        name: String,
        raw: Vec<u8>,
        pairs: Vec<(u16, Option<u32>)>,
        kind: Kind,
        other: Kind,
    }

    fn everything() -> (PortableRegistry, u32) {
        let mut registry = Registry::new();
        let ty = registry.register_type(&MetaType::new::<Everything>()).id;
        (registry.into(), ty)
    }

    #[test]
    fn values_are_written_by_name_and_read_back() {
        let (types, ty) = everything();
        let real = Everything {
            small: 700,
            signed: -5,
            flag: true,
            name: "é".to_owned(),
            raw: vec![1, 2],
            pairs: vec![(1, None), (2, Some(3))],
            kind: Kind::Named { at: 9, by: Wrapper([1, 2, 3, 4]) },
            other: Kind::Plain,
        }
        .encode();
        let value = Value::record([
            ("raw", Value::Bytes(vec![1, 2])),
            ("small", Value::Number(700)),
            ("signed", Value::Negative(-5)),
            ("flag", Value::Bool(true)),
            ("name", Value::from("é")),
            (
                "pairs",
                Value::list([
                    Value::tuple([1_u16.into(), Value::variant("None", Value::nothing())]),
                    Value::tuple([2_u16.into(), Value::Number(3)]),
                ]),
            ),
            (
                "kind",
                Value::variant(
                    "Named",
                    Value::record([("by", [1, 2, 3, 4].into()), ("at", 9_u8.into())]),
                ),
            ),
            ("unknown", Value::Bool(false)),
        ]);
        let mut written = Vec::new();
        encode(&types, ty, Some(&value), &mut written).unwrap();
        assert_eq!(written, real);

        let mut input = &real[..];
        let read = decode(&types, ty, &mut input).unwrap();
        assert!(input.is_empty());
        let mut again = Vec::new();
        encode(&types, ty, Some(&read), &mut again).unwrap();
        assert_eq!(again, real);
        assert_eq!(read.field("signed"), Some(&Value::Negative(-5)));
    }

    #[test]
    fn what_is_not_given_is_zero() {
        let (types, ty) = everything();
        let mut written = Vec::new();
        encode(&types, ty, None, &mut written).unwrap();
        let zero = Everything {
            small: 0,
            signed: 0,
            flag: false,
            name: String::new(),
            raw: vec![],
            pairs: vec![],
            kind: Kind::Plain,
            other: Kind::Plain,
        };
        assert_eq!(written, zero.encode());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let (types, ty) = everything();
        for (name, value) in [
            ("signed", Value::Number(1 << 64)),
            ("flag", Value::Number(1)),
            ("raw", Value::Bool(true)),
            ("kind", Value::variant("Nobody", Value::nothing())),
            ("kind", Value::variant("Named", Value::record([("by", [1, 2].into())]))),
        ] {
            let value = Value::Record(vec![(name.to_owned(), value)]);
            assert!(encode(&types, ty, Some(&value), &mut Vec::new()).is_err(), "{value:?}");
        }
        let mut length_of_4_gib: &[u8] = &[0x03, 0xff, 0xff, 0xff, 0xff];
        let bytes = {
            let mut registry = Registry::new();
            let ty = registry.register_type(&MetaType::new::<Vec<(u16, u16)>>()).id;
            (PortableRegistry::from(registry), ty)
        };
        assert!(decode(&bytes.0, bytes.1, &mut length_of_4_gib).is_err());
    }
}
