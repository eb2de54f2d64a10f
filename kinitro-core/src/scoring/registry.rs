//! Rules by name.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::{Method, ParetoSubsets, Uniform, Weighting};

type AnyError = Box<dyn Error + Send + Sync>;
type Maker = dyn Fn(&Value) -> Result<Arc<dyn Weighting>, AnyError> + Send + Sync;

/// The rules that can be made by name: the built-in ones, and any that an embedding program adds.
///
/// ```
/// use kinitro_core::scoring::{Weighting, Weightings};
///
/// let rules = Weightings::builtin();
/// let rule = rules.make("pareto-subsets", &serde_json::json!({"temperature": 0.5}))?;
/// assert_eq!(rule.options()["scheme"], "linear");
/// assert!(rules.make("winner-takes-all", &serde_json::json!({})).is_err());
/// # Ok::<(), kinitro_core::scoring::WeightingError>(())
/// ```
#[derive(Clone)]
pub struct Weightings(BTreeMap<String, Arc<Maker>>);

impl Weightings {
    /// No rules.
    pub fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// The built-in rules: [`ParetoSubsets`] and [`Uniform`].
    pub fn builtin() -> Self {
        Self::none()
            .with(ParetoSubsets::NAME, |options| ParetoSubsets::new().with_options(options))
            .with(Uniform::NAME, |options| serde_json::from_value::<Uniform>(options.clone()))
    }

    /// Adds a rule, replacing any with the same name. `make` receives the options as a JSON object,
    /// and should use a default for each option that is missing.
    #[must_use]
    pub fn with<R, E>(
        mut self,
        name: impl Into<String>,
        make: impl Fn(&Value) -> Result<R, E> + Send + Sync + 'static,
    ) -> Self
    where
        R: Weighting + 'static,
        E: Into<AnyError>,
    {
        let maker = move |options: &Value| match make(options) {
            Ok(rule) => Ok(Arc::new(rule) as Arc<dyn Weighting>),
            Err(error) => Err(error.into()),
        };
        self.0.insert(name.into(), Arc::new(maker));
        self
    }

    /// The names of all rules, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Makes the rule with this name. `options` is a JSON object; options that it does not name
    /// have their defaults.
    ///
    /// # Errors
    /// [`WeightingError`].
    pub fn make(&self, name: &str, options: &Value) -> Result<Arc<dyn Weighting>, WeightingError> {
        let Some(maker) = self.0.get(name) else {
            let known = self.names().map(str::to_owned).collect();
            return Err(WeightingError::Unknown { name: name.to_owned(), known });
        };
        let invalid = |source: AnyError| WeightingError::Options { name: name.to_owned(), source };
        if !options.is_object() {
            return Err(invalid("they are not a JSON object".into()));
        }
        maker(options).map_err(invalid)
    }

    /// Makes the rule with which a set of weights was computed.
    ///
    /// # Errors
    /// [`WeightingError`].
    pub fn of(&self, method: &Method) -> Result<Arc<dyn Weighting>, WeightingError> {
        self.make(&method.name, &method.options)
    }
}

impl Default for Weightings {
    /// The built-in rules.
    fn default() -> Self {
        Self::builtin()
    }
}

impl fmt::Debug for Weightings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why a rule could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightingError {
    /// No rule has this name.
    #[error("there is no weighting rule `{}`", .name.escape_debug())]
    Unknown {
        /// The requested name.
        name: String,
        /// The names of all rules, sorted.
        known: Vec<String>,
    },
    /// The rule does not accept these options.
    #[error("the options of the weighting rule `{name}` make no sense: {source}")]
    Options {
        /// The name of the rule.
        name: String,
        /// What is wrong with the options.
        source: AnyError,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn error(name: &str, options: Value) -> String {
        Weightings::builtin().make(name, &options).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_rules_are_made_by_name() {
        let rules = Weightings::builtin();
        assert_eq!(rules.names().collect::<Vec<_>>(), ["pareto-subsets", "uniform"]);
        let rule = rules.make("pareto-subsets", &json!({})).unwrap();
        assert_eq!(rule.method(), ParetoSubsets::new().method());
        let rule = rules.make("pareto-subsets", &json!({"points": "share"})).unwrap();
        assert_eq!(rule.options()["points"], "share");
        assert_eq!(rules.of(&rule.method()).unwrap().method(), rule.method());
    }

    #[test]
    fn unknown_names_and_options_are_refused() {
        assert!(error("winner", json!({})).contains("no weighting rule `winner`"));
        for (options, word) in [
            (json!([]), "JSON object"),
            (json!({"temprature": 1}), "temprature"),
            (json!({"scheme": "cubic"}), "cubic"),
            (json!({"gap": {"z": -1, "min": 0, "max": 1}}), "z is -1"),
        ] {
            let error = error("pareto-subsets", options);
            assert!(error.contains(word), "{error}");
        }
        assert!(error("uniform", json!({"scheme": "linear"})).contains("scheme"));
    }
}
