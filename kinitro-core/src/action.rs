//! What a policy answers, and the check that stands between the answer and the simulator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Channels;

/// A policy's answer to one observation, in the wire format
/// `{"continuous": {channel: [number]}, "discrete": {channel: integer}, "extra": {...}}`.
///
/// Any other key is an error. An environment's [`ActionSpec`] says which channels it takes, and how
/// many numbers each of them has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Action {
    /// Real-valued channels.
    pub continuous: Channels,
    /// Integer channels.
    pub discrete: BTreeMap<String, i64>,
    /// Anything else the policy sends. Environments ignore it.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

impl Action {
    /// An action without any channel.
    pub fn new() -> Self {
        Self::default()
    }

    /// This action with one more continuous channel.
    #[must_use]
    pub fn with(mut self, channel: &str, values: impl Into<Vec<f64>>) -> Self {
        self.continuous.insert(channel, values);
        self
    }

    /// This action with one more discrete channel.
    #[must_use]
    pub fn with_discrete(mut self, channel: &str, value: i64) -> Self {
        self.discrete.insert(channel.to_owned(), value);
        self
    }
}

/// A real-valued channel of an observation or an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChannelSpec {
    /// The channel's name on the wire.
    pub name: String,
    /// How many numbers it has.
    pub len: usize,
    /// The smallest and the largest meaningful value of each number. Values outside are clamped.
    /// `None` for a channel without bounds.
    pub bounds: Option<(f64, f64)>,
    /// The unit, `""` for a plain number.
    pub unit: String,
    /// What the numbers mean, and in which frame.
    pub description: String,
}

impl ChannelSpec {
    /// A channel without bounds.
    pub fn new(name: &str, len: usize, unit: &str, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            len,
            bounds: None,
            unit: unit.to_owned(),
            description: description.to_owned(),
        }
    }

    /// The same channel with bounds for each of its numbers.
    #[must_use]
    pub fn bounded(mut self, low: f64, high: f64) -> Self {
        self.bounds = Some((low, high));
        self
    }
}

/// A discrete channel of an action: one whole number out of a range, such as a mode or a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DiscreteChannelSpec {
    /// The channel's name on the wire.
    pub name: String,
    /// The smallest value.
    pub low: i64,
    /// The largest value, itself included.
    pub high: i64,
    /// What the values mean.
    pub description: String,
}

impl DiscreteChannelSpec {
    /// A channel that takes the whole numbers from `low` to `high`, both included.
    ///
    /// # Panics
    /// When `low` is above `high`: such a channel takes no value at all.
    pub fn new(name: &str, low: i64, high: i64, description: &str) -> Self {
        assert!(low <= high, "the channel `{name}` takes no value: {low} is above {high}");
        Self { name: name.to_owned(), low, high, description: description.to_owned() }
    }

    /// Checks a value.
    ///
    /// # Errors
    /// [`ActionError::OutOfRange`] for a number outside the range. Unlike the numbers of a
    /// continuous channel it is not clamped: the nearest mode is not what was meant.
    pub fn check(&self, value: i64) -> Result<(), ActionError> {
        if (self.low..=self.high).contains(&value) {
            return Ok(());
        }
        let (channel, found) = (self.name.clone(), value.to_string());
        Err(ActionError::OutOfRange { channel, found, low: self.low, high: self.high })
    }
}

/// The channels of an environment's actions. All are required.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ActionSpec {
    /// The continuous channels.
    pub continuous: Vec<ChannelSpec>,
    /// The discrete channels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discrete: Vec<DiscreteChannelSpec>,
}

/// Why an action was not taken. The message names the channel and what was expected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionError {
    /// A channel that the environment requires is not there.
    #[error("the action has no channel `{channel}` (expected {expected} numbers)")]
    Missing {
        /// The channel.
        channel: String,
        /// How many numbers it should have.
        expected: usize,
    },
    /// A channel has too few or too many numbers.
    #[error("channel `{channel}` has {found} numbers instead of {expected}")]
    WrongLength {
        /// The channel.
        channel: String,
        /// How many numbers it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A discrete channel that the environment requires is not there.
    #[error("the action has no discrete channel `{channel}` (expected a whole number)")]
    MissingDiscrete {
        /// The channel.
        channel: String,
    },
    /// A discrete channel holds a number that it does not take.
    #[error("discrete channel `{channel}` is {found}, not a whole number from {low} to {high}")]
    OutOfRange {
        /// The channel.
        channel: String,
        /// The number it holds.
        found: String,
        /// The smallest number it takes.
        low: i64,
        /// The largest number it takes.
        high: i64,
    },
    /// A channel the environment does not know.
    #[error("the action has an unknown channel `{channel}`; known: {known}")]
    Unknown {
        /// The channel.
        channel: String,
        /// The channels there are, separated by commas.
        known: String,
    },
    /// NaN or an infinity.
    #[error("channel `{channel}` holds {value} at index {index}; actions must be finite")]
    NotFinite {
        /// The channel.
        channel: String,
        /// The index of the value in the channel.
        index: usize,
        /// The value.
        value: f64,
    },
}

impl ActionSpec {
    /// A specification with these continuous channels and no discrete one.
    pub fn new(continuous: impl IntoIterator<Item = ChannelSpec>) -> Self {
        Self { continuous: continuous.into_iter().collect(), discrete: Vec::new() }
    }

    /// The same with one more discrete channel.
    #[must_use]
    pub fn with_discrete(mut self, channel: DiscreteChannelSpec) -> Self {
        self.discrete.push(channel);
        self
    }

    /// An action whose every number is chosen by its channel: each number of the continuous
    /// channels in the order of the specification, then the discrete ones.
    pub fn fill(
        &self,
        mut number: impl FnMut(&ChannelSpec) -> f64,
        mut choice: impl FnMut(&DiscreteChannelSpec) -> i64,
    ) -> Action {
        let mut action = Action::new();
        for channel in &self.continuous {
            let values: Vec<f64> = (0..channel.len).map(|_| number(channel)).collect();
            action.continuous.insert(channel.name.as_str(), values);
        }
        for channel in &self.discrete {
            action.discrete.insert(channel.name.clone(), choice(channel));
        }
        action
    }

    /// Checks that an action has every channel, with the right number of finite numbers or a number
    /// out of the channel's range, and no other channel.
    ///
    /// # Errors
    /// The first thing that is wrong. Values outside a continuous channel's bounds are not errors:
    /// the environment clamps them.
    pub fn check(&self, action: &Action) -> Result<(), ActionError> {
        let is_continuous = |name: &str| self.continuous.iter().any(|c| c.name == name);
        let is_discrete = |name: &str| self.discrete.iter().any(|c| c.name == name);
        let continuous = action.continuous.iter().map(|(name, _)| (name, is_continuous(name)));
        let discrete = action.discrete.keys().map(|name| (name.as_str(), is_discrete(name)));
        if let Some((name, _)) = continuous.chain(discrete).find(|(_, is_known)| !is_known) {
            let known = self.continuous.iter().map(|channel| channel.name.as_str());
            let known = known.chain(self.discrete.iter().map(|channel| channel.name.as_str()));
            return Err(ActionError::Unknown {
                channel: name.chars().take(64).collect(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
        for spec in &self.continuous {
            let channel = || spec.name.clone();
            let Some(values) = action.continuous.get(&spec.name) else {
                return Err(ActionError::Missing { channel: channel(), expected: spec.len });
            };
            if values.len() != spec.len {
                return Err(ActionError::WrongLength {
                    channel: channel(),
                    found: values.len(),
                    expected: spec.len,
                });
            }
            if let Some((index, &value)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
                return Err(ActionError::NotFinite { channel: channel(), index, value });
            }
        }
        for spec in &self.discrete {
            match action.discrete.get(&spec.name) {
                Some(&value) => spec.check(value)?,
                None => return Err(ActionError::MissingDiscrete { channel: spec.name.clone() }),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm() -> ActionSpec {
        ActionSpec::new([
            ChannelSpec::new("ee_twist", 6, "", "").bounded(-1.0, 1.0),
            ChannelSpec::new("gripper", 1, "", "").bounded(0.0, 1.0),
        ])
    }

    fn good() -> Action {
        Action::new().with("ee_twist", [0.0; 6]).with("gripper", [0.5])
    }

    #[test]
    fn a_complete_finite_action_is_taken() {
        arm().check(&good()).unwrap();
        arm().check(&good().with("ee_twist", [9.0; 6])).unwrap();
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (Action::new().with("gripper", [0.0]), "no channel `ee_twist`"),
            (good().with("ee_twist", [0.0; 3]), "3 numbers instead of 6"),
            (good().with("wheels", [0.0]), "unknown channel `wheels`; known: ee_twist, gripper"),
            (good().with("gripper", [f64::NAN]), "NaN at index 0"),
            (good().with("ee_twist", [0.0, 0.0, f64::INFINITY, 0.0, 0.0, 0.0]), "inf at index 2"),
        ];
        for (action, expected) in cases {
            let message = arm().check(&action).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let mut discrete = good();
        discrete.discrete.insert("mode".into(), 1);
        assert!(arm().check(&discrete).unwrap_err().to_string().contains("`mode`"));
    }

    #[test]
    fn discrete_channels_are_whole_numbers_of_their_range() {
        let spec = arm().with_discrete(DiscreteChannelSpec::new("mode", 0, 2, "walk, trot, jump"));
        spec.check(&good().with_discrete("mode", 2)).unwrap();
        let cases = [
            (good(), "no discrete channel `mode`"),
            (good().with_discrete("mode", 3), "`mode` is 3, not a whole number from 0 to 2"),
            (good().with("mode", [0.0]), "unknown channel `mode`; known: ee_twist, gripper, mode"),
            (good().with_discrete("mode", 0).with_discrete("gripper", 0), "unknown channel"),
        ];
        for (action, expected) in cases {
            let message = spec.check(&action).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        let filled = spec.fill(|_| 0.5, |channel| channel.high);
        spec.check(&filled).unwrap();
        assert_eq!(filled.discrete["mode"], 2);
    }

    #[test]
    fn a_specification_without_discrete_channels_does_not_speak_of_them() {
        let json = serde_json::to_value(arm()).unwrap();
        assert!(json.get("discrete").is_none(), "{json}");
        assert_eq!(serde_json::from_value::<ActionSpec>(json).unwrap(), arm());
    }

    #[test]
    fn an_unknown_top_level_key_is_an_error() {
        assert!(serde_json::from_str::<Action>(r#"{"continuous": {}, "velocity": []}"#).is_err());
        assert_eq!(serde_json::from_str::<Action>("{}").unwrap(), Action::new());
    }
}
