//! Signed transactions: decoded according to the metadata, and verified.

use std::sync::Arc;

use parity_scale_codec::{Compact, Decode as _, Encode as _, Input as _};
use schnorrkel::{PublicKey, Signature};
use sp_crypto_hashing::blake2_256;

use super::block::Block;
use super::ledger::Ledger;
use super::runtime::{Key, Runtime, variants};
use super::value::{Value, decode, encode};
use super::{Account, Hash};

/// A pallet call, with its arguments by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) pallet: String,
    pub(super) name: String,
    arguments: Value,
}

impl Call {
    /// An argument. A call with a single argument is represented by that argument.
    pub(super) fn argument(&self, name: &str) -> Option<&Value> {
        match &self.arguments {
            Value::Record(_) => self.arguments.field(name),
            only => Some(only),
        }
    }

    /// The names of the pallet and the call.
    pub(super) fn path(&self) -> (&str, &str) {
        (&self.pallet, &self.name)
    }
}

/// A signed transaction, version 4.
#[derive(Debug, Clone)]
pub(super) struct Transaction {
    /// The whole transaction, with its length prefix.
    pub(super) bytes: Arc<[u8]>,
    pub(super) hash: Hash,
    pub(super) signer: Account,
    pub(super) call: Call,
    pub(super) nonce: u64,
    pub(super) tip: u128,
    era: Era,
    signature: MultiSignature,
    /// The encoded call and transaction extensions, as sent; part of the signed message.
    signed: Vec<u8>,
    wants_metadata_hash: bool,
}

#[derive(Debug, Clone)]
enum MultiSignature {
    Sr25519([u8; 64]),
    /// A signature scheme that this node does not verify.
    Other,
}

/// Why a transaction is currently invalid, as the runtime names the reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Invalid {
    /// The bytes are not a transaction.
    Format(String),
    /// It is unsigned, or needs something that this node does not know.
    Unknown(&'static str),
    Payment,
    Stale,
    BadProof,
    AncientBirthBlock,
    /// An error number specific to the runtime.
    Custom(u8),
}

impl Invalid {
    /// The error as a value of the runtime's type for transaction validity errors.
    pub(super) fn variant(&self) -> Value {
        let invalid = |name| Value::variant("Invalid", Value::variant(name, Value::nothing()));
        match self {
            Self::Format(_) => invalid("Call"),
            Self::Payment => invalid("Payment"),
            Self::Stale => invalid("Stale"),
            Self::BadProof => invalid("BadProof"),
            Self::AncientBirthBlock => invalid("AncientBirthBlock"),
            Self::Custom(number) => {
                Value::variant("Invalid", Value::variant("Custom", Value::from(*number)))
            }
            Self::Unknown(name) => {
                Value::variant("Unknown", Value::variant(name, Value::nothing()))
            }
        }
    }
}

/// The range of blocks in which a transaction is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Era {
    Immortal,
    Mortal { period: u64, phase: u64 },
}

impl Era {
    fn read(input: &mut &[u8]) -> Option<Self> {
        let first = u64::from(input.read_byte().ok()?);
        if first == 0 {
            return Some(Self::Immortal);
        }
        let encoded = first + (u64::from(input.read_byte().ok()?) << 8);
        let period = 2 << (encoded % 16);
        let phase = (encoded >> 4) * (period >> 12).max(1);
        (period >= 4 && phase < period).then_some(Self::Mortal { period, phase })
    }

    /// The first block in which the transaction is valid, seen from block `current`.
    fn birth(self, current: u64) -> u64 {
        match self {
            Self::Immortal => 0,
            Self::Mortal { period, phase } => {
                (current.max(phase) - phase) / period * period + phase
            }
        }
    }

    /// The first block in which it is no longer valid.
    pub(super) fn death(self, current: u64) -> u64 {
        match self {
            Self::Immortal => u64::MAX,
            Self::Mortal { period, .. } => self.birth(current) + period,
        }
    }
}

impl Transaction {
    /// Decodes a transaction.
    pub(super) fn read(bytes: &[u8], runtime: &Runtime) -> Result<Self, Invalid> {
        let format = |what: &str| Invalid::Format(what.to_owned());
        let mut input = bytes;
        let length = Compact::<u32>::decode(&mut input).map_err(|_| format("no length"))?.0;
        if input.len() != length as usize {
            return Err(format("its length is not the announced one"));
        }
        match input.read_byte() {
            Ok(0x84) => {}
            Ok(0x04 | 0x05) => return Err(Invalid::Unknown("NoUnsignedValidator")),
            Ok(version) => return Err(Invalid::Format(format!("version {version:#x}"))),
            Err(_) => return Err(format("it is empty")),
        }
        let extrinsic = &runtime.metadata().extrinsic;
        let types = runtime.types();
        let address = decode(types, extrinsic.address_ty.id, &mut input);
        let signer = match address {
            Ok(Value::Variant(kind, account)) if kind == "Id" => account.as_account(),
            _ => None,
        };
        let signer = signer.ok_or_else(|| format("its sender is no account"))?;
        let signature = match decode(types, extrinsic.signature_ty.id, &mut input) {
            Ok(Value::Variant(kind, signature)) if kind == "Sr25519" => {
                let bytes = signature.as_bytes().and_then(|bytes| bytes.try_into().ok());
                bytes.map(MultiSignature::Sr25519)
            }
            Ok(Value::Variant(..)) => Some(MultiSignature::Other),
            _ => None,
        };
        let signature = signature.ok_or_else(|| format("its signature does not decode"))?;

        let extra = input;
        let (mut nonce, mut tip, mut era, mut wants_metadata_hash) = (0, 0, Era::Immortal, false);
        for extension in &extrinsic.transaction_extensions {
            let broken = || Invalid::Format(format!("{} does not decode", extension.identifier));
            match extension.identifier.as_str() {
                "CheckMortality" | "CheckEra" => era = Era::read(&mut input).ok_or_else(broken)?,
                identifier => {
                    let value = decode(types, extension.ty.id, &mut input).map_err(|_| broken())?;
                    match identifier {
                        "CheckNonce" => nonce = value.as_u64().ok_or_else(broken)?,
                        "ChargeTransactionPayment" => tip = value.as_u128().unwrap_or(0),
                        "CheckMetadataHash" => {
                            let enabled = |name: &str| name == "Enabled";
                            wants_metadata_hash =
                                matches!(&value, Value::Variant(name, _) if enabled(name));
                        }
                        _ => {}
                    }
                }
            }
        }
        let extra = &extra[..extra.len() - input.len()];
        let signed = [input, extra].concat();
        let call = read_call(runtime, input)?;
        Ok(Self {
            bytes: bytes.into(),
            hash: blake2_256(bytes),
            signer,
            call,
            nonce,
            tip,
            era,
            signature,
            signed,
            wants_metadata_hash,
        })
    }

    /// Checks that the sender signed it for this chain and runtime, and that it is valid in the
    /// block after `parent`.
    pub(super) fn verify(
        &self,
        ledger: &Ledger,
        genesis: &Hash,
        parent: &Block,
    ) -> Result<(), Invalid> {
        if self.wants_metadata_hash {
            // As on a node whose runtime was built without a metadata hash.
            return Err(Invalid::Unknown("CannotLookup"));
        }
        let runtime = &ledger.runtime;
        let types = runtime.types();
        let mut message = self.signed.clone();
        for extension in &runtime.metadata().extrinsic.transaction_extensions {
            let implicit = match extension.identifier.as_str() {
                "CheckSpecVersion" => Some(Value::from(runtime.version_number("spec_version"))),
                "CheckTxVersion" => {
                    Some(Value::from(runtime.version_number("transaction_version")))
                }
                "CheckGenesis" => Some(Value::from(*genesis)),
                "CheckMortality" | "CheckEra" => Some(Value::from(match self.era {
                    Era::Immortal => *genesis,
                    era => block_hash(ledger, era.birth(parent.number + 1), parent)
                        .ok_or(Invalid::AncientBirthBlock)?,
                })),
                _ => None,
            };
            encode(types, extension.implicit.id, implicit.as_ref(), &mut message)
                .map_err(|_| Invalid::Unknown("CannotLookup"))?;
        }
        if message.len() > 256 {
            message = blake2_256(&message).to_vec();
        }
        let is_good = match &self.signature {
            MultiSignature::Sr25519(signature) => verify_sr25519(&self.signer, &message, signature),
            MultiSignature::Other => false,
        };
        if is_good { Ok(()) } else { Err(Invalid::BadProof) }
    }

    /// The first block in which it is no longer valid.
    pub(super) fn death(&self, current: u64) -> u64 {
        self.era.death(current)
    }
}

fn read_call(runtime: &Runtime, mut input: &[u8]) -> Result<Call, Invalid> {
    let value = decode(runtime.types(), runtime.call_type(), &mut input)
        .map_err(|error| Invalid::Format(format!("its call does not decode: {error}")))?;
    if !input.is_empty() {
        return Err(Invalid::Format("something follows its call".to_owned()));
    }
    match value {
        Value::Variant(pallet, call) => match *call {
            Value::Variant(name, arguments) => Ok(Call { pallet, name, arguments: *arguments }),
            _ => Err(Invalid::Format("its call has no name".to_owned())),
        },
        _ => Err(Invalid::Format("its call is of no pallet".to_owned())),
    }
}

fn verify_sr25519(account: &Account, message: &[u8], signature: &[u8; 64]) -> bool {
    let Ok(key) = PublicKey::from_bytes(account) else { return false };
    let Ok(signature) = Signature::from_bytes(signature) else { return false };
    key.verify_simple(b"substrate", message, &signature).is_ok()
}

/// The hash of an earlier block, as known to the runtime in the block after `parent`.
fn block_hash(ledger: &Ledger, number: u64, parent: &Block) -> Option<Hash> {
    if number >= parent.number {
        return (number == parent.number).then_some(parent.hash);
    }
    let hash = ledger.get("System", "BlockHash", &[Key::Number(number)])?.as_account()?;
    (hash != [0; 32]).then_some(hash)
}

/// The inherent that sets a block's timestamp.
pub(super) fn timestamp(runtime: &Runtime, now: u64) -> Option<Vec<u8>> {
    let pallet = runtime.metadata().pallets.iter().find(|pallet| pallet.name == "Timestamp")?;
    let set = variants(runtime.types(), pallet.calls.as_ref()?.ty.id).find(|v| v.name == "set")?;
    let mut body = vec![4, pallet.index, set.index];
    Compact(now).encode_to(&mut body);
    Some(body.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_era_is_read_as_substrate_writes_it() {
        // Period 64, phase 42, as in Substrate's documentation.
        let mortal = Era::read(&mut &[0b1010_0101, 0b0000_0010][..]).unwrap();
        assert_eq!(mortal, Era::Mortal { period: 64, phase: 42 });
        assert_eq!((mortal.birth(1000), mortal.death(1000)), (42 + 14 * 64, 42 + 15 * 64));
        assert_eq!(mortal.birth(3), 42);
        assert_eq!(Era::read(&mut &[0][..]), Some(Era::Immortal));
        assert_eq!(Era::read(&mut &[1][..]), None);
    }
}
