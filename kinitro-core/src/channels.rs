//! Named vectors of numbers.

use std::collections::BTreeMap;

use ndarray::ArrayView1;
use serde::{Deserialize, Serialize};

/// Vectors by name, in the order of the names: `{"ee_pos": [x, y, z], "gripper": [g]}`.
///
/// The environment's specification says what each name means, with its unit and frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Channels(BTreeMap<String, Vec<f64>>);

impl Channels {
    /// No channels.
    pub fn new() -> Self {
        Self::default()
    }

    /// The vector of that name.
    pub fn get(&self, name: &str) -> Option<ArrayView1<'_, f64>> {
        self.0.get(name).map(|values| ArrayView1::from(values.as_slice()))
    }

    /// Sets the vector of that name, replacing what was there.
    pub fn insert(&mut self, name: impl Into<String>, values: impl Into<Vec<f64>>) {
        self.0.insert(name.into(), values.into());
    }

    /// All channels, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[f64])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// How many channels there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
