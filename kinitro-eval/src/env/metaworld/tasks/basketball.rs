//! Drop a ball into a basket.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::Item;
use super::puck::{object_and_goal, too_close};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance, scaled_distance};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_above_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World, rounded_to_f32};

/// How near to the goal is a success, with differences in height counted twice, m.
const RADIUS: f64 = 0.08;
/// The height above the goal that the ball should reach, m.
const HEIGHT: f64 = 0.3;
/// Differences in height count twice.
const SCALE: Vec3 = [1.0, 1.0, 2.0];
/// The height at which the ball starts, m.
const BALL_HEIGHT: f64 = 0.03_f32 as f64;

const CAGING: Caging = Caging {
    object_radius: 0.025,
    pad_threshold: 0.06,
    xz_threshold: 0.005,
    effort: 1.0,
    density: Density::High,
};

/// Up beside the hoop and over it.
static PLAN: Plan = Plan {
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.36), near: 0.03 },
        Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], 0.34), near: 0.03 },
        Leg::Carry { to_go: |seen| to_above_goal(seen, [0.0; 3], HEIGHT), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "basketball-v3",
    description: "pick the ball up and put it into the basket",
    model: "sawyer_xyz/sawyer_basketball.xml",
    hand_init: rounded_to_f32([0.0, 0.6, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.0299, -0.1, 0.85, 0.0],
        high: &[0.1, 0.7, 0.0301, 0.1, 0.9, 0.0],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.767, 0.2499], [0.1, 0.817, 0.2501]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Basketball::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct Basketball {
    ball: Item,
    basket: usize,
    hoop: usize,
    ball_init: Vec3,
}

impl Basketball {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            ball: Item::find(model, "bsktball")?,
            basket: object_id(model, MjtObjBase::mjOBJ_BODY, "basket_goal")?,
            hoop: object_id(model, MjtObjBase::mjOBJ_SITE, "goal")?,
            ball_init: [0.0; 3],
        })
    }
}

impl Scene for Basketball {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        let (ball, basket) = object_and_goal(placement);
        self.ball_init = [ball[0], ball[1], BALL_HEIGHT];
        world.move_body(self.basket, basket);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        // The marker hangs in the hoop and has moved with it.
        world.place_free_object(self.ball_init);
    }

    fn target(&self, world: &World) -> Vec3 {
        world.site_pos(self.hoop)
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        self.ball.observe(world)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (ball, opening) = (observation.object(), observation.opening());
        let [x, y, _] = self.target(world);
        let target = [x, y, HEIGHT];
        let to_target = scaled_distance(ball, target, SCALE);
        let margin = scaled_distance(self.ball_init, target, SCALE);
        let placed = tolerance(to_target, (0.0, RADIUS), margin);
        let lifted = distance(ball, world.tcp()) < 0.035
            && opening > 0.0
            && ball[2] - 0.01 > self.ball_init[2];
        let mut reward = if lifted {
            hamacher(1.0, placed) + 1.0 + 5.0 * placed
        } else {
            hamacher(CAGING.reward(world, ball, self.ball_init, action), placed)
        };
        if to_target < RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= RADIUS }
    }
}
