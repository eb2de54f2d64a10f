//! The metadata of the chain's own runtime, generated from `types.schema` and `runtime.schema`.

mod schema;

use std::collections::HashMap;

use frame_metadata::v14::{StorageEntryModifier, StorageEntryType, StorageHasher};
use frame_metadata::v15::{CustomMetadata, OuterEnums};
use frame_metadata::v16::{
    EnumDeprecationInfo, ExtrinsicMetadata, FunctionParamMetadata, ItemDeprecationInfo,
    PalletCallMetadata, PalletConstantMetadata, PalletErrorMetadata, PalletEventMetadata,
    PalletMetadata, PalletStorageMetadata, RuntimeApiMetadata, RuntimeApiMethodMetadata,
    RuntimeMetadataV16, StorageEntryMetadata, TransactionExtensionMetadata,
};
use scale_info::form::PortableForm;
use scale_info::{
    Field, Path, PortableRegistry, PortableRegistryBuilder, TypeDef, TypeDefArray, TypeDefCompact,
    TypeDefComposite, TypeDefPrimitive, TypeDefSequence, TypeDefTuple, TypeDefVariant,
    TypeParameter,
};

use super::value::{Mismatch, Value, encode};
use schema::{Api, Declaration, Fields, Initial, Pallet, Schema, Shape, Storage, Type, Variant};

const TYPES: &str = include_str!("types.schema");
const RUNTIME: &str = include_str!("runtime.schema");

/// The spec version that the runtime reports.
const SPEC_VERSION: u32 = 424;

/// The metadata of the chain's own runtime.
pub(super) fn metadata() -> Result<RuntimeMetadataV16, Mismatch> {
    let mut schema = schema::parse(TYPES).map_err(Mismatch::new)?;
    let runtime = schema::parse(RUNTIME).map_err(Mismatch::new)?;
    schema.pallets = runtime.pallets;
    schema.extensions = runtime.extensions;
    schema.apis = runtime.apis;
    Builder::new(schema).build()
}

/// Builds the type registry, adding each type when it is first needed.
struct Builder {
    declared: HashMap<String, Declaration>,
    built: HashMap<String, u32>,
    types: PortableRegistryBuilder,
    schema: Schema,
}

impl Builder {
    fn new(mut schema: Schema) -> Self {
        let declarations = std::mem::take(&mut schema.types).into_iter();
        let named = declarations.filter_map(|own| Some((own.path.last()?.clone(), own)));
        Self {
            declared: named.collect(),
            built: HashMap::new(),
            types: PortableRegistryBuilder::new(),
            schema,
        }
    }

    fn build(mut self) -> Result<RuntimeMetadataV16, Mismatch> {
        self.account_first()?;
        let pallets = std::mem::take(&mut self.schema.pallets);
        let outer_enums = self.outer_enums(&pallets)?;
        let extrinsic = self.extrinsic(outer_enums.call_enum_ty.id)?;
        let runtime = Path::from_segments_unchecked(["kinitro_runtime".into(), "Runtime".into()]);
        self.register(runtime, Vec::new(), TypeDefComposite { fields: Vec::new() });
        // All types first: encoding the initial storage values needs the complete registry.
        let pallets =
            pallets.into_iter().map(|pallet| self.pallet(pallet)).collect::<Result<Vec<_>, _>>()?;
        let apis = std::mem::take(&mut self.schema.apis);
        let apis = apis.into_iter().map(|api| self.api(api)).collect::<Result<_, _>>()?;
        let types = self.types.finish();
        let pallets = pallets.into_iter().map(|pallet| pallet.finish(&types));
        Ok(RuntimeMetadataV16 {
            pallets: pallets.collect::<Result<_, _>>()?,
            types,
            extrinsic,
            apis,
            outer_enums,
            custom: CustomMetadata { map: Default::default() },
        })
    }

    /// Makes the account type number 0, as in Bittensor's metadata: the SDK recognizes it by that
    /// number. The types it consists of come next.
    fn account_first(&mut self) -> Result<(), Mismatch> {
        let Some(Declaration { path, .. }) = self.declared.remove("AccountId32") else {
            return Err(Mismatch::new("the schema has no type AccountId32"));
        };
        let bytes = Field { name: None, ty: 1.into(), type_name: None, docs: Vec::new() };
        let path = Path::from_segments_unchecked(path);
        let account = self.register(path, Vec::new(), TypeDefComposite { fields: vec![bytes] });
        self.plain(TypeDefArray::new(32, 2.into()));
        self.plain(TypeDefPrimitive::U8);
        self.built.insert("AccountId32".to_owned(), account);
        Ok(())
    }

    fn register(
        &mut self,
        path: Path<PortableForm>,
        parameters: Vec<TypeParameter<PortableForm>>,
        definition: impl Into<TypeDef<PortableForm>>,
    ) -> u32 {
        let ty = scale_info::Type::new(path, parameters, definition, Vec::new());
        self.types.register_type(ty)
    }

    fn plain(&mut self, definition: impl Into<TypeDef<PortableForm>>) -> u32 {
        self.register(Path::from_segments_unchecked([]), Vec::new(), definition)
    }

    fn ty(&mut self, ty: &Type) -> Result<u32, Mismatch> {
        Ok(match ty {
            Type::Named(name) => self.named(name)?,
            Type::Tuple(items) => {
                let items = items.iter().map(|item| Ok(self.ty(item)?.into()));
                let items = items.collect::<Result<Vec<_>, Mismatch>>()?;
                self.plain(TypeDefTuple::new_portable(items))
            }
            Type::Array(item, length) => {
                let item = self.ty(item)?;
                self.plain(TypeDefArray::new(*length, item.into()))
            }
            Type::Of("Vec", item) => {
                let item = self.ty(item)?;
                self.plain(TypeDefSequence::new(item.into()))
            }
            Type::Of("Compact", item) => {
                let item = self.ty(item)?;
                self.plain(TypeDefCompact::new(item.into()))
            }
            Type::Of(_, item) => {
                let item_type = self.ty(item)?;
                let none = Variant { name: "None".into(), index: 0, fields: Vec::new() };
                let fields = vec![(None, item.as_ref().clone())];
                let some = Variant { name: "Some".into(), index: 1, fields };
                let definition = self.variants(&[none, some])?;
                let parameter = TypeParameter::new_portable("T".into(), Some(item_type.into()));
                let path = Path::from_segments_unchecked(["Option".into()]);
                self.register(path, vec![parameter], definition)
            }
        })
    }

    fn named(&mut self, name: &str) -> Result<u32, Mismatch> {
        if let Some(id) = self.built.get(name) {
            return Ok(*id);
        }
        let id = match (primitive(name), self.declared.remove(name)) {
            (Some(primitive), _) => self.plain(primitive),
            (None, Some(Declaration { path, shape })) => {
                let definition: TypeDef<PortableForm> = match &shape {
                    Shape::Struct(fields) => {
                        TypeDefComposite { fields: self.fields(fields)? }.into()
                    }
                    Shape::Enum(variants) => self.variants(variants)?.into(),
                };
                self.register(Path::from_segments_unchecked(path), Vec::new(), definition)
            }
            (None, None) => {
                return Err(Mismatch::new(format_args!("the schema has no type {name}")));
            }
        };
        self.built.insert(name.to_owned(), id);
        Ok(id)
    }

    fn fields(&mut self, fields: &Fields) -> Result<Vec<Field<PortableForm>>, Mismatch> {
        let fields = fields.iter().map(|(name, ty)| {
            // The field is optional in the metadata, but some clients require it.
            let type_name = Some(ty.to_string());
            Ok(Field { name: name.clone(), ty: self.ty(ty)?.into(), type_name, docs: Vec::new() })
        });
        fields.collect()
    }

    fn variants(&mut self, variants: &[Variant]) -> Result<TypeDefVariant<PortableForm>, Mismatch> {
        let variants = variants.iter().map(|variant| {
            Ok(scale_info::Variant {
                name: variant.name.clone(),
                fields: self.fields(&variant.fields)?,
                index: variant.index,
                docs: Vec::new(),
            })
        });
        Ok(TypeDefVariant { variants: variants.collect::<Result<_, Mismatch>>()? })
    }

    /// The outer enums of calls, events and errors, each with one variant per pallet.
    fn outer_enums(&mut self, pallets: &[Pallet]) -> Result<OuterEnums<PortableForm>, Mismatch> {
        let of = |builder: &mut Self, kind: &str, own: fn(&Pallet) -> &Vec<Variant>| {
            let mut outer = Vec::new();
            for pallet in pallets.iter().filter(|pallet| !own(pallet).is_empty()) {
                let name = inner(&pallet.name, kind);
                let definition = builder.variants(own(pallet))?;
                let mut path = pallet.path.clone();
                path.push(kind.to_owned());
                let path = Path::from_segments_unchecked(path);
                let id = builder.register(path, Vec::new(), definition);
                builder.built.insert(name.clone(), id);
                outer.push(Variant {
                    name: pallet.name.clone(),
                    index: pallet.index,
                    fields: vec![(None, Type::Named(name))],
                });
            }
            let definition = builder.variants(&outer)?;
            let name = format!("Runtime{kind}");
            let path = ["kinitro_runtime".to_owned(), name.clone()];
            let path = Path::from_segments_unchecked(path);
            let id = builder.register(path, Vec::new(), definition);
            builder.built.insert(name, id);
            Ok::<_, Mismatch>(id.into())
        };
        Ok(OuterEnums {
            call_enum_ty: of(self, "Call", |pallet| &pallet.calls)?,
            event_enum_ty: of(self, "Event", |pallet| &pallet.events)?,
            error_enum_ty: of(self, "Error", |pallet| &pallet.errors)?,
        })
    }

    fn extrinsic(&mut self, call: u32) -> Result<ExtrinsicMetadata<PortableForm>, Mismatch> {
        let address = self.named("MultiAddress")?;
        let signature = self.named("MultiSignature")?;
        let extensions = std::mem::take(&mut self.schema.extensions);
        let extensions = extensions.into_iter().map(|(identifier, sent, signed)| {
            Ok(TransactionExtensionMetadata {
                identifier,
                ty: self.ty(&sent)?.into(),
                implicit: self.ty(&signed)?.into(),
            })
        });
        let extensions = extensions.collect::<Result<Vec<_>, Mismatch>>()?;
        let extra = extensions.iter().map(|extension| extension.ty).collect::<Vec<_>>();
        let extra = self.plain(TypeDefTuple::new_portable(extra));
        let bytes = self.ty(&Type::Of("Vec", Box::new(Type::Named("u8".into()))))?;
        let parameters =
            [("Address", address), ("Call", call), ("Signature", signature), ("Extra", extra)];
        let parameters =
            parameters.map(|(name, ty)| TypeParameter::new_portable(name.into(), Some(ty.into())));
        let path = ["sp_runtime", "generic", "unchecked_extrinsic", "UncheckedExtrinsic"];
        let field = Field { name: None, ty: bytes.into(), type_name: None, docs: Vec::new() };
        let id = self.register(
            Path::from_segments_unchecked(path.map(String::from)),
            parameters.into(),
            TypeDefComposite { fields: vec![field] },
        );
        self.built.insert("UncheckedExtrinsic".to_owned(), id);
        let count = extensions.len() as u32;
        Ok(ExtrinsicMetadata {
            versions: vec![4],
            address_ty: address.into(),
            call_ty: call.into(),
            signature_ty: signature.into(),
            transaction_extensions_by_version: [(0, (0..count).map(Into::into).collect())].into(),
            transaction_extensions: extensions,
        })
    }

    fn pallet(&mut self, pallet: Pallet) -> Result<Unfinished, Mismatch> {
        let entries = pallet.storage.into_iter().map(|storage| self.storage(storage));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let constants = pallet
            .constants
            .into_iter()
            .map(|(name, ty, initial)| Ok((name, self.ty(&ty)?, initial)));
        let constants = constants.collect::<Result<_, Mismatch>>()?;
        let own = |kind: &str| self.built.get(&inner(&pallet.name, kind)).map(|id| (*id).into());
        Ok(Unfinished {
            metadata: PalletMetadata {
                storage: None,
                calls: own("Call").map(|ty| PalletCallMetadata {
                    ty,
                    deprecation_info: EnumDeprecationInfo::nothing_deprecated(),
                }),
                event: own("Event").map(|ty| PalletEventMetadata {
                    ty,
                    deprecation_info: EnumDeprecationInfo::nothing_deprecated(),
                }),
                constants: Vec::new(),
                error: own("Error").map(|ty| PalletErrorMetadata {
                    ty,
                    deprecation_info: EnumDeprecationInfo::nothing_deprecated(),
                }),
                associated_types: Vec::new(),
                view_functions: Vec::new(),
                index: pallet.index,
                docs: Vec::new(),
                deprecation_info: ItemDeprecationInfo::NotDeprecated,
                name: pallet.name,
            },
            entries,
            constants,
        })
    }

    fn storage(&mut self, storage: Storage) -> Result<UnfinishedEntry, Mismatch> {
        let value = self.ty(&storage.value)?;
        let (mut hashers, mut keys) = (Vec::new(), Vec::new());
        for (name, key) in storage.keys {
            hashers.push(hasher(&name)?);
            keys.push(key);
        }
        let ty = match keys.len() {
            0 => StorageEntryType::Plain(value.into()),
            1 => {
                let key = self.ty(&keys[0])?.into();
                StorageEntryType::Map { hashers, key, value: value.into() }
            }
            _ => {
                let key = self.ty(&Type::Tuple(keys))?.into();
                StorageEntryType::Map { hashers, key, value: value.into() }
            }
        };
        let metadata = StorageEntryMetadata {
            name: storage.name,
            modifier: match storage.initial {
                None => StorageEntryModifier::Optional,
                Some(_) => StorageEntryModifier::Default,
            },
            ty,
            default: vec![0],
            docs: Vec::new(),
            deprecation_info: ItemDeprecationInfo::NotDeprecated,
        };
        Ok(UnfinishedEntry { metadata, value, initial: storage.initial })
    }

    fn api(&mut self, api: Api) -> Result<RuntimeApiMetadata<PortableForm>, Mismatch> {
        let methods = api.methods.into_iter().map(|method| {
            let inputs = method
                .inputs
                .into_iter()
                .map(|(name, ty)| Ok(FunctionParamMetadata { name, ty: self.ty(&ty)?.into() }));
            let inputs = inputs.collect::<Result<_, Mismatch>>()?;
            Ok(RuntimeApiMethodMetadata {
                name: method.name,
                inputs,
                output: self.ty(&method.output)?.into(),
                docs: Vec::new(),
                deprecation_info: ItemDeprecationInfo::NotDeprecated,
            })
        });
        Ok(RuntimeApiMetadata {
            name: api.name,
            methods: methods.collect::<Result<_, Mismatch>>()?,
            docs: Vec::new(),
            version: api.version.into(),
            deprecation_info: ItemDeprecationInfo::NotDeprecated,
        })
    }
}

/// A pallet whose values have not been encoded yet.
struct Unfinished {
    metadata: PalletMetadata<PortableForm>,
    entries: Vec<UnfinishedEntry>,
    constants: Vec<(String, u32, Initial)>,
}

struct UnfinishedEntry {
    metadata: StorageEntryMetadata<PortableForm>,
    value: u32,
    initial: Option<Initial>,
}

impl Unfinished {
    fn finish(
        mut self,
        types: &PortableRegistry,
    ) -> Result<PalletMetadata<PortableForm>, Mismatch> {
        let entries = self.entries.into_iter().map(|mut entry| {
            if let Some(initial) = &entry.initial {
                entry.metadata.default = written(types, entry.value, initial)?;
            }
            Ok(entry.metadata)
        });
        let entries = entries.collect::<Result<Vec<_>, Mismatch>>()?;
        let prefix = self.metadata.name.clone();
        self.metadata.storage =
            (!entries.is_empty()).then_some(PalletStorageMetadata { prefix, entries });
        let constants = self.constants.into_iter().map(|(name, ty, initial)| {
            let value = match name.as_str() {
                "Version" => encoded(types, ty, &version())?,
                _ => written(types, ty, &initial)?,
            };
            Ok(PalletConstantMetadata {
                name,
                ty: ty.into(),
                value,
                docs: Vec::new(),
                deprecation_info: ItemDeprecationInfo::NotDeprecated,
            })
        });
        self.metadata.constants = constants.collect::<Result<_, Mismatch>>()?;
        Ok(self.metadata)
    }
}

/// The name of a pallet's own enum in the table of types.
fn inner(pallet: &str, kind: &str) -> String {
    format!("{pallet}.{kind}")
}

fn primitive(name: &str) -> Option<TypeDefPrimitive> {
    Some(match name {
        "bool" => TypeDefPrimitive::Bool,
        "str" => TypeDefPrimitive::Str,
        "u8" => TypeDefPrimitive::U8,
        "u16" => TypeDefPrimitive::U16,
        "u32" => TypeDefPrimitive::U32,
        "u64" => TypeDefPrimitive::U64,
        "u128" => TypeDefPrimitive::U128,
        "i16" => TypeDefPrimitive::I16,
        "i64" => TypeDefPrimitive::I64,
        "i128" => TypeDefPrimitive::I128,
        _ => return None,
    })
}

fn hasher(name: &str) -> Result<StorageHasher, Mismatch> {
    match name {
        "Identity" => Ok(StorageHasher::Identity),
        "Blake2_128Concat" => Ok(StorageHasher::Blake2_128Concat),
        "Twox64Concat" => Ok(StorageHasher::Twox64Concat),
        other => Err(Mismatch::new(format_args!("there is no hasher {other}"))),
    }
}

fn written(types: &PortableRegistry, ty: u32, initial: &Initial) -> Result<Vec<u8>, Mismatch> {
    match initial {
        Initial::Zero => encoded(types, ty, &Value::Zero),
        Initial::Number(number) => encoded(types, ty, &Value::Number(*number)),
        Initial::Bool(flag) => encoded(types, ty, &Value::Bool(*flag)),
        Initial::Encoded(bytes) => Ok(bytes.clone()),
    }
}

fn encoded(types: &PortableRegistry, ty: u32, value: &Value) -> Result<Vec<u8>, Mismatch> {
    let mut bytes = Vec::new();
    encode(types, ty, Some(value), &mut bytes)?;
    Ok(bytes)
}

/// The runtime version as Bittensor clients expect it.
fn version() -> Value {
    Value::record([
        ("spec_name", "node-subtensor".into()),
        ("impl_name", "kinitro-local".into()),
        ("authoring_version", 1_u8.into()),
        ("spec_version", SPEC_VERSION.into()),
        ("impl_version", 1_u8.into()),
        ("transaction_version", 1_u8.into()),
        ("system_version", 1_u8.into()),
    ])
}

#[cfg(test)]
mod tests {
    use parity_scale_codec::Decode as _;

    use super::*;
    use crate::local::runtime::Runtime;

    #[test]
    fn it_is_metadata_of_all_three_versions() {
        let runtime = Runtime::new(metadata().unwrap()).unwrap();
        for version in 14..=16 {
            let bytes = runtime.encoded(version).unwrap();
            let read = frame_metadata::RuntimeMetadataPrefixed::decode(&mut &bytes[..]).unwrap();
            assert_eq!(read.1.version(), version);
            if version > 14 {
                Runtime::from_bytes(bytes).unwrap();
            }
        }
    }

    #[test]
    fn the_account_is_the_first_type() {
        let types = metadata().unwrap().types;
        let first = types.resolve(0).unwrap();
        assert_eq!(first.path.segments.join("::"), "sp_core::crypto::AccountId32");
        let mut bytes = Vec::new();
        encode(&types, 0, Some(&[7; 32].into()), &mut bytes).unwrap();
        assert_eq!(bytes, [7; 32]);
    }

    /// All initial storage values have their declared types.
    #[test]
    fn defaults_decode() {
        let metadata = metadata().unwrap();
        for pallet in &metadata.pallets {
            let storage = pallet.storage.iter().flat_map(|storage| &storage.entries);
            for entry in storage.filter(|own| own.modifier == StorageEntryModifier::Default) {
                let (StorageEntryType::Plain(ty) | StorageEntryType::Map { value: ty, .. }) =
                    &entry.ty;
                assert_decodes(&metadata.types, ty.id, &entry.default, &entry.name);
            }
            for constant in &pallet.constants {
                let PalletConstantMetadata::<PortableForm> { name, ty, value, .. } = constant;
                assert_decodes(&metadata.types, ty.id, value, name);
            }
        }
    }

    fn assert_decodes(types: &PortableRegistry, ty: u32, mut bytes: &[u8], name: &str) {
        super::super::value::decode(types, ty, &mut bytes)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(bytes.is_empty(), "{name}: {} bytes are left", bytes.len());
    }
}
