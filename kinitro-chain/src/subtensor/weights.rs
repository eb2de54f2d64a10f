//! Weights: checked, sent plainly or timelocked, and looked after until they count.

use kinitro_core::{BlockNumber, NetUid};
use scale_value::Value;
use subxt::utils::AccountId32;

use super::Subtensor;
use super::pin::Pin;
use super::reading::{account, netuid_value, number};
use super::runtime::SUBTENSOR;
use super::transaction::Call;
use crate::error::{ChainError, ChainErrorKind};
use crate::signer::Signer;
use crate::subnet::Hyperparameters;
use crate::weights::{Timelock, WeightVector, WeightsReceipt, WeightsState, eligibility};

/// The mechanism of a subnet that is meant where nothing is said.
const MECHANISM: u128 = 0;

/// Sealed weights as the chain files them: whose, since which block, the bytes, the round.
type SealedWeights = (AccountId32, u64, Vec<u8>, u64);

/// A list of numbers.
fn list<T: Copy + Into<u128>>(numbers: &[T]) -> Value {
    Value::unnamed_composite(numbers.iter().map(|&number| Value::u128(number.into())))
}

impl Subtensor {
    pub(super) async fn send_weights(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        weights: &WeightVector,
    ) -> Result<WeightsReceipt, ChainError> {
        if weights.is_empty() {
            return Err(ChainError::new(ChainErrorKind::Invalid, "there are no weights to set"));
        }
        let hotkey = signer.hotkey();
        let pin = self.best().await?;
        let (parameters, neurons) =
            tokio::try_join!(pin.hyperparameters(netuid), pin.neurons(netuid))?;
        let next_block = BlockNumber(pin.block.number.0 + 1);
        eligibility(&parameters, &neurons, &hotkey, next_block, weights)?;
        let (call, timelock) = if parameters.commit_reveal {
            let (call, timelock) = self.sealed(&pin, netuid, signer, weights, &parameters).await?;
            (call, Some(timelock))
        } else {
            (pin.plain(netuid, weights, &parameters)?, None)
        };
        let inclusion = self.submit(signer, &pin, call).await?;
        Ok(WeightsReceipt { netuid, hotkey, weights: weights.clone(), inclusion, timelock })
    }

    #[cfg(not(feature = "timelock"))]
    async fn sealed(
        &self,
        _: &Pin<'_>,
        netuid: NetUid,
        _: &dyn Signer,
        _: &WeightVector,
        _: &Hyperparameters,
    ) -> Result<(Call, Timelock), ChainError> {
        let message = format!(
            "subnet {netuid} takes sealed weights only, and this program was built without the feature `timelock`"
        );
        Err(ChainError::new(ChainErrorKind::Invalid, message))
    }

    pub(super) async fn read_weights_state(
        &self,
        receipt: &WeightsReceipt,
    ) -> Result<WeightsState, ChainError> {
        let pin = self.best().await?;
        let (netuid, hotkey) = (receipt.netuid, receipt.hotkey);
        if let Some(timelock) = receipt.timelock
            && pin.is_sealed(receipt, timelock).await?
        {
            let blocks_left = timelock.reveal_block.0.saturating_sub(pin.block.number.0);
            return Ok(WeightsState::Sealed { blocks_left });
        }
        let uid =
            pin.value(SUBTENSOR, "Uids", vec![netuid_value(netuid), account(&hotkey)]).await?;
        let Some(uid) = uid else { return Ok(WeightsState::Gone) };
        let key = vec![netuid_value(netuid), number(uid)];
        let stored: Vec<(u16, u16)> =
            pin.value(SUBTENSOR, "Weights", key).await?.unwrap_or_default();
        Ok(match same_weights(&receipt.weights, &stored) {
            true => WeightsState::InForce,
            false => WeightsState::Gone,
        })
    }
}

/// Whether weights are those that were sent, as the chain scales them. It calculates with fixed
/// points, so that the last digit may be another.
fn same_weights(sent: &WeightVector, stored: &[(u16, u16)]) -> bool {
    let expected: Vec<(u16, u16)> = sent.uids().iter().copied().zip(sent.as_stored()).collect();
    expected.len() == stored.len()
        && expected.iter().zip(stored).all(|((uid, weight), (stored_uid, stored_weight))| {
            uid == stored_uid && weight.abs_diff(*stored_weight) <= 1
        })
}

impl Pin<'_> {
    fn plain(
        &self,
        netuid: NetUid,
        weights: &WeightVector,
        parameters: &Hyperparameters,
    ) -> Result<Call, ChainError> {
        let mut arguments = vec![
            ("netuid", netuid_value(netuid)),
            ("dests", list(weights.uids())),
            ("weights", list(weights.values())),
            ("version_key", Value::u128(parameters.weights_version.into())),
        ];
        let name = self.mechanism_call(["set_mechanism_weights", "set_weights"], &mut arguments)?;
        Ok(Call { pallet: SUBTENSOR, name, arguments })
    }

    /// The call for a mechanism where the chain has it, else the one without.
    fn mechanism_call(
        &self,
        names: [&'static str; 2],
        arguments: &mut Vec<(&'static str, Value)>,
    ) -> Result<&'static str, ChainError> {
        let name = self.runtime.first_call(SUBTENSOR, &names)?;
        if name == names[0] {
            arguments.push(("mecid", Value::u128(MECHANISM)));
        }
        Ok(name)
    }

    /// Whether the weights of a receipt are still among those that wait to be opened.
    async fn is_sealed(
        &self,
        receipt: &WeightsReceipt,
        timelock: Timelock,
    ) -> Result<bool, ChainError> {
        // One list for each epoch: there are as many as epochs until the reveal.
        let entry = "TimelockedWeightCommits";
        let prefix = self.runtime.key(SUBTENSOR, entry, vec![netuid_value(receipt.netuid)])?;
        let mut batch = self.batch();
        let slots: Vec<_> = self
            .keys(&prefix)
            .await?
            .into_iter()
            .map(|key| batch.add_key(SUBTENSOR, entry, key))
            .collect();
        let values = batch.read().await?;
        for slot in slots {
            let sealed: Vec<SealedWeights> = values.find(slot)?.unwrap_or_default();
            let is_this = |(account, block, _, round): &SealedWeights| {
                account.0 == *receipt.hotkey.account_id()
                    && *block == receipt.inclusion.block.number.0
                    && *round == timelock.round
            };
            if sealed.iter().any(is_this) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(feature = "timelock")]
mod sealing {
    use std::time::{Duration, SystemTime};

    use parity_scale_codec::Encode as _;
    use scale_decode::DecodeAsType;

    use super::*;
    use crate::epoch::EpochState;
    use crate::timelock::{Beacon, PublicKey, WeightsPayload, seal};

    /// The beacon that the chain goes by, as it stores it. Times are in seconds.
    #[derive(DecodeAsType)]
    struct BeaconConfig {
        public_key: Vec<u8>,
        period: u64,
        genesis_time: u64,
    }

    impl Subtensor {
        /// The call that files sealed weights, and how long they will stay sealed.
        pub(super) async fn sealed(
            &self,
            pin: &Pin<'_>,
            netuid: NetUid,
            signer: &dyn Signer,
            weights: &WeightVector,
            parameters: &Hyperparameters,
        ) -> Result<(Call, Timelock), ChainError> {
            let (epoch, beacon, time, stored) = tokio::try_join!(
                pin.epoch(netuid),
                pin.beacon(),
                pin.time(),
                pin.value::<u64>("Drand", "LastStoredRound", vec![])
            )?;
            let block_time = Duration::from_millis(2 * pin.runtime.minimum_period()?);
            let reveal =
                epoch.reveal_of_next(parameters.reveal_period_epochs).ok_or_else(|| {
                    let message =
                        format!("subnet {netuid} has no epochs: sealed weights would never open");
                    ChainError::new(ChainErrorKind::Invalid, message)
                })?;
            let since_1970 = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let head = pin.block.number.0;
            let round = reveal.round(head, since_1970, block_time, beacon.genesis, beacon.period);
            // The chain takes no round that it has already; the clock of its blocks may be behind.
            let round = round.max(stored.unwrap_or_default() + 1);
            let payload = WeightsPayload {
                hotkey: signer.hotkey().account_id().to_vec(),
                uids: weights.uids().to_vec(),
                values: weights.values().to_vec(),
                version_key: parameters.weights_version,
            };
            let sealed = seal(&payload.encode(), &beacon.public_key, round).map_err(|error| {
                let message = format!("the weights cannot be sealed: {error}");
                ChainError::from_source(ChainErrorKind::Protocol, message, error)
            })?;
            let mut arguments = vec![
                ("netuid", netuid_value(netuid)),
                ("commit", Value::from_bytes(sealed)),
                ("reveal_round", Value::u128(round.into())),
                ("commit_reveal_version", number(parameters.commit_reveal_version)),
            ];
            let names = ["commit_timelocked_mechanism_weights", "commit_timelocked_weights"];
            let name = pin.mechanism_call(names, &mut arguments)?;
            let reveal_block = BlockNumber(reveal.target_block);
            Ok((Call { pallet: SUBTENSOR, name, arguments }, Timelock { round, reveal_block }))
        }
    }

    impl Pin<'_> {
        async fn epoch(&self, netuid: NetUid) -> Result<EpochState, ChainError> {
            let mut batch = self.batch();
            let mut add = |entry| batch.add(SUBTENSOR, entry, vec![netuid_value(netuid)]);
            let tempo = add("Tempo")?;
            let last = add("LastEpochBlock")?;
            let pending = add("PendingEpochAt")?;
            let index = add("SubnetEpochIndex")?;
            let since = add("BlocksSinceLastStep")?;
            let values = batch.read().await?;
            Ok(EpochState {
                block: self.block.number.0,
                tempo: values.get(tempo)?,
                last_epoch_block: values.get(last)?,
                pending_epoch_at: values.get(pending)?,
                subnet_epoch_index: values.get(index)?,
                blocks_since_last_step: values.get(since)?,
            })
        }

        async fn beacon(&self) -> Result<Beacon, ChainError> {
            let config: Option<BeaconConfig> = self.value("Drand", "BeaconConfig", vec![]).await?;
            let beacon = config.and_then(|config| {
                Some(Beacon {
                    public_key: PublicKey::try_from(config.public_key).ok()?,
                    genesis: Duration::from_secs(config.genesis_time),
                    period: Duration::from_secs(config.period),
                })
            });
            beacon.ok_or_else(|| {
                let message = "the chain names no beacon that weights could be sealed for";
                ChainError::new(ChainErrorKind::Protocol, message)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use kinitro_core::MinerUid;

    use super::*;

    #[test]
    fn weights_are_known_again_after_the_chain_has_scaled_them() {
        let sent = WeightVector::from_integers([(MinerUid(1), 100), (MinerUid(7), 300)]);
        assert!(same_weights(&sent, &[(1, 21845), (7, 65535)]));
        assert!(same_weights(&sent, &[(1, 21846), (7, 65535)]));
        assert!(!same_weights(&sent, &[(1, 21843), (7, 65535)]));
        assert!(!same_weights(&sent, &[(2, 21845), (7, 65535)]));
        assert!(!same_weights(&sent, &[(7, 65535)]));
    }
}
