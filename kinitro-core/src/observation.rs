//! What a policy observes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Channels, DepthImage, EnvId, Image, Seed, TaskId};

/// One look at the world, in the wire format: pictures and proprioception by name.
///
/// An unknown top-level key is an error. Channels in use: `ee_pos` `[x, y, z]` in metres, `ee_quat`
/// `[x, y, z, w]`, `ee_vel_lin` in m/s, `ee_vel_ang` in rad/s, `gripper` from 0 (open) to 1
/// (closed), `joint_pos` in rad, `joint_vel` in rad/s, `base_pos`, `base_quat`, `base_vel`. The
/// environment's specification says which of them it has, and in which frame.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Observation {
    /// Colour pictures by camera.
    pub rgb: BTreeMap<String, Image>,
    /// Depth pictures by camera.
    pub depth: BTreeMap<String, DepthImage>,
    /// Proprioception: what the robot senses of itself.
    pub proprio: Channels,
    /// The 3x3 matrix from camera coordinates to pixels, by camera.
    pub cam_intrinsics: BTreeMap<String, Vec<Vec<f64>>>,
    /// The 4x4 pose of the camera in the world, by camera.
    pub cam_extrinsics: BTreeMap<String, Vec<Vec<f64>>>,
    /// Anything else. Kinitro's own environments leave it empty.
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// What a policy receives before an episode, as sent on the wire. It never reveals the positions of
/// objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskConfig {
    /// The environment, `family/task`.
    pub env_id: EnvId,
    /// The first half of the environment's id: the family.
    pub env_name: String,
    /// The second half of the environment's id: the task name.
    pub task_name: String,
    /// The seed of the episode.
    pub seed: Seed,
    /// The number of the episode.
    pub task_id: TaskId,
}

impl TaskConfig {
    /// The configuration of the episode of `env_id` that grows from `seed`. Its task id is the
    /// seed's number, as in the calling convention of evaluation containers.
    pub fn new(env_id: EnvId, seed: Seed) -> Self {
        Self {
            env_name: env_id.family().to_owned(),
            task_name: env_id.task().to_owned(),
            task_id: TaskId(seed.0),
            env_id,
            seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_format_has_every_key() {
        let mut observation = Observation::default();
        observation.proprio.insert("gripper", [0.25]);
        let json = serde_json::to_value(&observation).unwrap();
        let expected = serde_json::json!({
            "rgb": {}, "depth": {}, "proprio": {"gripper": [0.25]},
            "cam_intrinsics": {}, "cam_extrinsics": {}, "extra": {},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_unknown_top_level_key_is_an_error() {
        let error = serde_json::from_str::<Observation>(r#"{"goal": [1, 2, 3]}"#).unwrap_err();
        assert!(error.to_string().contains("goal"), "{error}");
    }

    #[test]
    fn a_task_config_names_its_parts() {
        let config = TaskConfig::new("metaworld/reach-v3".parse().unwrap(), Seed(7));
        let json = serde_json::to_value(&config).unwrap();
        let expected = serde_json::json!({
            "env_id": "metaworld/reach-v3", "env_name": "metaworld", "task_name": "reach-v3",
            "seed": 7, "task_id": 7,
        });
        assert_eq!(json, expected);
    }
}
