//! The epsilon-Pareto frontier, for analysis and display; it has no influence on the weights.

use ndarray::Array2;

use super::ScoreTable;

/// The lower and upper bound of an epsilon, in units of success rate.
const EPSILON: (f64, f64) = (0.01, 0.2);

/// The difference in success rate that counts as noise, for each environment.
///
/// `clip(2 * std / sqrt(n), 0.01, 0.2)` with the population standard deviation over all miners and
/// `n` episodes; 0.2 when there is at most one episode. Source: docs/spec/scoring.md §1. Its
/// numbers were computed in 32-bit floats, so the standard deviation is computed in these as well,
/// in NumPy's summation order (`numpy.std` of a `float32` column), and agrees to the last bit.
pub fn epsilons(table: &ScoreTable) -> Vec<f64> {
    let n = table.episodes_per_env();
    table
        .scores()
        .columns()
        .into_iter()
        .map(|column| {
            if n <= 1 {
                return EPSILON.1;
            }
            let column: Vec<f32> = column.iter().map(|&score| score as f32).collect();
            let deviation = f64::from(population_deviation(&column));
            (2.0 * deviation / f64::from(n).sqrt()).clamp(EPSILON.0, EPSILON.1)
        })
        .collect()
}

/// The rows of the miners whom no other miner dominates, in the order of the table.
///
/// A miner dominates another if it is worse by more than epsilon on no environment, and better by
/// more than epsilon on at least one. `epsilons` holds one value for each environment, as returned
/// by [`epsilons`].
///
/// # Panics
/// When the number of epsilons differs from the number of environments.
pub fn frontier(table: &ScoreTable, epsilons: &[f64]) -> Vec<usize> {
    assert_eq!(epsilons.len(), table.env_count(), "one epsilon for each environment");
    let scores: Array2<f64> = table.scores().mapv(|score| f64::from(score as f32));
    let dominates = |a: usize, b: usize| {
        let mut better_somewhere = false;
        for ((a, b), epsilon) in scores.row(a).iter().zip(scores.row(b)).zip(epsilons) {
            if *a < b - epsilon {
                return false;
            }
            better_somewhere |= *a > b + epsilon;
        }
        better_somewhere
    };
    let rows = 0..table.miner_count();
    rows.clone().filter(|&b| !rows.clone().any(|a| a != b && dominates(a, b))).collect()
}

fn population_deviation(values: &[f32]) -> f32 {
    let n = values.len() as f32;
    let mean = pairwise_sum(values) / n;
    let squares: Vec<f32> = values.iter().map(|value| (value - mean) * (value - mean)).collect();
    (pairwise_sum(&squares) / n).sqrt()
}

/// The sum in NumPy's order: halves of at most 128 values, each in eight interleaved sums.
fn pairwise_sum(values: &[f32]) -> f32 {
    const LANES: usize = 8;
    const BLOCK: usize = 128;
    if values.len() < LANES {
        return values.iter().sum();
    }
    if values.len() > BLOCK {
        let half = values.len() / 2;
        let (low, high) = values.split_at(half - half % LANES);
        return pairwise_sum(low) + pairwise_sum(high);
    }
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    let sum = ((a + b) + (c + d)) + ((e + f) + (g + h));
    rest.iter().fold(sum, |sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn table(scores: Array2<f64>, episodes: u32) -> ScoreTable {
        let envs = (0..scores.ncols()).map(|i| format!("env/{i}").parse().unwrap()).collect();
        let miners = (0..scores.nrows()).map(|uid| ((uid as u16).into(), None)).collect();
        ScoreTable::from_array(envs, miners, scores, episodes).unwrap()
    }

    #[test]
    fn an_epsilon_is_bounded() {
        let spread = array![[0.0, 0.5], [1.0, 0.5]];
        assert_eq!(epsilons(&table(spread.clone(), 0)), [0.2, 0.2]);
        assert_eq!(epsilons(&table(spread.clone(), 1)), [0.2, 0.2]);
        assert_eq!(epsilons(&table(spread, 100)), [0.1, 0.01]);
    }

    #[test]
    fn deviations_are_those_of_numpy() {
        // From NumPy 2.4: numpy.std(numpy.float32([(7919 * i % 1000) / 1000 for i in range(n)])).
        for (n, deviation) in [
            (5, 0.329_123_08),
            (8, 0.270_083_8),
            (12, 0.283_415_14),
            (31, 0.293_629_35),
            (127, 0.292_419_34),
            (129, 0.291_010_98),
            (256, 0.288_072_65),
            (300, 0.290_246_87),
        ] {
            let values: Vec<f32> =
                (0..n).map(|i| (f64::from(7919 * i % 1000) / 1000.0) as f32).collect();
            assert_eq!(population_deviation(&values), deviation, "of {n} values");
        }
    }

    #[test]
    fn within_epsilon_nobody_is_dominated() {
        let scores = array![[0.50, 0.50], [0.55, 0.65], [0.90, 0.50], [0.90, 0.20]];
        assert_eq!(frontier(&table(scores.clone(), 50), &[0.1, 0.1]), [1, 2]);
        assert_eq!(frontier(&table(scores, 50), &[0.5, 0.5]), [0, 1, 2, 3]);
    }
}
