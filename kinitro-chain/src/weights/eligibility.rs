//! Whether a chain will accept weights.

use kinitro_core::{BlockNumber, Hotkey};

use super::vector::WeightVector;
use crate::refusal::Refusal;
use crate::subnet::{Hyperparameters, Neuron};

/// Checks before anything is sent whether the chain will accept weights: the checks of its runtime,
/// in their order (docs/spec/chain.md, section 3), as far as `parameters` and `neurons` show them.
/// `next_block` is the earliest block that can hold the transaction.
///
/// The stake is not checked: the chain also counts TAO towards it, which is not read here.
///
/// # Errors
/// The chain's first objection.
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

/// How many blocks `neuron` has to wait after `next_block` until the rate limit lets it set weights; 0
/// if it may set them in that block.
pub fn blocks_left(parameters: &Hyperparameters, neuron: &Neuron, next_block: BlockNumber) -> u64 {
    if neuron.last_update.0 == 0 {
        return 0;
    }
    let passed = next_block.0.saturating_sub(neuron.last_update.0);
    parameters.weights_rate_limit.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use kinitro_core::{Coldkey, MinerUid};

    use super::*;

    fn neuron(uid: u16, last_update: u64) -> Neuron {
        let hotkey = Hotkey::from_account_id([uid as u8; 32]);
        let mut neuron = Neuron::new(MinerUid(uid), hotkey, Coldkey::from_account_id([0; 32]));
        neuron.validator_permit = uid == 0;
        neuron.last_update = BlockNumber(last_update);
        neuron
    }

    fn objection(hotkey: u8, weights: &[(u16, u16)], block: u64) -> Option<String> {
        let neurons = [neuron(0, 40), neuron(1, 0), neuron(2, 0)];
        let weights = weights.iter().map(|(uid, value)| (MinerUid(*uid), *value));
        let weights = WeightVector::from_integers(weights);
        let hotkey = Hotkey::from_account_id([hotkey; 32]);
        let parameters = Hyperparameters { neurons: 3, ..Hyperparameters::default() };
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
}
