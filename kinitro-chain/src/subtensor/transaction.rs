//! Transactions: signed, sent once, and looked for until their fate is known.

use std::collections::BTreeMap;

use kinitro_core::{BlockNumber, NetUid};
use scale_decode::DecodeAsType;
use scale_value::{Composite, Primitive, Value, ValueDef};
use serde::Deserialize;
use serde_json::json;
use subxt::config::substrate::H256;
use subxt::config::{DefaultExtrinsicParamsBuilder, SubstrateConfig};
use subxt::events::Phase;
use subxt::utils::{AccountId32, MultiSignature};
use tokio::time::Instant;

use super::hex::Hex;
use super::pin::Pin;
use super::reading::netuid_value;
use super::rpc::{CallError, excerpt};
use super::runtime::{COMMITMENTS, protocol};
use super::{Finality, Subtensor};
use crate::block::{Block, Hash256, Inclusion};
use crate::commitment::CommitmentData;
use crate::error::{ChainError, ChainErrorKind};
use crate::refusal::Refusal;
use crate::signer::Signer;

/// The error numbers of a node's transaction pool.
mod pool {
    /// The transaction is not valid; the data say why.
    pub(super) const INVALID: i32 = 1010;
    /// It was found invalid some time ago and is not looked at again for a while.
    pub(super) const BANNED: i32 = 1012;
    /// It is there already.
    pub(super) const ALREADY_IMPORTED: i32 = 1013;
    /// Another with the same nonce is there.
    pub(super) const PRIORITY_TOO_LOW: i32 = 1014;
}

/// A call with its arguments by name.
pub(super) struct Call {
    pub(super) pallet: &'static str,
    pub(super) name: &'static str,
    pub(super) arguments: Vec<(&'static str, Value)>,
}

/// A signed transaction, and the blocks that it can be in.
struct Signed {
    bytes: Vec<u8>,
    hash: Hash256,
    /// The block that it was made on.
    birth: u64,
    /// The last block that it can be in.
    last: u64,
}

/// A transaction that was found in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    block: Block,
    index: u32,
}

#[derive(Deserialize)]
struct SignedBlock {
    block: BlockBody,
}

#[derive(Deserialize)]
struct BlockBody {
    extrinsics: Vec<Hex>,
}

impl Subtensor {
    /// Signs a call for the runtime of a block, sends it, and sees it through.
    pub(super) async fn submit(
        &self,
        signer: &dyn Signer,
        on: &Pin<'_>,
        call: Call,
    ) -> Result<Inclusion, ChainError> {
        // Two at once would be given the same nonce.
        let turn = self.sending.lock().await;
        let signed = self.sign(signer, on, call).await?;
        let deadline = Instant::now() + self.settings.patience;
        let sent = self
            .rpc
            .call_once::<Hash256>("author_submitExtrinsic", json!([Hex(signed.bytes.clone())]))
            .await;
        drop(turn);
        let doubt = match sent {
            Ok(_) => None,
            Err(CallError::Refused { code: pool::ALREADY_IMPORTED, .. }) => None,
            Err(CallError::Refused { code, message, data }) => {
                return Err(refused(code, &message, &data));
            }
            // The node may have it or not: the chain will tell.
            Err(CallError::Lost(error)) => Some(error),
        };
        self.follow(&signed, deadline, doubt).await
    }

    async fn sign(
        &self,
        signer: &dyn Signer,
        on: &Pin<'_>,
        call: Call,
    ) -> Result<Signed, ChainError> {
        let hotkey = signer.hotkey();
        // The nonce that the newest block has is not enough: transactions may be waiting.
        let nonce: u64 =
            self.rpc.read("system_accountNextIndex", json!([hotkey.to_string()])).await?;
        let Block { number: BlockNumber(birth), hash } = self.birth(on.block).await?;
        let mortality = self.settings.mortality;
        let parameters = DefaultExtrinsicParamsBuilder::<SubstrateConfig>::new()
            .nonce(nonce)
            .mortal_from_unchecked(mortality, birth, H256(hash.0))
            .build();
        let arguments = Composite::named(call.arguments);
        let payload = subxt::dynamic::tx(call.pallet, call.name, arguments);
        let what = || format!("the call {}.{} of the chain", call.pallet, call.name);
        let transactions = on.runtime.client().transactions();
        let mut signable = transactions
            .create_v4_signable_offline(&payload, parameters)
            .map_err(|error| protocol(what(), error))?;
        let message = signable.signer_payload().map_err(|error| protocol(what(), error))?;
        let signature = MultiSignature::Sr25519(signer.sign(&message));
        let account = AccountId32(*hotkey.account_id());
        let transaction = signable
            .sign_with_account_and_signature(&account, &signature)
            .map_err(|error| protocol(what(), error))?;
        let hash = Hash256(transaction.hash().0);
        Ok(Signed { bytes: transaction.into_encoded(), hash, birth, last: birth + mortality - 1 })
    }

    /// The block that a transaction names as its beginning. With a final one it stays valid through
    /// a fork; where final blocks are far behind it must be the newest.
    async fn birth(&self, best: Block) -> Result<Block, ChainError> {
        let hash = self.finalized_hash().await?;
        let number = self.block_number(hash).await?;
        let behind = best.number.0.saturating_sub(number.0);
        Ok(if behind < self.settings.mortality / 2 { Block { number, hash } } else { best })
    }

    /// Looks for a transaction until it is found, or can be in no block any more.
    async fn follow(
        &self,
        signed: &Signed,
        deadline: Instant,
        mut doubt: Option<ChainError>,
    ) -> Result<Inclusion, ChainError> {
        // Blocks that were searched in vain. A fork puts another hash at the same height.
        let mut searched: BTreeMap<u64, Hash256> = BTreeMap::new();
        loop {
            match self.look(signed, &mut searched).await {
                Ok(Some(fate)) => return fate,
                Ok(None) => {}
                Err(error) if retryable(error.kind()) => doubt = Some(error),
                Err(error) => return Err(undetermined(signed, error)),
            }
            if Instant::now() >= deadline {
                let silence = || {
                    let message = "the chain makes no blocks";
                    ChainError::new(ChainErrorKind::Timeout, message)
                };
                return Err(undetermined(signed, doubt.unwrap_or_else(silence)));
            }
            tokio::time::sleep(self.settings.poll).await;
        }
    }

    /// One look. `None` means that it is not known yet.
    async fn look(
        &self,
        signed: &Signed,
        searched: &mut BTreeMap<u64, Hash256>,
    ) -> Result<Option<Result<Inclusion, ChainError>>, ChainError> {
        self.check_genesis().await?;
        let finalized = self.block_number(self.finalized_hash().await?).await?.0;
        let best = self.block_number(self.best_hash().await?).await?.0;
        for height in signed.birth + 1..=best.min(signed.last) {
            let hash: Option<Hash256> =
                self.rpc.read("chain_getBlockHash", json!([height])).await?;
            let Some(hash) = hash else { break };
            if searched.get(&height) == Some(&hash) {
                continue;
            }
            let Some(index) = self.index_in(hash, &signed.bytes).await? else {
                searched.insert(height, hash);
                continue;
            };
            let finalized = height <= finalized;
            if self.settings.finality == Finality::Finalized && !finalized {
                return Ok(None);
            }
            let block = Block { number: BlockNumber(height), hash };
            let outcome = self.outcome(Found { block, index }).await?;
            let inclusion = Inclusion { transaction: signed.hash, block, finalized };
            return Ok(Some(outcome.map(|()| inclusion).map_err(ChainError::from)));
        }
        if finalized < signed.last {
            return Ok(None);
        }
        let message = format!(
            "the transaction {} is in none of the blocks {} to {}",
            signed.hash,
            signed.birth + 1,
            signed.last
        );
        Ok(Some(Err(ChainError::new(ChainErrorKind::NotIncluded, message))))
    }

    /// Where in a block a transaction is.
    async fn index_in(&self, hash: Hash256, bytes: &[u8]) -> Result<Option<u32>, ChainError> {
        let block: Option<SignedBlock> = self.rpc.read("chain_getBlock", json!([hash])).await?;
        let position = block.and_then(|block| {
            block.block.extrinsics.iter().position(|extrinsic| extrinsic.0 == bytes)
        });
        Ok(position.map(|position| position as u32))
    }

    /// What the events of its block say of a transaction.
    async fn outcome(&self, found: Found) -> Result<Result<(), Refusal>, ChainError> {
        let pin = Pin::at(self, found.block.hash).await?;
        let key = pin.runtime.key("System", "Events", vec![])?;
        let bytes = pin.values(&[key]).await?.remove(0).unwrap_or_default();
        let events = pin.runtime.client().events().from_bytes(bytes);
        for event in events.iter() {
            let event = event.map_err(|error| protocol("an event of the chain", error))?;
            if event.phase() != Phase::ApplyExtrinsic(found.index)
                || event.pallet_name() != "System"
            {
                continue;
            }
            match event.event_name() {
                "ExtrinsicSuccess" => return Ok(Ok(())),
                "ExtrinsicFailed" => {
                    let failed: ExtrinsicFailed = event
                        .decode_fields_unchecked_as()
                        .map_err(|error| protocol("an event of the chain", error))?;
                    return Ok(Err(pin.refusal(&failed.dispatch_error)));
                }
                _ => {}
            }
        }
        let message = format!("block {} says nothing of its transaction", found.block.number);
        Err(ChainError::new(ChainErrorKind::Protocol, message))
    }

    pub(super) async fn send_commitment(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        data: &CommitmentData,
    ) -> Result<Inclusion, ChainError> {
        let bytes = data.as_bytes();
        let is_long = bytes.len() > CommitmentData::LIMIT;
        let kind = if is_long { "BigRaw".to_owned() } else { format!("Raw{}", bytes.len()) };
        let pin = self.best().await?;
        // Tells a subnet that is not there from a hotkey that is not on it.
        pin.hyperparameters(netuid).await?;
        if is_long && !pin.runtime.takes_long_commitments() {
            let message = format!(
                "the commitment has {} bytes, and this chain takes {} at most",
                bytes.len(),
                CommitmentData::LIMIT
            );
            return Err(ChainError::new(ChainErrorKind::Invalid, message));
        }
        let field = Value::unnamed_variant(kind, [Value::from_bytes(bytes)]);
        let info = Value::named_composite([("fields", Value::unnamed_composite([field]))]);
        let call = Call {
            pallet: COMMITMENTS,
            name: pin.runtime.first_call(COMMITMENTS, &["set_commitment"])?,
            arguments: vec![("netuid", netuid_value(netuid)), ("info", info)],
        };
        self.submit(signer, &pin, call).await
    }
}

#[derive(DecodeAsType)]
struct ExtrinsicFailed {
    dispatch_error: Value,
}

impl Pin<'_> {
    /// Converts a runtime error into a refusal. Pallet errors are identified by two indices.
    fn refusal(&self, error: &Value) -> Refusal {
        let ValueDef::Variant(variant) = &error.value else {
            return Refusal::new("", "unknown");
        };
        let named = match (variant.name.as_str(), &variant.values) {
            ("Module", values) => module_error(values)
                .and_then(|(pallet, error)| self.runtime.error_name(pallet, error)),
            _ => None,
        };
        match named {
            Some((pallet, name)) => Refusal::new(pallet, name),
            None => Refusal::new("", variant.name.clone()),
        }
    }
}

/// The numbers of pallet and error in `Module(ModuleError { index, error })`.
fn module_error<T>(values: &Composite<T>) -> Option<(u8, u8)> {
    let inner = match values {
        Composite::Unnamed(values) => values.first()?,
        Composite::Named(_) => return fields(values),
    };
    match &inner.value {
        ValueDef::Composite(composite) => fields(composite),
        _ => None,
    }
}

fn fields<T>(composite: &Composite<T>) -> Option<(u8, u8)> {
    let Composite::Named(fields) = composite else { return None };
    let field =
        |wanted: &str| fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
    Some((small(field("index")?)?, small(field("error")?)?))
}

/// A small number, or the first of several.
fn small<T>(value: &Value<T>) -> Option<u8> {
    match &value.value {
        ValueDef::Primitive(Primitive::U128(number)) => u8::try_from(*number).ok(),
        ValueDef::Composite(Composite::Unnamed(values)) => small(values.first()?),
        _ => None,
    }
}

/// Whether another look may have an answer.
fn retryable(kind: &ChainErrorKind) -> bool {
    matches!(
        kind,
        // A node that has just restarted may not know its newest blocks yet.
        ChainErrorKind::Connection | ChainErrorKind::Timeout | ChainErrorKind::Protocol
    )
}

fn undetermined(signed: &Signed, error: ChainError) -> ChainError {
    let message = format!(
        "the transaction {} was sent, and whether it is in one of the blocks {} to {} is not known: {error}",
        signed.hash,
        signed.birth + 1,
        signed.last
    );
    ChainError::from_source(ChainErrorKind::Undetermined, message, error)
}

/// Why the pool of a node does not take a transaction.
fn refused(code: i32, message: &str, data: &str) -> ChainError {
    if code == pool::BANNED {
        let message = "the node has found the same transaction invalid a short while ago";
        return ChainError::new(ChainErrorKind::NotIncluded, message);
    }
    if code == pool::PRIORITY_TOO_LOW {
        return Refusal::new("", "TooLowPriority").into();
    }
    if code != pool::INVALID {
        let said = excerpt(message, data);
        let message = format!("the node does not take the transaction: {said} ({code})");
        return ChainError::new(ChainErrorKind::Protocol, message);
    }
    if let Some(number) = data.strip_prefix("Custom error: ").and_then(|n| n.trim().parse().ok()) {
        return Refusal::of_pool(number).into();
    }
    // The words are those of sp-runtime's `InvalidTransaction`.
    let known = [
        ("Inability to pay", "InabilityToPay"),
        ("bad signature", "BadSignature"),
        ("outdated", "Outdated"),
        ("will be valid in the future", "Future"),
        ("ancient birth block", "AncientBirthBlock"),
    ];
    match known.iter().find(|(words, _)| data.contains(words)) {
        Some((_, name)) => Refusal::new("", *name).into(),
        None => Refusal::new("", "InvalidTransaction").with_detail(excerpt(data, "")).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_has_its_reasons() {
        let name = |data: &str| {
            refused(pool::INVALID, "Invalid Transaction", data).refusal().map(|r| r.name.clone())
        };
        assert_eq!(name("Custom error: 6").as_deref(), Some("RateLimitExceeded"));
        assert_eq!(name("Transaction has a bad signature").as_deref(), Some("BadSignature"));
        assert_eq!(name("Transaction is outdated").as_deref(), Some("Outdated"));
        let paying = "Inability to pay some fees (e.g. account balance too low)";
        assert_eq!(name(paying).as_deref(), Some("InabilityToPay"));
        assert_eq!(name("Custom error: 300").as_deref(), Some("InvalidTransaction"));
        assert_eq!(*refused(1012, "banned", "").kind(), ChainErrorKind::NotIncluded);
        assert_eq!(*refused(-32601, "no such method", "").kind(), ChainErrorKind::Protocol);
    }

    #[test]
    fn an_error_of_a_pallet_is_found_by_its_two_numbers() {
        let error = Value::unnamed_composite([29_u128, 0, 0, 0].map(Value::u128));
        let inner = Value::named_composite([("index", Value::u128(7)), ("error", error)]);
        let error = Value::unnamed_variant("Module", [inner]);
        let ValueDef::Variant(variant) = &error.value else { panic!("it is a variant") };
        assert_eq!(module_error(&variant.values), Some((7, 29)));
    }
}
