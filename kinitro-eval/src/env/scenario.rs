//! One instance of an environment's problem.

use kinitro_core::{EnvId, Seed};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::EnvironmentError;

/// One instance of an environment's problem: where things are, and how the world differs from the
/// nominal one.
///
/// A scenario grows from a seed and is complete: two resets to the same scenario give the same
/// episode for the same actions. Its parameters are a type of the environment family's own, which
/// nobody else needs to understand.
///
/// ```
/// use kinitro_core::{EnvId, Seed};
/// use kinitro_eval::env::Scenario;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, PartialEq, Serialize, Deserialize)]
/// struct Parameters {
///     goal: [f64; 2],
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let env_id: EnvId = "toy/point-v0".parse()?;
/// let scenario = Scenario::new(env_id, Seed(7), Parameters { goal: [0.1, 0.2] })?;
/// assert_eq!(scenario.parameters::<Parameters>()?, Parameters { goal: [0.1, 0.2] });
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scenario {
    /// The environment that the scenario belongs to.
    pub env_id: EnvId,
    /// The seed it grew from.
    pub seed: Seed,
    /// The family's own parameters. Numbers survive exactly, also on their way through JSON text.
    pub parameters: Value,
}

impl Scenario {
    /// A scenario with these parameters. For a family that has none, pass an empty struct or map.
    ///
    /// # Errors
    /// [`EnvironmentError::Scenario`] for parameters that JSON cannot hold: a map whose keys are
    /// not text, or a null, which is what NaN and infinities become. Leave out a key whose value is
    /// `None` (`#[serde(skip_serializing_if = "Option::is_none")]`).
    pub fn new(
        env_id: EnvId,
        seed: Seed,
        parameters: impl Serialize,
    ) -> Result<Self, EnvironmentError> {
        let misfit = |reason: String| EnvironmentError::Scenario { env_id: env_id.clone(), reason };
        let parameters =
            serde_json::to_value(parameters).map_err(|error| misfit(error.to_string()))?;
        if let Some(path) = null_in(&parameters) {
            return Err(misfit(format!("its parameters{path} are null, NaN or infinite")));
        }
        Ok(Self { env_id, seed, parameters })
    }

    /// The parameters, as the family's own type.
    ///
    /// # Errors
    /// [`EnvironmentError::Scenario`] when they are not of that type.
    pub fn parameters<T: DeserializeOwned>(&self) -> Result<T, EnvironmentError> {
        // Deserialising from a reference copies no lists or text that the type does not keep.
        T::deserialize(&self.parameters).map_err(|error| EnvironmentError::Scenario {
            env_id: self.env_id.clone(),
            reason: format!("its parameters cannot be read: {error}"),
        })
    }
}

/// The path to the first null in a value, `.goal[1]`; empty for a null at the top.
fn null_in(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| null_in(item).map(|path| format!("[{index}]{path}"))),
        Value::Object(entries) => {
            entries.iter().find_map(|(key, item)| null_in(item).map(|path| format!(".{key}{path}")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn scenario(parameters: impl Serialize) -> Result<Scenario, EnvironmentError> {
        Scenario::new("toy/point-v0".parse().unwrap(), Seed(u64::MAX), parameters)
    }

    #[test]
    fn numbers_survive_exactly() {
        let numbers = vec![0.1 + 0.2, -0.0, f64::MIN_POSITIVE / 3.0, f64::MAX, 1.0, 1e23];
        let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let made = scenario(&numbers).unwrap();
        assert_eq!(bits(&made.parameters::<Vec<f64>>().unwrap()), bits(&numbers));
        let text = serde_json::to_string(&made).unwrap();
        let read: Scenario = serde_json::from_str(&text).unwrap();
        assert_eq!(bits(&read.parameters::<Vec<f64>>().unwrap()), bits(&numbers));
    }

    #[test]
    fn numbers_that_are_none_are_refused_where_they_are() {
        let nested = BTreeMap::from([("goal", vec![0.0, f64::NAN])]);
        let cases = [
            (scenario(f64::INFINITY), "its parameters are null"),
            (scenario(nested), "parameters.goal[1] are null"),
            (scenario(BTreeMap::from([((1, 2), 3)])), "key must be a string"),
        ];
        for (made, words) in cases {
            let error = made.unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn parameters_of_another_type_are_refused() {
        let error = scenario([1.0, 2.0]).unwrap().parameters::<[f64; 3]>().unwrap_err();
        let said = error.to_string();
        assert!(said.starts_with("the scenario does not fit `toy/point-v0`"), "{said}");
        assert!(said.contains("length 2"), "{said}");
    }
}
