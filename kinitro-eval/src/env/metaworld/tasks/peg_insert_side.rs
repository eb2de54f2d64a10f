//! Insert a peg sideways into a hole.

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::item::one_object;
use super::puck::{apart, object_and_goal};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{
    Vec3, add, distance, quat_from_matrix, scaled_distance, sub,
};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_goal, to_height};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::{Caging, Density, hamacher, tolerance};
use crate::env::metaworld::task::{Definition, Scene, Space, Verdict};
use crate::env::metaworld::world::{HandBox, World};

/// How near to the goal the peg's head is a success, with distances across the hole counted twice,
/// m.
const RADIUS: f64 = 0.07;
/// Distances across the hole, which is along x, count twice.
const SCALE: Vec3 = [1.0, 2.0, 2.0];
/// From the box to the point in its hole that the head must reach, m.
const HOLE: Vec3 = [0.03, 0.0, 0.13];
/// From the head of a level peg to where the peg is observed, m.
const FROM_HEAD: Vec3 = [0.13, 0.0, 0.01];
/// The same for a goal at some distance in front of the hole, m.
const IN_FRONT: Vec3 = [0.26, 0.0, 0.01];
/// From the observed point of the peg to where it is gripped, m: any higher, and it slips.
const DEEPER: Vec3 = [0.0, 0.0, -0.012];
/// How near the gripper must be to the peg to hold it, m.
const HELD: f64 = 0.08;

const CAGING: Caging = Caging {
    object_radius: 0.0075,
    pad_threshold: 0.03,
    xz_threshold: 0.005,
    effort: 1.0,
    density: Density::High,
};

/// Up, in front of the hole and in. It is the head that must come to the goal.
static PLAN: Plan = Plan {
    grip: |seen| add(seen.object(), DEEPER),
    way: &[
        Leg::Carry { to_go: |seen| to_height(seen, 0.14), near: 0.01 },
        Leg::Carry { to_go: |seen| to_goal(seen, IN_FRONT), near: 0.01 },
        Leg::Carry { to_go: |seen| to_goal(seen, FROM_HEAD), near: 0.0 },
    ],
    ..Plan::USUAL
};

pub(super) static DEFINITION: Definition = Definition {
    name: "peg-insert-side-v3",
    description: "pick the peg up and insert it sideways into the hole of the box",
    model: "sawyer_xyz/sawyer_peg_insertion_side.xml",
    hand_init: [0.0, 0.6, 0.2],
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.5, 0.02, -0.35, 0.4, -0.001],
        high: &[0.2, 0.7, 0.02, -0.25, 0.7, 0.001],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([-0.32, 0.4, 0.129], [-0.22, 0.7, 0.131]),
    objects_in_the_way: false,
    reads_contact_forces: false,
    build: |model| Ok(Box::new(PegInsertSide::find(model)?)),
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

struct PegInsertSide {
    grasp: usize,
    head: usize,
    box_body: usize,
    /// Two opposite corners of each of the solid parts below and above the hole: the reward of an
    /// intruding peg is 0 at the first corner and full at the second.
    solids: [[usize; 2]; 2],
    peg_init: Vec3,
    head_init: Vec3,
    target: Vec3,
}

impl PegInsertSide {
    fn find(model: &MjModel) -> Result<Self, EnvironmentError> {
        let site = |name: &str| object_id(model, MjtObjBase::mjOBJ_SITE, name);
        Ok(Self {
            grasp: site("pegGrasp")?,
            head: site("pegHead")?,
            box_body: object_id(model, MjtObjBase::mjOBJ_BODY, "box")?,
            solids: [
                [
                    site("bottom_right_corner_collision_box_1")?,
                    site("top_left_corner_collision_box_1")?,
                ],
                [
                    site("bottom_right_corner_collision_box_2")?,
                    site("top_left_corner_collision_box_2")?,
                ],
            ],
            peg_init: [0.0; 3],
            head_init: [0.0; 3],
            target: [0.0; 3],
        })
    }
}

/// 1 outside the box between two corners; within it, from 0 at the first corner to 1 at the second.
fn clear_of(point: Vec3, zero: Vec3, one: Vec3) -> f64 {
    let inside = |i: usize| (zero[i].min(one[i])..=zero[i].max(one[i])).contains(&point[i]);
    if !(0..3).all(inside) {
        return 1.0;
    }
    let (along, edges) = (sub(point, zero), sub(one, zero));
    (along[0] / edges[0]) * (along[1] / edges[1]) * (along[2] / edges[2])
}

impl Scene for PegInsertSide {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        let (peg, box_pos) = object_and_goal(placement);
        self.peg_init = peg;
        self.target = add(box_pos, HOLE);
        world.move_body(self.box_body, box_pos);
    }

    fn place(&mut self, world: &mut World, _: &[f64]) {
        // The position of the head before the peg is placed: rewards are measured from there.
        self.head_init = world.site_pos(self.head);
        world.place_free_object(self.peg_init);
        world.mark_goal(self.target);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        one_object(world.site_pos(self.grasp), quat_from_matrix(world.site_matrix(self.grasp)))
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, action: &[f64; 4]) -> Verdict {
        let (peg, opening) = (observation.object(), observation.opening());
        let head = world.site_pos(self.head);
        let to_target = scaled_distance(head, self.target, SCALE);
        let margin = scaled_distance(self.head_init, self.target, SCALE);
        let [below, above] = self
            .solids
            .map(|[zero, one]| clear_of(head, world.site_pos(zero), world.site_pos(one)));
        let placed = hamacher(tolerance(to_target, (0.0, RADIUS), margin), hamacher(above, below));
        let lifted =
            distance(peg, world.tcp()) < HELD && opening > 0.0 && peg[2] - 0.01 > self.peg_init[2];
        let mut reward = if lifted {
            hamacher(1.0, placed) + 1.0 + 5.0 * placed
        } else {
            hamacher(CAGING.reward(world, peg, self.peg_init, action), placed)
        };
        let success = to_target <= RADIUS;
        if success {
            reward = 10.0;
        }
        Verdict { reward, success }
    }
}
