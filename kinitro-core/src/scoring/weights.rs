//! From points to shares, and from shares to the integers of the chain.

use serde::{Deserialize, Serialize};

/// Why numbers cannot be turned into weights.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The temperature of the softmax is not a finite number above 0.
    #[error("the temperature is {0}: it must be a finite number above 0")]
    InvalidTemperature(f64),
    /// A value is not finite.
    #[error("the value {0} cannot be weighted: it must be a finite number")]
    InvalidValue(f64),
    /// A share is negative or not finite.
    #[error("the weight {0} cannot be rounded: it must be a finite number, 0 or more")]
    InvalidWeight(f64),
    /// The numbers of shares and miners differ.
    #[error("there are {shares} shares for {miners} miners: each miner must have one")]
    WrongLength {
        /// The number of miners.
        miners: usize,
        /// The number of shares.
        shares: usize,
    },
    /// All weights are 0.
    #[error("all weights are 0: at least one must be positive")]
    NothingToDivide,
}

/// The scale of the points in the softmax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PointScale {
    /// The points as they are. With many environments they reach into the thousands, and a softmax
    /// at temperature 1 gives nearly everything to the leader.
    #[default]
    Raw,
    /// The points divided by the sum of all miners' points, so that a temperature has the same
    /// effect for any number of environments.
    Share,
}

/// How shares of the chain's 65535 are rounded to integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Each share is rounded down; the sum may be below 65535.
    #[default]
    Floor,
    /// Each share is rounded down, and the remaining units go, one each, to those with the largest
    /// remainders; among equals, to those that come first. The sum is 65535. Also known as
    /// Hamilton's method.
    LargestRemainder,
}

/// The softmax of `values` at `temperature`, in the same order: positive shares with a sum of 1,
/// within the precision of `f64`. The values are shifted by their maximum, so that nothing
/// overflows.
///
/// # Errors
/// [`WeightsError`] for a temperature that is not finite and above 0, or a value that is not finite.
pub fn softmax(values: &[f64], temperature: f64) -> Result<Vec<f64>, WeightsError> {
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(WeightsError::InvalidTemperature(temperature));
    }
    if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
        return Err(WeightsError::InvalidValue(value));
    }
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = values.iter().map(|value| ((value - max) / temperature).exp()).collect();
    let sum: f64 = powers.iter().sum();
    Ok(powers.into_iter().map(|power| power / sum).collect())
}

/// The softmax of points, whose differences are computed exactly before conversion to `f64`.
///
/// If all points are 0, the shares are equal, in either scale.
///
/// # Errors
/// [`WeightsError::InvalidTemperature`].
pub fn softmax_of_points(
    points: &[u128],
    scale: PointScale,
    temperature: f64,
) -> Result<Vec<f64>, WeightsError> {
    let max = points.iter().copied().max().unwrap_or(0);
    let unit = match scale {
        PointScale::Raw => 1.0,
        PointScale::Share => points.iter().map(|&points| points as f64).sum::<f64>().max(1.0),
    };
    let behind: Vec<f64> = points.iter().map(|points| -((max - points) as f64) / unit).collect();
    softmax(&behind, temperature)
}

/// Converts weights to integers in units of 1/65535 of their sum, in the same order.
///
/// # Errors
/// [`WeightsError`] when a weight is negative or not finite, or all are 0.
pub fn to_u16(weights: &[f64], rounding: Rounding) -> Result<Vec<u16>, WeightsError> {
    if let Some(&weight) = weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
        return Err(WeightsError::InvalidWeight(weight));
    }
    let sum: f64 = weights.iter().sum();
    if sum == 0.0 {
        return Err(WeightsError::NothingToDivide);
    }
    if !sum.is_finite() {
        return Err(WeightsError::InvalidWeight(sum));
    }
    let shares: Vec<f64> =
        weights.iter().map(|weight| weight / sum * f64::from(u16::MAX)).collect();
    let mut integers: Vec<u16> = shares.iter().map(|share| share.floor() as u16).collect();
    if rounding == Rounding::LargestRemainder {
        let given: u32 = integers.iter().map(|&integer| u32::from(integer)).sum();
        let left = u32::from(u16::MAX).saturating_sub(given) as usize;
        let mut by_loss: Vec<usize> = (0..shares.len()).collect();
        by_loss.sort_by(|&a, &b| shares[b].fract().total_cmp(&shares[a].fract()));
        for row in by_loss.into_iter().take(left) {
            integers[row] += 1;
        }
    }
    Ok(integers)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bad_temperatures_values_and_weights_are_refused() {
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let error = softmax(&[1.0], temperature).unwrap_err();
            assert!(error.to_string().contains("above 0"), "{error}");
        }
        assert_eq!(softmax(&[f64::INFINITY], 1.0), Err(WeightsError::InvalidValue(f64::INFINITY)));
        assert_eq!(to_u16(&[0.0, 0.0], Rounding::Floor), Err(WeightsError::NothingToDivide));
        assert_eq!(to_u16(&[-0.5], Rounding::Floor), Err(WeightsError::InvalidWeight(-0.5)));
        assert!(to_u16(&[f64::MAX, f64::MAX], Rounding::Floor).is_err());
    }

    #[test]
    fn no_points_at_all_are_equal_shares() {
        for scale in [PointScale::Raw, PointScale::Share] {
            assert_eq!(softmax_of_points(&[0; 4], scale, 0.5).unwrap(), [0.25; 4]);
        }
        assert_eq!(to_u16(&[0.25; 4], Rounding::Floor).unwrap(), [16383; 4]);
        let smart = to_u16(&[0.25; 4], Rounding::LargestRemainder).unwrap();
        assert_eq!(smart, [16384, 16384, 16384, 16383]);
    }

    #[test]
    fn points_beyond_the_precision_of_floats_are_told_apart() {
        let weights = softmax_of_points(&[1 << 100, (1 << 100) - 1], PointScale::Raw, 1.0).unwrap();
        assert!((weights[0] / weights[1] - std::f64::consts::E).abs() < 1e-12);
    }

    #[test]
    fn shares_mean_the_same_for_any_number_of_environments() {
        let small = softmax_of_points(&[3, 1], PointScale::Share, 0.5).unwrap();
        let large = softmax_of_points(&[3 << 60, 1 << 60], PointScale::Share, 0.5).unwrap();
        assert_eq!(small, large);
        assert!((small[0] / small[1] - std::f64::consts::E).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn weights_are_shares_and_monotone(
            points in prop::collection::vec(any::<u64>().prop_map(|p| u128::from(p % 5000)), 1..40),
            temperature in 1e-3f64..1e3,
            share in any::<bool>(),
        ) {
            let scale = if share { PointScale::Share } else { PointScale::Raw };
            let weights = softmax_of_points(&points, scale, temperature).unwrap();
            prop_assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for (a, weight_a) in points.iter().zip(&weights) {
                prop_assert!((0.0..=1.0).contains(weight_a));
                for (b, weight_b) in points.iter().zip(&weights) {
                    prop_assert!(a < b || weight_a >= weight_b);
                }
            }
            let floor = to_u16(&weights, Rounding::Floor).unwrap();
            prop_assert!(floor.iter().map(|&w| u32::from(w)).sum::<u32>() <= 65535);
            let exact = to_u16(&weights, Rounding::LargestRemainder).unwrap();
            prop_assert_eq!(exact.iter().map(|&w| u32::from(w)).sum::<u32>(), 65535);
            prop_assert!(floor.iter().zip(&exact).all(|(f, e)| f <= e && e - f <= 1));
        }
    }
}
