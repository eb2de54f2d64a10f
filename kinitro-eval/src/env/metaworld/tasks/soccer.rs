//! Push a ball along the table into a goal.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::puck::{object_and_goal, too_close};
use super::sided_caging::SidedCaging;
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, distance, norm, quat_from_matrix, sub};
use crate::env::metaworld::handling::{Handling, Plan};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::tolerance;
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal is a success, m.
const RADIUS: f64 = 0.07;
/// The height of the ball's centre on the table, m.
const BALL_HEIGHT: f64 = 0.03;
/// How far in front of its middle the goal begins, m.
const GOAL_DEPTH: f64 = 0.1;
/// Half the width of the goal, m.
const GOAL_HALF_WIDTH: f64 = 0.1;
/// The y at which the penalty for missing the goal is full, m.
const FAR_END: f64 = 1.0;

const CAGING: SidedCaging =
    SidedCaging { object_radius: 0.013, grip_slack: 0.01, xz_threshold: 0.005 };

pub(super) static DEFINITION: Definition = Definition {
    name: "soccer-v3",
    description: "push the ball into the goal",
    model: "sawyer_xyz/sawyer_soccer.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[-0.1, 0.6, 0.03, -0.1, 0.8, 0.0],
        high: &[0.1, 0.7, 0.03, 0.1, 0.9, 0.0],
        rejects: too_close,
    },
    goal_space: ([-0.1, 0.8, 0.0], [0.1, 0.9, 0.0]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(Soccer::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&Plan::ALONG_THE_TABLE))),
};

struct Soccer {
    ball: usize,
    goal: usize,
    ball_init: Vec3,
    target: Vec3,
}

impl Soccer {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            ball: object_id(model, MjtObjBase::mjOBJ_BODY, "soccer_ball")?,
            goal: object_id(model, MjtObjBase::mjOBJ_BODY, "goal_whole")?,
            ball_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

/// The distance, with distances along the goal line counted three times.
fn stretched(a: Vec3, b: Vec3) -> f64 {
    let [x, y, z] = sub(a, b);
    norm([x * 3.0, y, z])
}

impl Scene for Soccer {
    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let (ball, goal) = object_and_goal(placement);
        self.ball_init = [ball[0], ball[1], BALL_HEIGHT];
        self.target = goal;
        world.move_body(self.goal, goal);
        world.place_free_object(self.ball_init);
        world.mark_goal(goal);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        let mut block = [0.0; 14];
        block[..3].copy_from_slice(&world.body_pos(self.ball));
        block[3..7].copy_from_slice(&quat_from_matrix(world.body_matrix(self.ball)));
        block
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let ball = observation.object();
        let to_target = stretched(ball, self.target);
        // The margin grows with the distance that the ball has moved.
        let mut placed = tolerance(to_target, (0.0, RADIUS), stretched(ball, self.ball_init));
        let goal_line = self.target[1] - GOAL_DEPTH;
        if ball[1] > goal_line && (ball[0] - self.target[0]).abs() > GOAL_HALF_WIDTH {
            let beyond = (ball[1] - goal_line) / (FAR_END - goal_line);
            placed = (placed - 2.0 * beyond).clamp(0.0, 1.0);
        }
        let reward = if to_target < RADIUS {
            10.0
        } else {
            3.0 * CAGING.reward(world, ball, self.ball_init) + 6.5 * placed
        };
        Verdict { reward, success: distance(ball, self.target) <= RADIUS }
    }
}
