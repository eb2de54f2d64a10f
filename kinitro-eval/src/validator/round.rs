//! How a round ended.

use std::fmt;
use std::time::Duration;

use kinitro_chain::weights::{WeightVector, WeightsReceipt};
use kinitro_chain::{Refusal, WeightsState};
use serde::Serialize;

use super::Rejection;

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "round", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Round {
    /// The weights were submitted.
    Submitted {
        /// The block that they are in, and what they are.
        receipt: WeightsReceipt,
    },
    /// The weights would have been submitted without `dry_run`.
    WouldSubmit {
        /// The weights.
        weights: WeightVector,
    },
    /// The same weights were submitted before, and need not be submitted again yet.
    Unchanged {
        /// Their state on the chain, if it is known.
        state: Option<WeightsState>,
    },
    /// The backend has no weights yet.
    NothingYet,
    /// The weights are too old.
    Stale {
        /// Their age by the clock of the chain, in seconds.
        age_seconds: u64,
    },
    /// The rate limit of the subnet does not allow new weights yet.
    TooSoon {
        /// Blocks until it does.
        blocks_left: u64,
    },
    /// An earlier transaction may still be included in a block, so nothing new is submitted.
    InDoubt {
        /// Blocks until it no longer can be.
        blocks_left: u64,
    },
    /// The weights are not valid for this subnet.
    Rejected {
        /// What is wrong with them.
        reason: Rejection,
    },
    /// The chain does not accept the weights from this hotkey.
    Refused {
        /// The reason of the chain.
        refusal: Refusal,
    },
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submitted { receipt } => {
                let block = receipt.inclusion.block.number;
                write!(f, "submitted {} weights in block {block}", receipt.weights.uids().len())?;
                match receipt.timelock {
                    Some(lock) => write!(f, ", sealed until about block {}", lock.reveal_block),
                    None => Ok(()),
                }
            }
            Self::WouldSubmit { weights } => {
                write!(f, "would submit {} weights", weights.uids().len())
            }
            Self::Unchanged { state: Some(WeightsState::Sealed { blocks_left }) } => {
                write!(f, "unchanged, and sealed for {blocks_left} more blocks")
            }
            Self::Unchanged { state: Some(WeightsState::InForce) } => {
                f.write_str("unchanged, and in force")
            }
            Self::Unchanged { .. } => f.write_str("unchanged"),
            Self::NothingYet => f.write_str("the backend has no weights yet"),
            Self::Stale { age_seconds } => {
                let age = humantime::format_duration(Duration::from_secs(*age_seconds));
                write!(f, "not submitted: the weights are {age} old")
            }
            Self::TooSoon { blocks_left } => {
                write!(f, "not yet: the rate limit lasts {blocks_left} more blocks")
            }
            Self::InDoubt { blocks_left } => write!(
                f,
                "not yet: an earlier transaction may still be included for {blocks_left} blocks"
            ),
            Self::Rejected { reason } => write!(f, "not submitted: {reason}"),
            Self::Refused { refusal } => write!(f, "not submitted: {refusal}"),
        }
    }
}
