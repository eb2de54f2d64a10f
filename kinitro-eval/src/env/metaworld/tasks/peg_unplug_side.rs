//! Pull a plug sideways out of its socket.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::{Item, one_object};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance, vec3};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_goal};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, in_place};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal earns the full reward, m.
const REWARD_RADIUS: f64 = 0.05;
/// How near to the goal is a success, m.
const SUCCESS_RADIUS: f64 = 0.07;
/// From the box to the plug in its socket, m.
const PLUGGED: Vec3 = [0.044, 0.0, 0.131];
/// From the plug's initial position to the goal, m.
const PULLED: Vec3 = [0.15, 0.0, 0.0];

const CAGING: Caging = Caging {
    object_radius: 0.025,
    pad_threshold: 0.05,
    xz_threshold: 0.005,
    effort: 0.8,
    density: Density::High,
};

/// Straight out.
static PLAN: Plan = Plan {
    grip: |seen| add(seen.object(), [0.01, 0.0, 0.0]),
    hover: 0.12,
    grasp_steps: 30,
    way: &[Leg::Carry { to_go: |seen| to_goal(seen, [0.0; 3]), near: 0.0 }],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "peg-unplug-side-v3",
    description: "pull the plug sideways out of its socket",
    model: "sawyer_xyz/sawyer_peg_unplug_side.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space { low: &[-0.25, 0.6, -0.001], high: &[-0.15, 0.8, 0.001], rejects: |_| false },
    goal_space: ([-0.056, 0.6, 0.13], [0.044, 0.8, 0.132]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PegUnplugSide::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct PegUnplugSide {
    plug: Item,
    end: usize,
    box_body: usize,
    end_init: Vec3,
    target: Vec3,
}

impl PegUnplugSide {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        Ok(Self {
            plug: Item::find(model, "plug1")?,
            end: object_id(model, MjtObjBase::mjOBJ_SITE, "pegEnd")?,
            box_body: object_id(model, MjtObjBase::mjOBJ_BODY, "box")?,
            end_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

impl Scene for PegUnplugSide {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        world.move_body(self.box_body, vec3(placement, 0));
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let plug = add(vec3(placement, 0), PLUGGED);
        world.set_qpos(9, &plug);
        world.set_qpos(12, &[1.0, 0.0, 0.0, 0.0]);
        // Only the linear velocity is zeroed: the plug keeps the angular velocity from the reset of
        // the hand.
        world.set_qvel(9, &[0.0; 3]);
        world.forward();
        self.end_init = world.site_pos(self.end);
        self.target = add(plug, PULLED);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        one_object(world.site_pos(self.end), self.plug.quat(world))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (end, opening) = (observation.object(), observation.opening());
        let to_target = distance(end, self.target);
        let mut reward = 2.0 * CAGING.reward(world, end, self.end_init, action);
        let pulling = opening > 0.5 && end[0] - self.end_init[0] > 0.015;
        if pulling && distance(end, world.tcp()) < 0.035 {
            reward += 1.0 + 5.0 * in_place(end, self.target, self.end_init, REWARD_RADIUS);
        }
        if to_target <= REWARD_RADIUS {
            reward = 10.0;
        }
        Verdict { reward, success: to_target <= SUCCESS_RADIUS }
    }
}
