//! Whether the weights of a backend may be submitted.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use kinitro_chain::Subnet;
use kinitro_chain::weights::WeightVector;
use kinitro_core::scoring::WeightsError;
use kinitro_core::{BlockNumber, MinerUid};
use serde::Serialize;

use super::source::LatestWeights;

/// How far the time of weights may be ahead of the chain's clock, which stands still between blocks.
const CLOCK_SLACK: Duration = Duration::from_secs(120);

/// What is wrong with the weights of a backend. In JSON it is its text.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// They were made long after the newest block of the chain.
    #[error("the weights were made {ahead} s after the newest block")]
    FromTheFuture {
        /// How long after it, in seconds.
        ahead: u64,
    },
    /// They are for a block that the chain does not have yet.
    #[error("the weights are for block {block}, the newest is {newest}")]
    FutureBlock {
        /// The block that they are for.
        block: BlockNumber,
        /// The newest block of the chain.
        newest: BlockNumber,
    },
    /// A weight is not a number from 0 to 1.
    #[error("a weight is no number from 0 to 1")]
    NotAShare,
    /// The sum of the weights is not 1.
    #[error("the weights have the sum {0} instead of 1")]
    Sum(f64),
    /// The weights have no form as integers.
    #[error(transparent)]
    Shares(#[from] WeightsError),
    /// All integer weights are 0.
    #[error("all weights are 0")]
    AllZero,
    /// The integer weight of a miner does not agree with its share.
    #[error("uid {uid} has the weight {share} and the integer {value} of {sum}")]
    Contradiction {
        /// The miner.
        uid: MinerUid,
        /// Its share.
        share: f64,
        /// Its integer weight.
        value: u16,
        /// The sum of all integer weights.
        sum: u32,
    },
    /// There is a weight for a slot that the subnet does not have.
    #[error("there is a weight for uid {0}, which is not on the subnet")]
    NotOnTheSubnet(MinerUid),
    /// Every slot with a weight has a new owner.
    #[error("no miner with a weight is on the subnet any more")]
    NobodyLeft,
}

impl Serialize for Rejection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The weights, if they are valid for this subnet.
pub(super) fn check(
    latest: &LatestWeights,
    now: SystemTime,
    best: BlockNumber,
    subnet: &Subnet,
) -> Result<WeightVector, Rejection> {
    if latest.created_at > now + CLOCK_SLACK {
        let ahead = latest.created_at.duration_since(now).unwrap_or_default().as_secs();
        return Err(Rejection::FromTheFuture { ahead });
    }
    if latest.block > best {
        return Err(Rejection::FutureBlock { block: latest.block, newest: best });
    }
    let sum: f64 = latest.shares.values().sum();
    if latest.shares.values().any(|share| !(0.0..=1.0 + 1e-6).contains(share)) {
        return Err(Rejection::NotAShare);
    }
    if !latest.shares.is_empty() && (sum - 1.0).abs() > 1e-3 {
        return Err(Rejection::Sum(sum));
    }
    let weights = match &latest.integers {
        Some(integers) => agree(latest, integers)?,
        None => WeightVector::from_shares(&latest.shares)?,
    };
    let neurons: BTreeSet<MinerUid> = subnet.neurons.iter().map(|neuron| neuron.uid).collect();
    for &uid in weights.uids() {
        if !neurons.contains(&MinerUid(uid)) {
            return Err(Rejection::NotOnTheSubnet(MinerUid(uid)));
        }
    }
    // A slot may have a new owner since its miner was judged.
    let has_same_owner = |uid: u16| {
        let neuron = subnet.neurons.iter().find(|neuron| neuron.uid.0 == uid);
        let judged = latest.hotkeys.get(&MinerUid(uid));
        judged.is_none_or(|judged| neuron.is_some_and(|neuron| neuron.hotkey == *judged))
    };
    let kept = weights.uids().iter().zip(weights.values()).filter(|(uid, _)| has_same_owner(**uid));
    let kept = WeightVector::from_integers(kept.map(|(&uid, &value)| (MinerUid(uid), value)));
    if kept.is_empty() {
        return Err(Rejection::NobodyLeft);
    }
    Ok(kept)
}

/// The integers, if they agree with the shares.
fn agree(latest: &LatestWeights, integers: &WeightVector) -> Result<WeightVector, Rejection> {
    let sum: u32 = integers.values().iter().map(|&value| u32::from(value)).sum();
    if sum == 0 {
        return Err(Rejection::AllZero);
    }
    for (&uid, &value) in integers.uids().iter().zip(integers.values()) {
        let integer = f64::from(value) / f64::from(sum);
        let share = latest.shares.get(&MinerUid(uid)).copied().unwrap_or_default();
        if !latest.shares.is_empty() && (integer - share).abs() > 1e-2 {
            return Err(Rejection::Contradiction { uid: MinerUid(uid), share, value, sum });
        }
    }
    Ok(integers.clone())
}
