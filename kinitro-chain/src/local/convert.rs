//! The same metadata, served in three versions.
//!
//! The newest runtimes have version 16. Older clients ask for versions 14 and 15, which describe
//! the same runtime in less detail: no deprecations, no associated types, no view functions.

use frame_metadata::{RuntimeMetadataPrefixed, v14, v15, v16};
use parity_scale_codec::Encode as _;
use scale_info::PortableRegistry;
use scale_info::form::PortableForm;
use scale_info::interner::UntrackedSymbol;

type Ty = UntrackedSymbol<std::any::TypeId>;

/// The supported version of the transaction format.
const EXTRINSIC_VERSION: u8 = 4;

/// The encoded metadata in version 14, 15 or 16; `None` if the type registry lacks a type that an
/// older version needs.
pub(super) fn encoded(metadata: &v16::RuntimeMetadataV16, version: u32) -> Option<Vec<u8>> {
    let prefixed: RuntimeMetadataPrefixed = match version {
        14 => to_v14(metadata)?.into(),
        15 => to_v15(metadata)?.into(),
        16 => metadata.clone().into(),
        _ => return None,
    };
    Some(prefixed.encode())
}

/// The id of the type whose path ends in `name` and that has the type parameter `parameter`.
fn find(types: &PortableRegistry, name: &str, parameter: Option<&str>) -> Option<u32> {
    let is_wanted = |ty: &&scale_info::PortableType| {
        ty.ty.path.segments.last().is_some_and(|last| last == name)
            && parameter.is_none_or(|wanted| ty.ty.type_params.iter().any(|own| own.name == wanted))
    };
    Some(types.types.iter().find(is_wanted)?.id)
}

/// The types of the transaction itself and of its extensions.
fn extrinsic_types(types: &PortableRegistry) -> Option<(Ty, Ty)> {
    let extrinsic = find(types, "UncheckedExtrinsic", Some("Address"))?;
    let parameters = &types.resolve(extrinsic)?.type_params;
    let extra = parameters.iter().find(|own| own.name == "Extra" || own.name == "Extension")?;
    Some((extrinsic.into(), extra.ty?))
}

fn to_v14(metadata: &v16::RuntimeMetadataV16) -> Option<v14::RuntimeMetadataV14> {
    let (extrinsic, _) = extrinsic_types(&metadata.types)?;
    let pallet = |pallet: &v16::PalletMetadata<PortableForm>| v14::PalletMetadata {
        name: pallet.name.clone(),
        storage: pallet.storage.as_ref().map(storage),
        calls: pallet.calls.as_ref().map(|calls| v14::PalletCallMetadata { ty: calls.ty }),
        event: pallet.event.as_ref().map(|event| v14::PalletEventMetadata { ty: event.ty }),
        constants: pallet.constants.iter().map(constant).collect(),
        error: pallet.error.as_ref().map(|error| v14::PalletErrorMetadata { ty: error.ty }),
        index: pallet.index,
    };
    Some(v14::RuntimeMetadataV14 {
        types: metadata.types.clone(),
        pallets: metadata.pallets.iter().map(pallet).collect(),
        extrinsic: v14::ExtrinsicMetadata {
            ty: extrinsic,
            version: EXTRINSIC_VERSION,
            signed_extensions: metadata
                .extrinsic
                .transaction_extensions
                .iter()
                .map(|extension| v14::SignedExtensionMetadata {
                    identifier: extension.identifier.clone(),
                    ty: extension.ty,
                    additional_signed: extension.implicit,
                })
                .collect(),
        },
        ty: find(&metadata.types, "Runtime", None)?.into(),
    })
}

fn to_v15(metadata: &v16::RuntimeMetadataV16) -> Option<v15::RuntimeMetadataV15> {
    let (_, extra) = extrinsic_types(&metadata.types)?;
    let pallet = |pallet: &v16::PalletMetadata<PortableForm>| v15::PalletMetadata {
        name: pallet.name.clone(),
        storage: pallet.storage.as_ref().map(storage),
        calls: pallet.calls.as_ref().map(|calls| v14::PalletCallMetadata { ty: calls.ty }),
        event: pallet.event.as_ref().map(|event| v14::PalletEventMetadata { ty: event.ty }),
        constants: pallet.constants.iter().map(constant).collect(),
        error: pallet.error.as_ref().map(|error| v14::PalletErrorMetadata { ty: error.ty }),
        index: pallet.index,
        docs: pallet.docs.clone(),
    };
    let method =
        |method: &v16::RuntimeApiMethodMetadata<PortableForm>| v15::RuntimeApiMethodMetadata {
            name: method.name.clone(),
            inputs: method.inputs.clone(),
            output: method.output,
            docs: method.docs.clone(),
        };
    let api = |api: &v16::RuntimeApiMetadata<PortableForm>| v15::RuntimeApiMetadata {
        name: api.name.clone(),
        methods: api.methods.iter().map(method).collect(),
        docs: api.docs.clone(),
    };
    Some(v15::RuntimeMetadataV15 {
        types: metadata.types.clone(),
        pallets: metadata.pallets.iter().map(pallet).collect(),
        extrinsic: v15::ExtrinsicMetadata {
            version: EXTRINSIC_VERSION,
            address_ty: metadata.extrinsic.address_ty,
            call_ty: metadata.extrinsic.call_ty,
            signature_ty: metadata.extrinsic.signature_ty,
            extra_ty: extra,
            signed_extensions: metadata
                .extrinsic
                .transaction_extensions
                .iter()
                .map(|extension| v15::SignedExtensionMetadata {
                    identifier: extension.identifier.clone(),
                    ty: extension.ty,
                    additional_signed: extension.implicit,
                })
                .collect(),
        },
        ty: find(&metadata.types, "Runtime", None)?.into(),
        apis: metadata.apis.iter().map(api).collect(),
        outer_enums: metadata.outer_enums.clone(),
        custom: metadata.custom.clone(),
    })
}

fn storage(
    storage: &v16::PalletStorageMetadata<PortableForm>,
) -> v14::PalletStorageMetadata<PortableForm> {
    let entry = |entry: &v16::StorageEntryMetadata<PortableForm>| v14::StorageEntryMetadata {
        name: entry.name.clone(),
        modifier: entry.modifier.clone(),
        ty: entry.ty.clone(),
        default: entry.default.clone(),
        docs: entry.docs.clone(),
    };
    v14::PalletStorageMetadata {
        prefix: storage.prefix.clone(),
        entries: storage.entries.iter().map(entry).collect(),
    }
}

fn constant(
    constant: &v16::PalletConstantMetadata<PortableForm>,
) -> v14::PalletConstantMetadata<PortableForm> {
    v14::PalletConstantMetadata {
        name: constant.name.clone(),
        ty: constant.ty,
        value: constant.value.clone(),
        docs: constant.docs.clone(),
    }
}

/// Converts metadata from version 15 to version 16.
pub(super) fn from_v15(metadata: v15::RuntimeMetadataV15) -> v16::RuntimeMetadataV16 {
    let entry = |entry: v14::StorageEntryMetadata<PortableForm>| v16::StorageEntryMetadata {
        name: entry.name,
        modifier: entry.modifier,
        ty: entry.ty,
        default: entry.default,
        docs: entry.docs,
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let storage = |storage: v14::PalletStorageMetadata<PortableForm>| v16::PalletStorageMetadata {
        prefix: storage.prefix,
        entries: storage.entries.into_iter().map(entry).collect(),
    };
    let constant =
        |constant: v14::PalletConstantMetadata<PortableForm>| v16::PalletConstantMetadata {
            name: constant.name,
            ty: constant.ty,
            value: constant.value,
            docs: constant.docs,
            deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
        };
    let variants = || v16::EnumDeprecationInfo(Default::default());
    let pallet = |pallet: v15::PalletMetadata<PortableForm>| v16::PalletMetadata {
        name: pallet.name,
        storage: pallet.storage.map(storage),
        calls: pallet
            .calls
            .map(|calls| v16::PalletCallMetadata { ty: calls.ty, deprecation_info: variants() }),
        event: pallet
            .event
            .map(|event| v16::PalletEventMetadata { ty: event.ty, deprecation_info: variants() }),
        constants: pallet.constants.into_iter().map(constant).collect(),
        error: pallet
            .error
            .map(|error| v16::PalletErrorMetadata { ty: error.ty, deprecation_info: variants() }),
        associated_types: Vec::new(),
        view_functions: Vec::new(),
        index: pallet.index,
        docs: pallet.docs,
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let method =
        |method: v15::RuntimeApiMethodMetadata<PortableForm>| v16::RuntimeApiMethodMetadata {
            name: method.name,
            inputs: method.inputs,
            output: method.output,
            docs: method.docs,
            deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
        };
    let api = |api: v15::RuntimeApiMetadata<PortableForm>| v16::RuntimeApiMetadata {
        name: api.name,
        methods: api.methods.into_iter().map(method).collect(),
        docs: api.docs,
        version: 1.into(),
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let extension =
        |extension: v15::SignedExtensionMetadata<PortableForm>| v16::TransactionExtensionMetadata {
            identifier: extension.identifier,
            ty: extension.ty,
            implicit: extension.additional_signed,
        };
    let extensions = metadata.extrinsic.signed_extensions.len() as u32;
    v16::RuntimeMetadataV16 {
        types: metadata.types,
        pallets: metadata.pallets.into_iter().map(pallet).collect(),
        extrinsic: v16::ExtrinsicMetadata {
            versions: vec![metadata.extrinsic.version],
            address_ty: metadata.extrinsic.address_ty,
            call_ty: metadata.extrinsic.call_ty,
            signature_ty: metadata.extrinsic.signature_ty,
            transaction_extensions_by_version: [(0, (0..extensions).map(Into::into).collect())]
                .into(),
            transaction_extensions: metadata
                .extrinsic
                .signed_extensions
                .into_iter()
                .map(extension)
                .collect(),
        },
        apis: metadata.apis.into_iter().map(api).collect(),
        outer_enums: metadata.outer_enums,
        custom: metadata.custom,
    }
}
