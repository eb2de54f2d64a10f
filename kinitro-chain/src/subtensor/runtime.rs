//! Encoding and decoding by name, with the metadata of a runtime.

use std::fmt;

use scale_decode::DecodeAsType;
use scale_info::{PortableType, TypeDef};
use scale_value::Value;
use subxt::OfflineClient;
use subxt::client::OfflineClientAtBlock;
use subxt::config::SubstrateConfig;
use subxt::config::substrate::{H256, SpecVersionForRange};
use subxt::ext::frame_decode::runtime_apis::{
    decode_runtime_api_response, encode_runtime_api_inputs,
};
use subxt::ext::frame_decode::storage::{
    StorageTypeInfo as _, decode_default_storage_value_with_info, decode_storage_value_with_info,
    encode_storage_key_with_info,
};
use subxt::metadata::Metadata;

use crate::block::Hash256;
use crate::error::{ChainError, ChainErrorKind};

/// The pallet with the subnets.
pub(super) const SUBTENSOR: &str = "SubtensorModule";
/// The pallet with the commitments.
pub(super) const COMMITMENTS: &str = "Commitments";

/// One version of the chain's runtime. Everything is looked up by name in its metadata, so indices may
/// change and fields be added.
pub(super) struct Runtime {
    pub(super) version: Version,
    client: OfflineClientAtBlock<SubstrateConfig>,
}

/// The version of a runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) spec: u32,
    pub(super) transaction: u32,
}

impl Runtime {
    /// A runtime by its version and its metadata with the magic prefix.
    pub(super) fn new(
        version: Version,
        genesis: Hash256,
        metadata: &[u8],
    ) -> Result<Self, ChainError> {
        let metadata = Metadata::decode_from(metadata)
            .map_err(|error| protocol("the metadata of the node", error))?;
        let every_block = SpecVersionForRange {
            block_range: 0..u64::MAX,
            spec_version: version.spec,
            transaction_version: version.transaction,
        };
        let config = SubstrateConfig::builder()
            .set_genesis_hash(H256(genesis.0))
            .set_metadata_for_spec_versions([(version.spec, metadata.arc())])
            .set_spec_version_for_block_ranges([every_block])
            .build();
        let client = OfflineClient::new_with_config(config)
            .at_block(0_u64)
            .map_err(|error| protocol("the metadata of the node", error))?;
        Ok(Self { version, client })
    }

    pub(super) fn client(&self) -> &OfflineClientAtBlock<SubstrateConfig> {
        &self.client
    }

    fn metadata(&self) -> &Metadata {
        self.client.metadata_ref()
    }

    /// The first of these calls that the pallet has.
    pub(super) fn first_call<'name>(
        &self,
        pallet: &str,
        names: &[&'name str],
    ) -> Result<&'name str, ChainError> {
        let calls = self.metadata().pallet_by_name(pallet);
        let known =
            |name: &&&str| calls.as_ref().is_some_and(|p| p.call_variant_by_name(name).is_some());
        names.iter().find(known).copied().ok_or_else(|| {
            let message = format!("the chain has no call {pallet}.{}", names.join(" or "));
            ChainError::new(ChainErrorKind::Protocol, message)
        })
    }

    /// Half the time between two blocks, in milliseconds.
    #[cfg(feature = "timelock")]
    pub(super) fn minimum_period(&self) -> Result<u64, ChainError> {
        let address = subxt::dynamic::constant::<u64>("Timestamp", "MinimumPeriod");
        self.client
            .constants()
            .entry(address)
            .map_err(|error| protocol("the time between blocks of the chain", error))
    }

    /// Whether commitments may be longer than 128 bytes, which shows in the types.
    pub(super) fn takes_long_commitments(&self) -> bool {
        let is_long = |ty: &PortableType| match &ty.ty.type_def {
            TypeDef::Variant(variant) => variant.variants.iter().any(|kind| kind.name == "BigRaw"),
            _ => false,
        };
        self.metadata().types().types.iter().any(is_long)
    }

    /// The names of a pallet and of one of its errors, by the two indices that an event has.
    pub(super) fn error_name(&self, pallet: u8, error: u8) -> Option<(String, String)> {
        let pallet = self.metadata().pallet_by_error_index(pallet)?;
        let variant = pallet.error_variant_by_index(error)?;
        Some((pallet.name().to_owned(), variant.name.clone()))
    }

    /// The key of a stored value; with only some of its parts, the common prefix of all such keys.
    pub(super) fn key(
        &self,
        pallet: &str,
        entry: &str,
        parts: Vec<Value>,
    ) -> Result<Vec<u8>, ChainError> {
        let what = || format!("the storage {pallet}.{entry} of the chain");
        let metadata = self.metadata();
        let info = metadata
            .storage_info(pallet, entry)
            .map_err(|error| protocol(what(), error.into_owned()))?;
        encode_storage_key_with_info(pallet, entry, parts, &info, metadata.types())
            .map_err(|error| protocol(what(), error))
    }

    /// A stored value, or the default of its entry if nothing is stored; `None` if it has no default.
    pub(super) fn value<T: DecodeAsType>(
        &self,
        pallet: &str,
        entry: &str,
        bytes: Option<&[u8]>,
    ) -> Result<Option<T>, ChainError> {
        let what = || format!("the value of {pallet}.{entry}");
        let metadata = self.metadata();
        let info = metadata
            .storage_info(pallet, entry)
            .map_err(|error| protocol(what(), error.into_owned()))?;
        let (types, visitor) = (metadata.types(), T::into_visitor());
        match bytes {
            Some(mut bytes) => decode_storage_value_with_info(&mut bytes, &info, types, visitor)
                .map(Some)
                .map_err(|error| protocol(what(), error)),
            None => decode_default_storage_value_with_info(&info, types, visitor)
                .map_err(|error| protocol(what(), error)),
        }
    }

    /// Encodes the arguments of a runtime function.
    pub(super) fn arguments(
        &self,
        api: &str,
        function: &str,
        arguments: Vec<Value>,
    ) -> Result<Vec<u8>, ChainError> {
        let metadata = self.metadata();
        encode_runtime_api_inputs(api, function, arguments, metadata, metadata.types())
            .map_err(|error| protocol(format_args!("the function {api}_{function}"), error))
    }

    /// Decodes the answer of a runtime function.
    pub(super) fn answer<T: DecodeAsType>(
        &self,
        api: &str,
        function: &str,
        mut bytes: &[u8],
    ) -> Result<T, ChainError> {
        let metadata = self.metadata();
        let (types, visitor) = (metadata.types(), T::into_visitor());
        decode_runtime_api_response(api, function, &mut bytes, metadata, types, visitor)
            .map_err(|error| protocol(format_args!("the answer of {api}_{function}"), error))
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("version", &self.version).finish_non_exhaustive()
    }
}

/// An error about something that does not match what this library expects of the chain.
pub(super) fn protocol(
    what: impl fmt::Display,
    error: impl std::error::Error + Send + Sync + 'static,
) -> ChainError {
    let message = format!("{what} cannot be understood: {error}");
    ChainError::from_source(ChainErrorKind::Protocol, message, error)
}
