//! Parses the notation that describes the chain's own runtime: types, pallets with their storage,
//! calls, events and errors, and runtime functions, in a Rust-like shorthand.
//!
//! ```text
//! struct frame_system::EventRecord { phase: Phase, event: RuntimeEvent, topics: Vec<H256> }
//! pallet Commitments = 18 pallet_commitments::pallet {
//!     storage LastCommitment[Identity u16, Twox64Concat AccountId32]: u32?
//!     storage MaxSpace: u32 = 3100
//!     call set_commitment = 0 { netuid: u16, info: CommitmentInfo }
//! }
//! ```
//!
//! A storage item marked `?` is initially empty, and a value after `=` is its initial value;
//! otherwise it starts as zero. Types are referred to by the last segment of their path.

use std::fmt;

/// A parsed schema.
#[derive(Debug, Default)]
pub(super) struct Schema {
    pub(super) types: Vec<Declaration>,
    pub(super) pallets: Vec<Pallet>,
    /// For each extension: its identifier, its type in the transaction, and the type it adds to the
    /// signed message.
    pub(super) extensions: Vec<(String, Type, Type)>,
    pub(super) apis: Vec<Api>,
}

#[derive(Debug)]
pub(super) struct Declaration {
    pub(super) path: Vec<String>,
    pub(super) shape: Shape,
}

#[derive(Debug)]
pub(super) enum Shape {
    Struct(Fields),
    Enum(Vec<Variant>),
}

/// Fields, named or unnamed.
pub(super) type Fields = Vec<(Option<String>, Type)>;

#[derive(Debug)]
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) index: u8,
    pub(super) fields: Fields,
}

#[derive(Debug, Clone)]
pub(super) enum Type {
    Named(String),
    Tuple(Vec<Self>),
    Array(Box<Self>, u32),
    /// `Vec`, `Option` or `Compact`, with its type argument.
    Of(&'static str, Box<Self>),
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(name),
            Self::Array(item, length) => write!(f, "[{item}; {length}]"),
            Self::Of(of, item) => write!(f, "{of}<{item}>"),
            Self::Tuple(items) => {
                let items: Vec<String> = items.iter().map(Self::to_string).collect();
                write!(f, "({})", items.join(", "))
            }
        }
    }
}

#[derive(Debug)]
pub(super) struct Pallet {
    pub(super) name: String,
    pub(super) index: u8,
    pub(super) path: Vec<String>,
    pub(super) storage: Vec<Storage>,
    pub(super) constants: Vec<(String, Type, Initial)>,
    pub(super) calls: Vec<Variant>,
    pub(super) events: Vec<Variant>,
    pub(super) errors: Vec<Variant>,
}

#[derive(Debug)]
pub(super) struct Storage {
    pub(super) name: String,
    /// The hasher and type of each key.
    pub(super) keys: Vec<(String, Type)>,
    pub(super) value: Type,
    /// The initial value; `None` if the item is empty at first.
    pub(super) initial: Option<Initial>,
}

/// A value written in the schema.
#[derive(Debug)]
pub(super) enum Initial {
    Zero,
    Number(u128),
    Bool(bool),
    /// The encoded value.
    Encoded(Vec<u8>),
}

#[derive(Debug)]
pub(super) struct Api {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) methods: Vec<Method>,
}

#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) inputs: Vec<(String, Type)>,
    pub(super) output: Type,
}

/// A schema that cannot be parsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the schema: {message}")]
pub(super) struct SchemaError {
    line: usize,
    message: String,
}

type Parsed<T> = Result<T, SchemaError>;

/// Parses a schema.
pub(super) fn parse(text: &str) -> Parsed<Schema> {
    let mut reader = Reader { rest: text, text };
    let mut schema = Schema::default();
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return Ok(schema);
        }
        match reader.word()?.as_str() {
            "struct" => {
                let path = reader.path()?;
                let shape = Shape::Struct(reader.fields()?);
                schema.types.push(Declaration { path, shape });
            }
            "enum" => {
                let path = reader.path()?;
                let shape = Shape::Enum(reader.variants()?);
                schema.types.push(Declaration { path, shape });
            }
            "pallet" => schema.pallets.push(reader.pallet()?),
            "extension" => {
                let name = reader.word()?;
                reader.expect(":")?;
                let sent = reader.ty()?;
                reader.expect("/")?;
                schema.extensions.push((name, sent, reader.ty()?));
            }
            "api" => schema.apis.push(reader.api()?),
            other => return Err(reader.error(format_args!("`{other}` is no kind of item"))),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn error(&self, message: impl fmt::Display) -> SchemaError {
        let read = &self.text[..self.text.len() - self.rest.len()];
        SchemaError { line: read.lines().count().max(1), message: message.to_string() }
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) {
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.strip_prefix('#') {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => return,
            }
        }
    }

    /// Consumes `symbol` if it comes next, and returns whether it did.
    fn take(&mut self, symbol: &str) -> bool {
        self.skip_blank();
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expect(&mut self, symbol: &str) -> Parsed<()> {
        if self.take(symbol) {
            return Ok(());
        }
        Err(self.error(format_args!("`{symbol}` is missing")))
    }

    fn peek(&mut self) -> &'a str {
        self.skip_blank();
        let end = self.rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        &self.rest[..end.unwrap_or(self.rest.len())]
    }

    fn word(&mut self) -> Parsed<String> {
        match self.peek() {
            "" => Err(self.error("a name is missing")),
            word => {
                self.rest = &self.rest[word.len()..];
                Ok(word.to_owned())
            }
        }
    }

    fn number<T: std::str::FromStr>(&mut self) -> Parsed<T> {
        let word = self.word()?;
        word.parse().map_err(|_| self.error(format_args!("`{word}` is no such number")))
    }

    fn path(&mut self) -> Parsed<Vec<String>> {
        let mut path = vec![self.word()?];
        while self.take("::") {
            path.push(self.word()?);
        }
        Ok(path)
    }

    /// A comma-separated list up to `end`; a trailing comma is allowed.
    fn list<T>(
        &mut self,
        end: &str,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        let mut items = Vec::new();
        while !self.take(end) {
            items.push(item(self)?);
            if !self.take(",") {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    fn ty(&mut self) -> Parsed<Type> {
        if self.take("(") {
            return Ok(Type::Tuple(self.list(")", Self::ty)?));
        }
        if self.take("[") {
            let item = self.ty()?;
            self.expect(";")?;
            let length = self.number()?;
            self.expect("]")?;
            return Ok(Type::Array(Box::new(item), length));
        }
        let name = self.word()?;
        let Some(of) = ["Vec", "Option", "Compact"].into_iter().find(|of| *of == name) else {
            return Ok(Type::Named(name));
        };
        self.expect("<")?;
        let item = self.ty()?;
        self.expect(">")?;
        Ok(Type::Of(of, Box::new(item)))
    }

    fn named(&mut self) -> Parsed<(String, Type)> {
        let name = self.word()?;
        self.expect(":")?;
        Ok((name, self.ty()?))
    }

    /// `{ name: Type }`, `(Type)` or nothing.
    fn fields(&mut self) -> Parsed<Fields> {
        if self.take("{") {
            let fields = self.list("}", Self::named)?;
            return Ok(fields.into_iter().map(|(name, ty)| (Some(name), ty)).collect());
        }
        if self.take("(") {
            let fields = self.list(")", Self::ty)?;
            return Ok(fields.into_iter().map(|ty| (None, ty)).collect());
        }
        Ok(Vec::new())
    }

    fn variants(&mut self) -> Parsed<Vec<Variant>> {
        self.expect("{")?;
        Ok(self.list("}", Self::variant_range)?.into_iter().flatten().collect())
    }

    fn variant(&mut self) -> Parsed<Variant> {
        let name = self.word()?;
        self.expect("=")?;
        Ok(Variant { name, index: self.number()?, fields: self.fields()? })
    }

    /// A variant, or a range such as `Raw0..=128 = 1`: 129 variants, each holding an array of as
    /// many bytes as its number unless fields are given.
    fn variant_range(&mut self) -> Parsed<Vec<Variant>> {
        let first = self.word()?;
        if !self.take("..=") {
            self.expect("=")?;
            let index = self.number()?;
            return Ok(vec![Variant { name: first, index, fields: self.fields()? }]);
        }
        let name = first.trim_end_matches(|c: char| c.is_ascii_digit());
        let from: u32 = first[name.len()..].parse().map_err(|_| self.error("a range of what"))?;
        let to: u32 = self.number()?;
        self.expect("=")?;
        let index: u8 = self.number()?;
        let fields = self.fields()?;
        let variant = |n: u32| {
            let byte = || Box::new(Type::Named("u8".to_owned()));
            let fields = match &fields[..] {
                [] => vec![(None, Type::Array(byte(), n))],
                fields => fields.to_vec(),
            };
            let index = u8::try_from(u32::from(index) + n - from);
            let index = index.map_err(|_| self.error("too many variants"))?;
            Ok(Variant { name: format!("{name}{n}"), index, fields })
        };
        (from..=to).map(variant).collect()
    }

    fn pallet(&mut self) -> Parsed<Pallet> {
        let name = self.word()?;
        self.expect("=")?;
        let mut pallet = Pallet {
            name,
            index: self.number()?,
            path: self.path()?,
            storage: Vec::new(),
            constants: Vec::new(),
            calls: Vec::new(),
            events: Vec::new(),
            errors: Vec::new(),
        };
        self.expect("{")?;
        while !self.take("}") {
            match self.word()?.as_str() {
                "storage" => pallet.storage.push(self.storage()?),
                "constant" => {
                    let (name, ty) = self.named()?;
                    pallet.constants.push((name, ty, self.initial()?));
                }
                "call" => pallet.calls.push(self.variant()?),
                "event" => pallet.events.push(self.variant()?),
                "error" => pallet.errors.push(self.variant()?),
                other => return Err(self.error(format_args!("`{other}` is in no pallet"))),
            }
        }
        Ok(pallet)
    }

    fn storage(&mut self) -> Parsed<Storage> {
        let name = self.word()?;
        let keys = match self.take("[") {
            true => self.list("]", |reader| Ok((reader.word()?, reader.ty()?)))?,
            false => Vec::new(),
        };
        self.expect(":")?;
        let value = self.ty()?;
        let initial = if self.take("?") { None } else { Some(self.initial()?) };
        Ok(Storage { name, keys, value, initial })
    }

    fn initial(&mut self) -> Parsed<Initial> {
        if !self.take("=") {
            return Ok(Initial::Zero);
        }
        let word = self.word()?;
        if let Some(hex) = word.strip_prefix("0x") {
            let bytes = base16ct::lower::decode_vec(hex);
            return bytes.map(Initial::Encoded).map_err(|_| self.error("these are no hex digits"));
        }
        if let Ok(flag) = word.parse() {
            return Ok(Initial::Bool(flag));
        }
        word.parse()
            .map(Initial::Number)
            .map_err(|_| self.error(format_args!("`{word}` is no value")))
    }

    fn api(&mut self) -> Parsed<Api> {
        let name = self.word()?;
        self.expect("=")?;
        let version = self.number()?;
        self.expect("{")?;
        let mut methods = Vec::new();
        while !self.take("}") {
            let name = self.word()?;
            self.expect("(")?;
            let inputs = self.list(")", Self::named)?;
            self.expect("->")?;
            methods.push(Method { name, inputs, output: self.ty()? });
        }
        Ok(Api { name, version, methods })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, line, message) in [
            ("struct a(u8)\nstrukt b", 2, "`strukt` is no kind of item"),
            ("\n\nstruct a { b u8 }", 3, "`:` is missing"),
            ("enum a { B = 300 }", 1, "`300` is no such number"),
            ("enum a { B1..=300 = 1 }", 1, "too many variants"),
            ("pallet A = 1 a { storage b: u8 = maybe }", 1, "`maybe` is no value"),
        ] {
            let error = SchemaError { line, message: message.to_owned() };
            assert_eq!(parse(text).unwrap_err(), error);
        }
    }

    #[test]
    fn a_range_is_as_many_variants() {
        let schema = parse("enum a { Raw0..=2 = 5, M1..=2 = 1 (u8) }").unwrap();
        let Shape::Enum(variants) = &schema.types[0].shape else { panic!("an enum") };
        let names: Vec<_> = variants.iter().map(|own| (own.name.as_str(), own.index)).collect();
        assert_eq!(names, [("Raw0", 5), ("Raw1", 6), ("Raw2", 7), ("M1", 1), ("M2", 2)]);
        assert!(matches!(variants[2].fields[..], [(None, Type::Array(_, 2))]));
        assert!(matches!(&variants[4].fields[..], [(None, Type::Named(name))] if name == "u8"));
    }
}
