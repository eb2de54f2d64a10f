//! Weights on their way to the chain: as its integers, and whether it will take them.

use std::collections::BTreeMap;
use std::time::Duration;

use kinitro_core::scoring::{Rounding, WeightsError, to_u16};
use kinitro_core::{BlockNumber, Hotkey, MinerUid, NetUid};
use serde::{Deserialize, Serialize};

use crate::chain::{Chain, Hyperparameters, Inclusion, Neuron, WeightsState};
use crate::error::ChainError;
use crate::refusal::Refusal;

/// Weights as the chain takes them: uids in ascending order, and the share of each in 1/65535 of
/// the sum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawVector")]
pub struct WeightVector {
    uids: Vec<u16>,
    values: Vec<u16>,
}

/// The two lists of a vector that comes from outside.
#[derive(Deserialize)]
struct RawVector {
    uids: Vec<u16>,
    values: Vec<u16>,
}

impl TryFrom<RawVector> for WeightVector {
    type Error = &'static str;

    fn try_from(raw: RawVector) -> Result<Self, &'static str> {
        if raw.uids.len() != raw.values.len() {
            return Err("there are not as many uids as values");
        }
        Ok(Self::from_integers(raw.uids.into_iter().map(MinerUid).zip(raw.values)))
    }
}

impl WeightVector {
    /// The integers of shares of any scale: rounded down, those that become 0 left out.
    ///
    /// # Errors
    /// [`WeightsError`] when a share is negative or not finite, or all are 0.
    pub fn from_shares(shares: &BTreeMap<MinerUid, f64>) -> Result<Self, WeightsError> {
        let values: Vec<f64> = shares.values().copied().collect();
        let integers = to_u16(&values, Rounding::Floor)?;
        Ok(Self::from_integers(shares.keys().copied().zip(integers)))
    }

    /// Integers as they are; those that are 0 are left out. The last of two for a uid counts.
    pub fn from_integers(weights: impl IntoIterator<Item = (MinerUid, u16)>) -> Self {
        let weights: BTreeMap<MinerUid, u16> = weights.into_iter().collect();
        let (uids, values) =
            weights.into_iter().filter(|(_, value)| *value > 0).map(|(uid, v)| (uid.0, v)).unzip();
        Self { uids, values }
    }

    /// The uids, ascending.
    pub fn uids(&self) -> &[u16] {
        &self.uids
    }

    /// The weight of each uid.
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// Whether all weights are 0.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }

    /// The values as the chain keeps them: scaled until the largest is 65535, rounded to the
    /// nearest.
    pub fn as_stored(&self) -> Vec<u16> {
        let max = self.values.iter().copied().max().unwrap_or(0).max(1);
        let full = u64::from(u16::MAX);
        let scale = |value: &u16| (u64::from(*value) * full + u64::from(max) / 2) / u64::from(max);
        self.values.iter().map(|value| scale(value) as u16).collect()
    }
}

/// What became of a request to set weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsReceipt {
    /// The subnet.
    pub netuid: NetUid,
    /// Whose weights they are.
    pub hotkey: Hotkey,
    /// The weights.
    pub weights: WeightVector,
    /// Where the transaction is.
    pub inclusion: Inclusion,
    /// Present if they are sealed for now.
    pub timelock: Option<Timelock>,
}

/// How long weights stay sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timelock {
    /// The round of the beacon whose signature opens them.
    pub round: u64,
    /// The block in which the chain should open them.
    pub reveal_block: BlockNumber,
}

/// What the chain will object to, told before anything is sent: the checks of its runtime in their
/// order (docs/spec/chain.md, section 3), as far as what was read shows them. `next_block` is the
/// earliest block that the transaction can be in.
///
/// The chain also counts TAO towards the stake; where alpha alone is below the threshold it is left
/// to the chain to decide.
///
/// # Errors
/// The first objection.
pub fn eligibility(
    parameters: &Hyperparameters,
    neurons: &[Neuron],
    hotkey: &Hotkey,
    next_block: BlockNumber,
    weights: &WeightVector,
) -> Result<(), Refusal> {
    let refuse = |name: &str| Refusal::new("SubtensorModule", name);
    if weights.uids().len() > neurons.len() {
        let detail = format!("{} weights, {} neurons", weights.uids().len(), neurons.len());
        return Err(refuse("UidsLengthExceedUidsInSubNet").with_detail(detail));
    }
    let Some(neuron) = neurons.iter().find(|neuron| neuron.hotkey == *hotkey) else {
        return Err(refuse("HotKeyNotRegisteredInSubNet").with_detail(hotkey));
    };
    let left = blocks_left(parameters, neuron, next_block);
    if left > 0 {
        let name = if parameters.commit_reveal {
            "CommittingWeightsTooFast"
        } else {
            "SettingWeightsTooFast"
        };
        return Err(refuse(name).with_detail(format_args!("{left} blocks left")));
    }
    let alone = weights.uids() == [neuron.uid.0];
    if !neuron.validator_permit && !alone {
        return Err(
            refuse("NeuronNoValidatorPermit").with_detail(format_args!("uid {}", neuron.uid))
        );
    }
    if let Some(uid) =
        weights.uids().iter().find(|uid| neurons.iter().all(|neuron| neuron.uid.0 != **uid))
    {
        return Err(refuse("UidVecContainInvalidOne").with_detail(format_args!("uid {uid}")));
    }
    let least = usize::from(parameters.min_allowed_weights).min(neurons.len());
    if weights.uids().len() < least && !alone {
        let detail = format!("{} of at least {least}", weights.uids().len());
        return Err(refuse("WeightVecLengthIsLow").with_detail(detail));
    }
    Ok(())
}

/// How many blocks the rate limit still lasts for a transaction in `next_block`.
pub fn blocks_left(parameters: &Hyperparameters, neuron: &Neuron, next_block: BlockNumber) -> u64 {
    if neuron.last_update.0 == 0 {
        return 0;
    }
    let passed = next_block.0.saturating_sub(neuron.last_update.0);
    parameters.weights_rate_limit.saturating_sub(passed)
}

/// How many blocks sealed weights may be late before it is said that they are.
const GRACE: u64 = 20;

/// Waits until sealed weights are in force or gone, and tells `progress` each time it has looked.
/// Returns [`WeightsState::Sealed`] with 0 blocks left if the chain is late in opening them.
///
/// # Errors
/// [`ChainError`] when the chain cannot be read.
pub async fn follow_reveal(
    chain: &dyn Chain,
    receipt: &WeightsReceipt,
    poll: Duration,
    mut progress: impl FnMut(WeightsState),
) -> Result<WeightsState, ChainError> {
    loop {
        let state = chain.weights_state(receipt).await?;
        progress(state);
        let late = match receipt.timelock {
            Some(timelock) => chain.head().await?.best.number.0 > timelock.reveal_block.0 + GRACE,
            None => true,
        };
        if late || !matches!(state, WeightsState::Sealed { .. }) {
            return Ok(state);
        }
        tokio::time::sleep(poll).await;
    }
}

#[cfg(test)]
mod tests {
    use kinitro_core::Coldkey;
    use proptest::prelude::*;

    use super::*;
    use crate::chain::Rao;

    fn parameters() -> Hyperparameters {
        Hyperparameters {
            tempo: 360,
            neurons: 3,
            commit_reveal: false,
            commit_reveal_version: 4,
            reveal_period_epochs: 1,
            weights_version: 0,
            weights_rate_limit: 100,
            min_allowed_weights: 1,
            max_weight_limit: u16::MAX,
            stake_threshold: Rao(0),
        }
    }

    fn neuron(uid: u16, last_update: u64) -> Neuron {
        Neuron {
            uid: MinerUid(uid),
            hotkey: Hotkey::from_account_id([uid as u8; 32]),
            coldkey: Coldkey::from_account_id([0; 32]),
            stake: Rao(0),
            validator_permit: uid == 0,
            last_update: BlockNumber(last_update),
        }
    }

    fn objection(hotkey: u8, weights: &[(u16, u16)], block: u64) -> Option<String> {
        let neurons = [neuron(0, 40), neuron(1, 0), neuron(2, 0)];
        let weights = weights.iter().map(|(uid, value)| (MinerUid(*uid), *value));
        let weights = WeightVector::from_integers(weights);
        let hotkey = Hotkey::from_account_id([hotkey; 32]);
        let parameters = parameters();
        eligibility(&parameters, &neurons, &hotkey, BlockNumber(block), &weights)
            .err()
            .map(|refusal| refusal.to_string())
    }

    #[test]
    fn what_the_chain_will_object_to_is_known_before() {
        let says = |objection: Option<String>, words: &str| {
            let objection = objection.unwrap_or_default();
            assert!(objection.contains(words), "{objection:?} does not say {words:?}");
        };
        assert_eq!(objection(0, &[(1, 5), (2, 7)], 140), None);
        says(objection(0, &[(1, 5)], 103), "37 blocks left");
        says(objection(9, &[(1, 5)], 140), "not registered");
        says(objection(1, &[(2, 5)], 140), "permit");
        // A weight for itself needs no permit; one that has never set weights need not wait.
        assert_eq!(objection(1, &[(1, 5)], 1), None);
        says(objection(0, &[(1, 5), (7, 5)], 140), "uid 7");
        says(objection(0, &[(0, 1), (1, 1), (2, 1), (3, 1)], 140), "4 weights, 3 neurons");
    }

    #[test]
    fn weights_that_are_nothing_are_left_out() {
        let shares = [(MinerUid(4), 0.0), (MinerUid(2), 1.0), (MinerUid(9), 3.0)].into();
        let weights = WeightVector::from_shares(&shares).unwrap();
        assert_eq!((weights.uids(), weights.values()), (&[2, 9][..], &[16383, 49151][..]));
        assert_eq!(weights.as_stored(), [21844, 65535]);
        assert!(WeightVector::from_shares(&[(MinerUid(1), 0.0)].into()).is_err());
        assert!(WeightVector::from_integers([(MinerUid(1), 0)]).is_empty());
    }

    proptest! {
        #[test]
        fn scaling_keeps_shares(values in prop::collection::vec(1u16.., 1..50)) {
            let weights = values.iter().enumerate().map(|(uid, v)| (MinerUid(uid as u16), *v));
            let stored = WeightVector::from_integers(weights).as_stored();
            let max = f64::from(*values.iter().max().unwrap());
            prop_assert_eq!(stored.iter().max(), Some(&u16::MAX));
            for (value, stored) in values.iter().zip(stored) {
                let exact = f64::from(*value) / max * 65535.0;
                prop_assert!((exact - f64::from(stored)).abs() <= 0.5);
            }
        }
    }
}
