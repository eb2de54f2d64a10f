//! What a policy answers, and the check that stands between it and the simulator.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Channels;

/// A policy's answer to one observation, in the wire format
/// `{"continuous": {channel: [number]}, "discrete": {channel: integer}, "extra": {...}}`.
///
/// An unknown key beside these three is an error. Which channels an environment takes, and how many
/// numbers each has, is its [`ActionSpec`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Action {
    /// Real-valued channels.
    pub continuous: Channels,
    /// Integer channels.
    pub discrete: BTreeMap<String, i64>,
    /// Anything else a policy wants to say. Environments ignore it.
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
}

/// One channel of an observation or an action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelSpec {
    /// The name the channel goes by on the wire.
    pub name: String,
    /// How many numbers it has.
    pub len: usize,
    /// The smallest and the largest value that mean anything; a value outside is clamped to them.
    /// `None` where there is no bound.
    pub bounds: Option<(f64, f64)>,
    /// The unit, `""` for a plain number.
    pub unit: String,
    /// What it is, in which frame.
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

/// Which channels an environment takes. All are required.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ActionSpec {
    /// The continuous channels.
    pub continuous: Vec<ChannelSpec>,
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
        /// Where.
        index: usize,
        /// The value.
        value: f64,
    },
}

impl ActionSpec {
    /// Checks that an action has every channel, with the right number of finite numbers, and no
    /// other channel.
    ///
    /// # Errors
    /// The first thing that is wrong. Values outside a channel's bounds are not errors: the
    /// environment clamps them.
    pub fn check(&self, action: &Action) -> Result<(), ActionError> {
        let names = action.continuous.iter().map(|(name, _)| name);
        for name in names.chain(action.discrete.keys().map(String::as_str)) {
            let is_continuous = action.continuous.get(name).is_some();
            if !is_continuous || !self.continuous.iter().any(|channel| channel.name == name) {
                let known: Vec<_> = self.continuous.iter().map(|c| c.name.as_str()).collect();
                return Err(ActionError::Unknown {
                    channel: name.chars().take(64).collect(),
                    known: known.join(", "),
                });
            }
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
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arm() -> ActionSpec {
        ActionSpec {
            continuous: vec![
                ChannelSpec::new("ee_twist", 6, "", "").bounded(-1.0, 1.0),
                ChannelSpec::new("gripper", 1, "", "").bounded(0.0, 1.0),
            ],
        }
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
    fn an_unknown_top_level_key_is_an_error() {
        assert!(serde_json::from_str::<Action>(r#"{"continuous": {}, "velocity": []}"#).is_err());
        assert_eq!(serde_json::from_str::<Action>("{}").unwrap(), Action::new());
    }
}
