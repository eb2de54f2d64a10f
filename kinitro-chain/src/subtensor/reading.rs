//! What is read of a subnet.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid, NetUid};
use scale_decode::visitor::types::Variant;
use scale_decode::visitor::{TypeIdFor, Unexpected, Visitor};
use scale_decode::{DecodeAsType, IntoVisitor, TypeResolver};
use scale_value::Value;
use subxt::utils::AccountId32;

use super::Subtensor;
use super::pin::{Batch, BatchValues, Pin, Slot};
use super::runtime::{COMMITMENTS, SUBTENSOR};
use crate::block::{Block, Head};
use crate::error::{ChainError, ChainErrorKind};
use crate::subnet::{Commitment, Hyperparameters, Neuron, NeuronWeights, Rao, Subnet};

/// A neuron as the runtime tells it. Fields are matched by name; those not named are passed over.
#[derive(DecodeAsType)]
struct NeuronInfo {
    hotkey: AccountId32,
    coldkey: AccountId32,
    uid: u16,
    stake: Vec<(AccountId32, u64)>,
    last_update: u64,
    validator_permit: bool,
}

/// A commitment as it is stored.
#[derive(DecodeAsType)]
struct Registration {
    block: u64,
    info: CommitmentInfo,
}

#[derive(DecodeAsType)]
struct CommitmentInfo {
    fields: Vec<Data>,
}

/// One field of a commitment: its bytes, if it is of a kind that holds bytes.
struct Data(Option<Vec<u8>>);

/// The kinds of [`Data`] that hold bytes, by the number that stands before them: 0 to 128 bytes
/// (`Raw0` to `Raw128`), and up to 512 (`BigRaw`).
const RAW: std::ops::RangeInclusive<u8> = 1..=129;
const BIG_RAW: u8 = 136;

struct DataVisitor<R>(PhantomData<R>);

impl<R: TypeResolver> Visitor for DataVisitor<R> {
    type Value<'scale, 'resolver> = Data;
    type Error = scale_decode::Error;
    type TypeResolver = R;

    fn visit_variant<'scale, 'resolver>(
        self,
        value: &mut Variant<'scale, 'resolver, R>,
        _type_id: TypeIdFor<Self>,
    ) -> Result<Data, scale_decode::Error> {
        let index = value.index();
        if !(RAW.contains(&index) || index == BIG_RAW) {
            return Ok(Data(None));
        }
        let bytes = value.fields().decode_item(Vec::<u8>::into_visitor()).transpose()?;
        Ok(Data(Some(bytes.unwrap_or_default())))
    }

    fn visit_unexpected<'scale, 'resolver>(
        self,
        unexpected: Unexpected,
    ) -> Result<Self::Value<'scale, 'resolver>, Self::Error> {
        Err(scale_decode::Error::custom_string(format!("a commitment is a variant: {unexpected}")))
    }
}

impl IntoVisitor for Data {
    type AnyVisitor<R: TypeResolver> = DataVisitor<R>;

    fn into_visitor<R: TypeResolver>() -> DataVisitor<R> {
        DataVisitor(PhantomData)
    }
}

/// A subnet's number as a key or an argument.
pub(super) fn netuid_value(netuid: NetUid) -> Value {
    number(netuid.0)
}

/// A number as a key or an argument.
pub(super) fn number(number: u16) -> Value {
    Value::u128(number.into())
}

/// An account as a key.
pub(super) fn account(hotkey: &Hotkey) -> Value {
    Value::from_bytes(hotkey.account_id())
}

/// Where the parameters of a subnet are in a batch.
pub(super) struct HyperparameterSlots {
    added: Slot,
    tempo: Slot,
    neurons: Slot,
    commit_reveal: Slot,
    commit_reveal_version: Slot,
    reveal_period: Slot,
    version: Slot,
    rate_limit: Slot,
    min_allowed: Slot,
    max_limit: Slot,
    stake: Slot,
}

impl HyperparameterSlots {
    pub(super) fn add(batch: &mut Batch<'_>, netuid: NetUid) -> Result<Self, ChainError> {
        let mut of_subnet = |entry| batch.add(SUBTENSOR, entry, vec![netuid_value(netuid)]);
        let added = of_subnet("NetworksAdded")?;
        let tempo = of_subnet("Tempo")?;
        let neurons = of_subnet("SubnetworkN")?;
        let commit_reveal = of_subnet("CommitRevealWeightsEnabled")?;
        let reveal_period = of_subnet("RevealPeriodEpochs")?;
        let version = of_subnet("WeightsVersionKey")?;
        let rate_limit = of_subnet("WeightsSetRateLimit")?;
        let min_allowed = of_subnet("MinAllowedWeights")?;
        let max_limit = of_subnet("MaxWeightsLimit")?;
        let commit_reveal_version = batch.add(SUBTENSOR, "CommitRevealWeightsVersion", vec![])?;
        let stake = batch.add(SUBTENSOR, "StakeThreshold", vec![])?;
        Ok(Self {
            added,
            tempo,
            neurons,
            commit_reveal,
            commit_reveal_version,
            reveal_period,
            version,
            rate_limit,
            min_allowed,
            max_limit,
            stake,
        })
    }

    pub(super) fn get(
        &self,
        values: &BatchValues,
        netuid: NetUid,
    ) -> Result<Hyperparameters, ChainError> {
        if !values.find::<bool>(self.added)?.unwrap_or(false) {
            let message = format!("there is no subnet {netuid}");
            return Err(ChainError::new(ChainErrorKind::UnknownSubnet, message));
        }
        Ok(Hyperparameters {
            tempo: values.get(self.tempo)?,
            neurons: values.get(self.neurons)?,
            commit_reveal: values.get(self.commit_reveal)?,
            commit_reveal_version: values.get(self.commit_reveal_version)?,
            reveal_period_epochs: values.get(self.reveal_period)?,
            weights_version: values.get(self.version)?,
            weights_rate_limit: values.get(self.rate_limit)?,
            min_allowed_weights: values.get(self.min_allowed)?,
            max_weight_limit: values.get(self.max_limit)?,
            stake_threshold: Rao(values.get(self.stake)?),
        })
    }
}

impl Pin<'_> {
    /// The time of the block.
    pub(super) async fn time(&self) -> Result<SystemTime, ChainError> {
        let millis: u64 = self.value("Timestamp", "Now", vec![]).await?.unwrap_or_default();
        Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(millis))
    }

    pub(super) async fn neurons(&self, netuid: NetUid) -> Result<Vec<Neuron>, ChainError> {
        let call =
            self.call("NeuronInfoRuntimeApi", "get_neurons_lite", vec![netuid_value(netuid)]);
        let infos: Vec<NeuronInfo> = call.await?;
        let mut neurons: Vec<Neuron> = infos
            .into_iter()
            .map(|info| Neuron {
                uid: MinerUid(info.uid),
                hotkey: Hotkey::from_account_id(info.hotkey.0),
                coldkey: Coldkey::from_account_id(info.coldkey.0),
                stake: Rao(info.stake.iter().map(|(_, stake)| stake).sum()),
                validator_permit: info.validator_permit,
                last_update: BlockNumber(info.last_update),
            })
            .collect();
        neurons.sort_by_key(|neuron| neuron.uid);
        Ok(neurons)
    }

    pub(super) async fn hyperparameters(
        &self,
        netuid: NetUid,
    ) -> Result<Hyperparameters, ChainError> {
        let mut batch = self.batch();
        let slots = HyperparameterSlots::add(&mut batch, netuid)?;
        slots.get(&batch.read().await?, netuid)
    }

    pub(super) async fn subnet(&self, netuid: NetUid) -> Result<Subnet, ChainError> {
        let prefix = self.runtime.key(COMMITMENTS, "CommitmentOf", vec![netuid_value(netuid)])?;
        let (neurons, keys) = tokio::try_join!(self.neurons(netuid), self.keys(&prefix))?;
        let uids: BTreeMap<Hotkey, MinerUid> =
            neurons.iter().map(|neuron| (neuron.hotkey, neuron.uid)).collect();
        let mut batch = self.batch();
        let slots = HyperparameterSlots::add(&mut batch, netuid)?;
        let mut published = Vec::with_capacity(keys.len());
        for key in keys {
            let account = account_at_the_end(&key)?;
            published.push((account, batch.add_key(COMMITMENTS, "CommitmentOf", key)));
        }
        let values = batch.read().await?;
        let hyperparameters = slots.get(&values, netuid)?;
        let mut commitments = Vec::with_capacity(published.len());
        for (hotkey, slot) in published {
            let Some(registration) = values.find::<Registration>(slot)? else { continue };
            commitments.push(Commitment {
                hotkey,
                uid: uids.get(&hotkey).copied(),
                block: BlockNumber(registration.block),
                data: registration.info.fields.into_iter().next().and_then(|data| data.0),
            });
        }
        commitments.sort_by_key(|commitment| commitment.hotkey);
        Ok(Subnet { neurons, commitments, hyperparameters })
    }
}

impl Pin<'_> {
    pub(super) async fn weights(&self, netuid: NetUid) -> Result<Vec<NeuronWeights>, ChainError> {
        let prefix = self.runtime.key(SUBTENSOR, "Weights", vec![netuid_value(netuid)])?;
        let (_, keys) = tokio::try_join!(self.hyperparameters(netuid), self.keys(&prefix))?;
        let mut batch = self.batch();
        let mut slots = Vec::with_capacity(keys.len());
        for key in keys {
            // The uid is hashed by `Identity`: its two bytes are the last of the key.
            let uid = key.last_chunk::<2>().copied().unwrap_or_default();
            slots.push((u16::from_le_bytes(uid), batch.add_key(SUBTENSOR, "Weights", key)));
        }
        let values = batch.read().await?;
        let mut all = Vec::with_capacity(slots.len());
        for (uid, slot) in slots {
            let weights: Vec<(u16, u16)> = values.find(slot)?.unwrap_or_default();
            if weights.is_empty() {
                continue;
            }
            let weights = weights.into_iter().map(|(uid, weight)| (MinerUid(uid), weight));
            all.push(NeuronWeights { uid: MinerUid(uid), weights: weights.collect() });
        }
        all.sort_by_key(|neuron| neuron.uid);
        Ok(all)
    }
}

/// The account that a key ends with: hashers that end with the key itself are the only ones that
/// can be listed.
pub(super) fn account_at_the_end(key: &[u8]) -> Result<Hotkey, ChainError> {
    match key.last_chunk::<32>() {
        Some(account) => Ok(Hotkey::from_account_id(*account)),
        None => Err(ChainError::new(ChainErrorKind::Protocol, "a storage key without its account")),
    }
}

impl Subtensor {
    pub(super) async fn read_head(&self) -> Result<Head, ChainError> {
        let best = self.best().await?;
        let finalized = async {
            let hash = self.finalized_hash().await?;
            Ok(Block { number: self.block_number(hash).await?, hash })
        };
        let (time, finalized) = tokio::try_join!(best.time(), finalized)?;
        Ok(Head { best: best.block, time, finalized })
    }
}
