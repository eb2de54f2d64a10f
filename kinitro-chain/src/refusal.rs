//! The chain's reasons for refusing, by name, with what can be done about them.

use std::fmt;

use serde::Serialize;

use crate::remedy::{Changed, Remedy};

/// The chain's reason for refusing, identified by the name that its own metadata gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The pallet that the error belongs to; empty if the transaction pool refused.
    pub pallet: String,
    /// The name of the error, for instance `SettingWeightsTooFast`.
    pub name: String,
    /// What is known about this case, for instance "37 blocks left".
    pub detail: Option<String>,
}

struct Explanation {
    name: &'static str,
    /// The number of the error as the pool tells it: "Custom error: N".
    pool: Option<u8>,
    message: &'static str,
    remedy: Option<Remedy>,
}

const fn explanation(
    name: &'static str,
    pool: Option<u8>,
    message: &'static str,
    remedy: Option<Remedy>,
) -> Explanation {
    Explanation { name, pool, message, remedy }
}

const REGISTER: Option<Remedy> = Some(Remedy::RegisterHotkey);
const STAKE: Option<Remedy> = Some(Remedy::AddStake);
const WAIT: Option<Remedy> = Some(Remedy::WaitForRateLimit);
const NETUID: Option<Remedy> = Some(Remedy::CheckNetuid);

/// The names are those of SubtensorModule and Commitments at spec 424; the numbers are the pool's
/// custom transaction errors (docs/spec/chain.md, section 3).
const EXPLANATIONS: &[Explanation] = &[
    explanation("AccountNotAllowedCommit", None, "hotkey not registered on the subnet", REGISTER),
    explanation(
        "SpaceLimitExceeded",
        None,
        "too many bytes were published by this hotkey in this epoch",
        Some(Remedy::WaitForEpoch),
    ),
    explanation("TooManyFieldsInCommitmentInfo", None, "the commitment has too many fields", None),
    explanation(
        "HotKeyNotRegisteredInSubNet",
        None,
        "hotkey not registered on the subnet",
        REGISTER,
    ),
    explanation(
        "HotKeyNotRegisteredInNetwork",
        Some(10),
        "hotkey not registered on the subnet",
        REGISTER,
    ),
    explanation("NotEnoughStakeToSetWeights", None, "not enough stake to set weights", STAKE),
    explanation("StakeAmountTooLow", Some(1), "not enough stake to set weights", STAKE),
    explanation(
        "IncorrectWeightVersionKey",
        None,
        "the weights are of an older version than the subnet takes",
        Some(Remedy::TryAgain(Changed::WeightsVersion)),
    ),
    explanation("SettingWeightsTooFast", None, "setting weights too fast", WAIT),
    explanation("CommittingWeightsTooFast", None, "setting weights too fast", WAIT),
    explanation("RateLimitExceeded", Some(6), "setting weights too fast", WAIT),
    explanation(
        "NeuronNoValidatorPermit",
        None,
        "the hotkey has no validator permit",
        Some(Remedy::EarnPermit),
    ),
    explanation("DuplicateUids", None, "a uid has two weights", None),
    explanation(
        "UidVecContainInvalidOne",
        None,
        "a weight is for a uid that is not on the subnet",
        Some(Remedy::ReadSubnetAgain),
    ),
    explanation("UidNotFound", Some(20), "a weight is for a uid that is not on the subnet", None),
    explanation(
        "UidsLengthExceedUidsInSubNet",
        None,
        "there are more weights than neurons on the subnet",
        None,
    ),
    explanation(
        "WeightVecLengthIsLow",
        None,
        "there are fewer weights than the subnet demands",
        Some(Remedy::WeighMoreNeurons),
    ),
    explanation("WeightVecNotEqualSize", None, "uids and weights are not equally many", None),
    explanation("InputLengthsUnequal", Some(18), "uids and weights are not equally many", None),
    explanation(
        "MaxWeightExceeded",
        None,
        "a weight is a larger share than the subnet allows",
        None,
    ),
    explanation(
        "CommitRevealEnabled",
        None,
        "the subnet takes sealed weights only",
        Some(Remedy::TryAgain(Changed::SealingOn)),
    ),
    explanation(
        "CommitRevealDisabled",
        None,
        "the subnet takes no sealed weights",
        Some(Remedy::TryAgain(Changed::SealingOff)),
    ),
    explanation(
        "IncorrectCommitRevealVersion",
        None,
        "the weights are sealed in another way than the subnet takes",
        Some(Remedy::UpdateProgram),
    ),
    explanation(
        "TooManyUnrevealedCommits",
        None,
        "too many weights of this hotkey are still sealed",
        Some(Remedy::WaitForReveal),
    ),
    explanation(
        "InvalidRevealRound",
        Some(15),
        "the round in which the weights would open is past",
        Some(Remedy::CheckClock),
    ),
    explanation("SubNetworkDoesNotExist", None, "there is no such subnet", NETUID),
    explanation("SubnetNotExists", Some(3), "there is no such subnet", NETUID),
    explanation("MechanismDoesNotExist", None, "there is no such subnet", NETUID),
    explanation("BadRequest", Some(255), "the chain calls it a bad request", None),
    explanation("InabilityToPay", None, "the account cannot pay the fee", Some(Remedy::FundHotkey)),
    explanation("BadSignature", None, "the signature does not fit", None),
    explanation(
        "Outdated",
        None,
        "the account has sent another transaction meanwhile",
        Some(Remedy::CheckOtherPrograms),
    ),
    explanation(
        "TooLowPriority",
        None,
        "another transaction of the account is on its way",
        Some(Remedy::CheckOtherPrograms),
    ),
    explanation("Future", None, "an earlier transaction of the account is missing", None),
];

impl Refusal {
    /// A refusal by a pallet, by the name of its error.
    pub fn new(pallet: impl Into<String>, name: impl Into<String>) -> Self {
        Self { pallet: pallet.into(), name: name.into(), detail: None }
    }

    /// Adds what is known about this case.
    #[must_use]
    pub fn with_detail(self, detail: impl fmt::Display) -> Self {
        Self { detail: Some(detail.to_string()), ..self }
    }

    /// The refusal that the transaction pool gives as a number.
    pub fn of_pool(number: u8) -> Self {
        match EXPLANATIONS.iter().find(|known| known.pool == Some(number)) {
            Some(known) => Self::new("", known.name),
            None => Self::new("", format!("Custom({number})")),
        }
    }

    fn explanation(&self) -> Option<&'static Explanation> {
        EXPLANATIONS.iter().find(|known| known.name == self.name)
    }

    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        self.explanation()?.remedy
    }

    /// Whether waiting for the rate limit to pass is all that it takes.
    pub fn is_rate_limit(&self) -> bool {
        self.explanation().is_some_and(|known| known.remedy == WAIT)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.explanation() {
            Some(known) => f.write_str(known.message)?,
            None => f.write_str("the chain refused")?,
        }
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        match self.pallet.as_str() {
            "" => write!(f, " ({})", self.name),
            pallet => write!(f, " ({pallet}.{})", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_why_and_by_which_name() {
        let refusal =
            Refusal::new("SubtensorModule", "SettingWeightsTooFast").with_detail("37 blocks left");
        assert_eq!(
            refusal.to_string(),
            "setting weights too fast: 37 blocks left (SubtensorModule.SettingWeightsTooFast)"
        );
        assert!(refusal.is_rate_limit() && refusal.remedy() == WAIT);
    }

    #[test]
    fn the_numbers_of_the_pool_have_names() {
        assert_eq!(Refusal::of_pool(1).name, "StakeAmountTooLow");
        assert!(Refusal::of_pool(6).is_rate_limit());
        assert_eq!(Refusal::of_pool(99).to_string(), "the chain refused (Custom(99))");
    }

    #[test]
    fn every_name_is_explained_once() {
        for (i, known) in EXPLANATIONS.iter().enumerate() {
            assert!(EXPLANATIONS[..i].iter().all(|earlier| earlier.name != known.name));
            assert!(
                known.pool.is_none()
                    || EXPLANATIONS[..i].iter().all(|earlier| earlier.pool != known.pool)
            );
        }
    }
}
