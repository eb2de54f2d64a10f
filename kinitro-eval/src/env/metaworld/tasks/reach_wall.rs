//! Move the gripper to a point in the air, behind a wall.

use super::puck::too_close;
use super::reach::{HAND_INIT, Reach};
use crate::env::metaworld::expert::{GripperTo, over_the_wall, tcp, towards};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::task::{Definition, RawController, Space};
use crate::env::metaworld::world::HandBox;

pub(super) static DEFINITION: Definition = Definition {
    name: "reach-wall-v3",
    description: "reach over the wall and move the gripper to the goal marker",
    model: "sawyer_xyz/sawyer_reach_wall_v3.xml",
    hand_init: HAND_INIT,
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.6, 0.015, -0.05, 0.85, 0.05],
        high: &[0.05, 0.65, 0.015, 0.05, 0.9, 0.3],
        rejects: too_close,
    },
    goal_space: ([-0.05, 0.85, 0.05], [0.05, 0.9, 0.3]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Reach::find(model)?)),
    expert: Some(|| Box::new(Expert)),
};

/// Goes over the wall to the goal.
struct Expert;

impl RawController for Expert {
    fn act(&mut self, observation: &RawObservation) -> [f64; 4] {
        let goal = observation.goal();
        let place = over_the_wall(tcp(observation), goal);
        towards(observation, place, GripperTo::Close)
    }
}
