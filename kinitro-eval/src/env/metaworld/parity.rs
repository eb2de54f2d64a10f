//! Parity: whether this machine reproduces what was recorded elsewhere.
//!
//! A recording is an `.npz` file of an episode in the Python package: the random vector, the
//! actions, and the result of each. The episode is run again through the raw face, and every step
//! is compared. State, observation and success must be exactly equal, and rewards must agree within
//! 1e-12 (2e-6 if the actions were in single precision, since the package then computes parts of
//! the reward in single precision too). Trajectories depend on the MuJoCo library, the C library
//! and whether the processor has fused multiply-add; if those differ, trajectories may diverge
//! after some tens of steps.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use ndarray_npy::{NpzReader, ReadNpzError};
use serde::Serialize;

use super::{MetaWorld, RawEnvironment, RawObservation};
use crate::env::EnvironmentError;

/// The tolerance for rewards: the arithmetic is the same, but the order of operations differs.
const REWARD_TOLERANCE: f64 = 1e-12;
/// The same if the reference computes parts of the reward in single precision: two units in the
/// last place of a single-precision number near 10, the largest reward.
const REWARD_TOLERANCE_F32: f64 = 2e-6;

/// How closely recordings are compared, and how far into an episode.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Strictness {
    /// The number of steps to compare; `None` for all.
    pub steps: Option<usize>,
    /// The tolerance for numbers of the state or an observation.
    pub tolerance: f64,
}

impl Strictness {
    /// Compares this many steps, or all, and accepts numbers that differ by at most `tolerance`.
    pub const fn new(steps: Option<usize>, tolerance: f64) -> Self {
        Self { steps, tolerance }
    }

    /// Every step, bit for bit: for machines like the one the recording was made on.
    pub const EXACT: Self = Self { steps: None, tolerance: 0.0 };
    /// The first 20 steps, within 1e-12: for machines with another C library. By then, rounding
    /// differences have not yet grown into another trajectory.
    pub const OTHER_MACHINE: Self = Self { steps: Some(20), tolerance: 1e-12 };
}

/// The result of comparing with one recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The recording.
    pub file: PathBuf,
    /// The number of steps to compare; 0 if the recording could not be read.
    pub steps: usize,
    /// Whether it matches.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Whether a recording matches.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Every step matches.
    Match,
    /// The first step that does not match.
    Differs(Difference),
    /// The recording could not be compared.
    Unusable {
        /// What is wrong with it.
        reason: String,
    },
}

/// Where an episode first deviates from the recording.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The step, counted from 1; 0 is the reset.
    pub step: usize,
    /// What differs: `observation`, `reward`, `success`, `qpos` or `qvel`.
    pub field: &'static str,
    /// The index of the first number that differs.
    pub index: usize,
    /// That number in the recording.
    pub recorded: f64,
    /// That number on this machine.
    pub computed: f64,
    /// The absolute difference.
    pub difference: f64,
}

/// Why a folder of recordings could not be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParityError {
    /// The folder cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The simulator is missing or broken.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
}

/// The recordings of a folder: its `.npz` files, sorted by name.
///
/// # Errors
/// [`ParityError::Folder`] when it cannot be read.
pub fn recordings(folder: &Path) -> Result<Vec<PathBuf>, ParityError> {
    let unreadable = |source| ParityError::Folder { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "npz") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Runs the episode of a recording again. The file's name begins with the task: `TASK__KIND_SEED`,
/// where a kind that ends in `f32` was recorded with actions in single precision.
///
/// # Errors
/// [`ParityError::Environment`] when no episode could be run at all. A recording that is damaged or
/// belongs to an unknown task is not an error: its report says so.
pub fn compare(
    family: &MetaWorld,
    file: &Path,
    strictness: Strictness,
) -> Result<Report, ParityError> {
    let report = |steps, verdict| Report { file: file.to_owned(), steps, verdict };
    let unusable = |reason: String| report(0, Verdict::Unusable { reason });
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let Some((task, kind)) = name.split_once("__") else {
        return Ok(unusable("its name is not TASK__KIND_SEED.npz".to_owned()));
    };
    let recording = match Recording::read(file) {
        Ok(recording) => recording,
        Err(reason) => return Ok(unusable(reason)),
    };
    let mut environment = match family.make_raw(task) {
        Ok(environment) => environment,
        Err(error @ EnvironmentError::UnknownEnvironment { .. }) => {
            return Ok(unusable(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let single = kind.rsplit_once('_').is_some_and(|(kind, _)| kind.ends_with("f32"));
    let steps = strictness.steps.unwrap_or(usize::MAX).min(recording.rewards.len());
    Ok(match recording.replay(&mut environment, single, steps, strictness.tolerance) {
        Ok(None) => report(steps, Verdict::Match),
        Ok(Some(difference)) => report(steps, Verdict::Differs(difference)),
        Err(error) => report(steps, Verdict::Unusable { reason: error.to_string() }),
    })
}

/// The arrays of a recording, with `T` steps.
struct Recording {
    /// The random vector.
    rand_vec: Array1<f64>,
    /// `[T, 4]`.
    actions: Array2<f64>,
    /// `[T + 1, 39]`, starting with the reset, as are the two below.
    observations: Array2<f64>,
    qpos: Array2<f64>,
    qvel: Array2<f64>,
    /// `[T]`, as is the one below.
    rewards: Array1<f64>,
    success: Array1<u8>,
}

impl Recording {
    fn read(file: &Path) -> Result<Self, String> {
        let opened = File::open(file).map_err(|error| error.to_string())?;
        let mut archive = NpzReader::new(opened).map_err(|error| error.to_string())?;
        let mut array = |name: &'static str| {
            let read: Result<Array2<f64>, ReadNpzError> = archive.by_name(name);
            read.map_err(|error| format!("array `{name}`: {error}"))
        };
        let (actions, observations) = (array("actions")?, array("obs")?);
        let (qpos, qvel) = (array("qpos")?, array("qvel")?);
        let mut vector = |name: &'static str| {
            let read: Result<Array1<f64>, ReadNpzError> = archive.by_name(name);
            read.map_err(|error| format!("array `{name}`: {error}"))
        };
        let (rand_vec, rewards) = (vector("rand_vec")?, vector("rewards")?);
        let success =
            archive.by_name("success").map_err(|error| format!("array `success`: {error}"))?;
        let recording = Self { rand_vec, actions, observations, qpos, qvel, rewards, success };
        recording.check_shapes()?;
        Ok(recording)
    }

    fn check_shapes(&self) -> Result<(), String> {
        let steps = self.rewards.len();
        let fits = self.actions.dim() == (steps, 4)
            && self.observations.dim() == (steps + 1, 39)
            && self.qpos.nrows() == steps + 1
            && self.qvel.nrows() == steps + 1
            && self.success.len() == steps;
        if fits {
            return Ok(());
        }
        let (actions, observations) = (self.actions.dim(), self.observations.dim());
        let (qpos, qvel) = (self.qpos.dim(), self.qvel.dim());
        Err(format!(
            "the shapes do not fit together: actions {actions:?}, obs {observations:?}, \
             qpos {qpos:?}, qvel {qvel:?}, {steps} rewards, {} success flags",
            self.success.len()
        ))
    }

    fn replay(
        &self,
        environment: &mut RawEnvironment,
        single: bool,
        steps: usize,
        tolerance: f64,
    ) -> Result<Option<Difference>, EnvironmentError> {
        let observation = environment.reset(&self.rand_vec.to_vec())?;
        let state = self.compare_state(0, environment, &observation, tolerance);
        if state.is_some() {
            return Ok(state);
        }
        let on_reward = if single { REWARD_TOLERANCE_F32 } else { REWARD_TOLERANCE };
        let on_reward = on_reward.max(tolerance);
        for (index, action) in self.actions.rows().into_iter().take(steps).enumerate() {
            let action = [action[0], action[1], action[2], action[3]];
            let transition = if single {
                environment.step_f32(action.map(|number| number as f32))?
            } else {
                environment.step(action)?
            };
            let step = index + 1;
            let reward = (self.rewards[index], transition.reward);
            let success = (f64::from(self.success[index]), f64::from(transition.success));
            let found = self
                .compare_state(step, environment, &transition.observation, tolerance)
                .or_else(|| differs(step, "reward", &[reward.0], &[reward.1], on_reward))
                .or_else(|| differs(step, "success", &[success.0], &[success.1], 0.0));
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn compare_state(
        &self,
        step: usize,
        environment: &RawEnvironment,
        observation: &RawObservation,
        tolerance: f64,
    ) -> Option<Difference> {
        let row = |array: &Array2<f64>| array.row(step).to_vec();
        differs(step, "qpos", &row(&self.qpos), environment.qpos(), tolerance)
            .or_else(|| differs(step, "qvel", &row(&self.qvel), environment.qvel(), tolerance))
            .or_else(|| {
                differs(
                    step,
                    "observation",
                    &row(&self.observations),
                    observation.as_array(),
                    tolerance,
                )
            })
    }
}

/// The first number that differs by more than the tolerance. Missing numbers and NaN always do.
fn differs(
    step: usize,
    field: &'static str,
    recorded: &[f64],
    computed: &[f64],
    tolerance: f64,
) -> Option<Difference> {
    (0..recorded.len().max(computed.len())).find_map(|index| {
        let value = |values: &[f64]| values.get(index).copied().unwrap_or(f64::NAN);
        let (recorded, computed) = (value(recorded), value(computed));
        let difference = (recorded - computed).abs();
        let near = difference <= tolerance;
        (!near).then_some(Difference { step, field, index, recorded, computed, difference })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(differs(3, "qpos", &[1.0, 2.0], &[1.0, 2.0], 0.0), None);
        let found = differs(3, "qpos", &[1.0, 2.0, 0.0], &[1.0, 2.5, 9.0], 0.0).unwrap();
        assert_eq!((found.step, found.index, found.difference), (3, 1, 0.5));
        assert_eq!(differs(0, "reward", &[1.0], &[1.0 + 1e-13], 1e-12), None);
        assert!(differs(0, "qvel", &[f64::NAN], &[f64::NAN], 1.0).is_some());
        assert!(differs(0, "qvel", &[1.0], &[1.0, 2.0], 1.0).is_some());
    }
}
