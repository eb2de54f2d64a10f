//! The observation of a task's raw face, with names for its parts.

use super::geometry::{Vec3, vec3};

/// The number of values that describe one moment: hand, gripper and objects.
const FRAME: usize = 18;

/// Lower and upper bounds of hand and gripper in a clipped observation.
const FRAME_LOW: [f64; 4] = [-0.525, 0.348, -0.0525, -1.0];
const FRAME_HIGH: [f64; 4] = [0.525, 1.025, 0.7, 1.0];

/// Hand, gripper and objects at one moment.
pub(super) type Frame = [f64; FRAME];

/// A frame from the hand's position, the gripper's opening and the objects.
pub(super) fn frame(hand: Vec3, opening: f64, objects: [f64; 14]) -> Frame {
    let mut frame = [0.0; FRAME];
    frame[..3].copy_from_slice(&hand);
    frame[3] = opening;
    frame[4..].copy_from_slice(&objects);
    frame
}

/// An observation of the Python package: hand, gripper and objects now and one step before, and the
/// goal. Places are in metres, in the world frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawObservation([f64; Self::LEN]);

impl RawObservation {
    /// The number of values in an observation.
    pub const LEN: usize = 39;

    pub(super) fn new(now: Frame, before: Frame, goal: Vec3) -> Self {
        let mut numbers = [0.0; Self::LEN];
        numbers[..FRAME].copy_from_slice(&now);
        numbers[FRAME..2 * FRAME].copy_from_slice(&before);
        numbers[2 * FRAME..].copy_from_slice(&goal);
        Self(numbers)
    }

    /// Clips hands and grippers to the bounds of all tasks, and the goal to the task's own.
    pub(super) fn clip(&mut self, goal_space: &(Vec3, Vec3)) {
        for start in [0, FRAME] {
            clip(&mut self.0[start..start + FRAME_LOW.len()], &FRAME_LOW, &FRAME_HIGH);
        }
        clip(&mut self.0[2 * FRAME..], &goal_space.0, &goal_space.1);
    }

    /// All numbers in the package's order: hand `[0:3]`, gripper opening `[3]`, objects `[4:18]`,
    /// the same one step earlier `[18:36]`, and goal `[36:39]`.
    pub const fn as_array(&self) -> &[f64; Self::LEN] {
        &self.0
    }

    /// Where the hand is, m.
    pub fn hand(&self) -> [f64; 3] {
        vec3(&self.0, 0)
    }

    /// How far the gripper is open, from 0 to 1.
    pub const fn opening(&self) -> f64 {
        self.0[3]
    }

    /// Where the first object is, m.
    pub fn object(&self) -> [f64; 3] {
        vec3(&self.0, 4)
    }

    /// The orientation of the first object: a quaternion whose component order depends on the task;
    /// zeros if the task does not observe it.
    pub const fn orientation(&self) -> [f64; 4] {
        [self.0[7], self.0[8], self.0[9], self.0[10]]
    }

    /// Where the second object is, m; zeros if there is none.
    pub fn second_object(&self) -> [f64; 3] {
        vec3(&self.0, 11)
    }

    /// Where the goal is, m.
    pub fn goal(&self) -> [f64; 3] {
        vec3(&self.0, 2 * FRAME)
    }
}

impl TryFrom<&[f64]> for RawObservation {
    type Error = std::array::TryFromSliceError;

    fn try_from(numbers: &[f64]) -> Result<Self, Self::Error> {
        numbers.try_into().map(Self)
    }
}

fn clip(values: &mut [f64], low: &[f64], high: &[f64]) {
    for ((value, &low), &high) in values.iter_mut().zip(low).zip(high) {
        *value = value.max(low).min(high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_places_that_the_package_gives_them() {
        let numbers: [f64; RawObservation::LEN] = std::array::from_fn(|i| i as f64);
        let observation = RawObservation::try_from(&numbers[..]).unwrap();
        assert_eq!(observation.hand(), [0.0, 1.0, 2.0]);
        assert_eq!(observation.opening(), 3.0);
        assert_eq!(observation.object(), [4.0, 5.0, 6.0]);
        assert_eq!(observation.orientation(), [7.0, 8.0, 9.0, 10.0]);
        assert_eq!(observation.second_object(), [11.0, 12.0, 13.0]);
        assert_eq!(observation.goal(), [36.0, 37.0, 38.0]);
        assert_eq!(observation.as_array(), &numbers);
        assert!(RawObservation::try_from(&numbers[1..]).is_err());

        let (now, before) = (&numbers[..18], &numbers[18..36]);
        let objects = now[4..].try_into().unwrap();
        let now = frame(observation.hand(), observation.opening(), objects);
        let again = RawObservation::new(now, before.try_into().unwrap(), observation.goal());
        assert_eq!(again, observation);
    }

    #[test]
    fn hand_gripper_and_goal_are_clipped_and_objects_are_not() {
        let mut observation = RawObservation([9.0; RawObservation::LEN]);
        observation.clip(&([0.0; 3], [0.1, 0.2, 0.3]));
        assert_eq!(observation.hand(), [0.525, 1.025, 0.7]);
        assert_eq!(observation.opening(), 1.0);
        assert_eq!(observation.as_array()[4..18], [9.0; 14]);
        assert_eq!(observation.as_array()[18..22], FRAME_HIGH);
        assert_eq!(observation.goal(), [0.1, 0.2, 0.3]);
    }
}
