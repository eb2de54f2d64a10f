//! Press the button of a coffee machine.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::button::Press;
use super::coffee::{CoffeeMachine, mug_in_front};
use crate::env::EnvironmentError;
use crate::env::metaworld::expert::ApproachAndPress;
use crate::env::metaworld::geometry::{Vec3, add};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the end of its travel the button counts as pressed, m.
const RADIUS: f64 = 0.02;
/// The travel of the button, m.
const DEPTH: f64 = 0.03;
/// From the machine to its button, m.
const BUTTON: Vec3 = [0.0, -0.22, 0.3];

/// Where the expert presses from, relative to the button, m.
const VIA: &[Vec3] = &[[0.0, -0.08, 0.0]];

pub(super) static DEFINITION: Definition = Definition {
    name: "coffee-button-v3",
    description: "press the button of the coffee machine",
    model: "sawyer_xyz/sawyer_coffee.xml",
    hand_init: [0.0, 0.4, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.1, 0.8, -0.001], high: &[0.1, 0.9, 0.001], rejects: |_| false },
    goal_space: ([-0.101, 0.61, 0.298], [0.101, 0.71, 0.302]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(CoffeeButton::find(model)?)),
    expert: Some(|| Box::new(ApproachAndPress::from_the_front(VIA))),
};

struct CoffeeButton {
    machine: CoffeeMachine,
    button: usize,
    target: Vec3,
}

impl CoffeeButton {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            machine: CoffeeMachine::find(model)?,
            button: object_id(model, MjtObjBase::mjOBJ_SITE, "buttonStart")?,
            target: [0.0; 3],
        })
    }
}

impl Scene for CoffeeButton {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let machine = [placement[0], placement[1], placement[2]];
        self.machine.place(world, machine);
        self.machine.place_mug(world, mug_in_front(machine));
        self.target = add(add(machine, BUTTON), [0.0, DEPTH, 0.0]);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let mut block = [0.0; 14];
        block[..3].copy_from_slice(&world.site_pos(self.button));
        // The button has no meaningful orientation; this one is constant.
        block[3] = 1.0;
        block
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let left = (self.target[1] - observation.object()[1]).abs();
        let press = Press::new(world, observation, left, DEPTH);
        Verdict { reward: press.front_reward(), success: left <= RADIUS }
    }
}
