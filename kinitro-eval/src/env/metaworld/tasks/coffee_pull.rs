//! Pull the mug away from the coffee machine.

use super::coffee::{MachineAt, MoveMug, PLAN};
use super::puck::too_close;
use crate::env::metaworld::handling::Handling;
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::HandBox;

pub(super) static DEFINITION: Definition = Definition {
    name: "coffee-pull-v3",
    description: "pull the mug away from the coffee machine to the goal marker",
    model: "sawyer_xyz/sawyer_coffee.xml",
    hand_init: [0.0, 0.4, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.05, 0.7, -0.001, -0.1, 0.55, -0.001],
        high: &[0.05, 0.75, 0.001, 0.1, 0.65, 0.001],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.55, -0.001], [0.1, 0.65, 0.001]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(MoveMug::find(model, MachineAt::Start)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};
