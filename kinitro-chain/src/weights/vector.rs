//! Weights as integers.

use std::collections::BTreeMap;

use kinitro_core::MinerUid;
use kinitro_core::scoring::{ChainWeights, Rounding, WeightsError, to_u16};
use serde::{Deserialize, Serialize};

/// Weights in the form that a chain accepts: uids in ascending order, each with an integer weight
/// from 1 to 65535. Only the ratios count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ChainWeights")]
pub struct WeightVector {
    uids: Vec<u16>,
    values: Vec<u16>,
}

/// The lists of uids and weights differ in length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are not as many uids as values")]
pub struct UnequalLists;

impl TryFrom<ChainWeights> for WeightVector {
    type Error = UnequalLists;

    fn try_from(lists: ChainWeights) -> Result<Self, UnequalLists> {
        if lists.uids.len() != lists.values.len() {
            return Err(UnequalLists);
        }
        Ok(Self::from_integers(lists.uids.into_iter().zip(lists.values)))
    }
}

impl WeightVector {
    /// Converts shares of any scale to integers that sum to at most 65535. They are rounded down, and
    /// those that become 0 are left out.
    ///
    /// # Errors
    /// [`WeightsError`] if a share is negative or not finite, or all are 0.
    pub fn from_shares(shares: &BTreeMap<MinerUid, f64>) -> Result<Self, WeightsError> {
        let values: Vec<f64> = shares.values().copied().collect();
        let integers = to_u16(&values, Rounding::Floor)?;
        Ok(Self::from_integers(shares.keys().copied().zip(integers)))
    }

    /// Takes integer weights as they are, without the zeros. If a uid occurs twice, the last weight
    /// counts.
    pub fn from_integers(weights: impl IntoIterator<Item = (MinerUid, u16)>) -> Self {
        let weights: BTreeMap<MinerUid, u16> = weights.into_iter().collect();
        let (uids, values) =
            weights.into_iter().filter(|(_, value)| *value > 0).map(|(uid, v)| (uid.0, v)).unzip();
        Self { uids, values }
    }

    /// The uids, in ascending order.
    pub fn uids(&self) -> &[u16] {
        &self.uids
    }

    /// The weights, in the order of [`uids`](Self::uids).
    pub fn values(&self) -> &[u16] {
        &self.values
    }

    /// Whether no weight is above 0.
    pub fn is_empty(&self) -> bool {
        self.uids.is_empty()
    }

    /// The weights as the chain stores them: scaled so that the largest is 65535, and rounded to the
    /// nearest integer.
    pub fn as_stored(&self) -> Vec<u16> {
        let max = self.values.iter().copied().max().unwrap_or(0).max(1);
        let full = u64::from(u16::MAX);
        let scale = |value: &u16| (u64::from(*value) * full + u64::from(max) / 2) / u64::from(max);
        self.values.iter().map(|value| scale(value) as u16).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
