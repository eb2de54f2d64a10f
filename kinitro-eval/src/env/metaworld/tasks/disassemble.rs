//! Take a ring off a peg.

use super::puck::apart;
use super::wrench::{LIFTED, Layout, MODEL, Rules, WrenchAndPeg, caging};
use crate::env::metaworld::geometry::{Vec3, add, distance, vec3};
use crate::env::metaworld::handling::{Handling, Leg, Plan, to_height};
use crate::env::metaworld::reward::{Caging, Density, tolerance};
use crate::env::metaworld::task::{Definition, Space};
use crate::env::metaworld::world::{HandBox, rounded_to_f32};

/// Straight up.
static PLAN: Plan =
    Plan { way: &[Leg::Carry { to_go: |seen| to_height(seen, 0.25), near: 0.0 }], ..Plan::USUAL };

pub(super) static DEFINITION: Definition = Definition {
    name: "disassemble-v3",
    description: "pick the wrench up by its handle and take its ring off the peg",
    model: MODEL,
    hand_init: rounded_to_f32([0.0, 0.4, 0.2]),
    hand_box: HandBox::USUAL,
    space: Space {
        low: &[0.0, 0.6, 0.025, -0.1, 0.6, 0.1699],
        high: &[0.1, 0.75, 0.02501, 0.1, 0.75, 0.1701],
        rejects: |placement| apart(placement) < 0.1,
    },
    goal_space: ([-0.1, 0.6, 0.1749], [0.1, 0.75, 0.1751]),
    objects_in_the_way: true,
    reads_contact_forces: false,
    build: WrenchAndPeg::<Disassembly>::find,
    expert: Some(|| Box::new(Handling::new(&PLAN))),
};

/// The ring comes off the peg.
struct Disassembly;

impl Rules for Disassembly {
    const CAGING: Caging = caging(Density::High);

    fn layout(placement: &[f64]) -> Layout {
        // The second half of the vector only decides which vectors are rejected.
        let wrench = vec3(placement, 0);
        let above = |height| add(wrench, [0.0, 0.0, height]);
        Layout { wrench, peg: above(0.03), marker: above(0.08), target: above(0.15) }
    }

    fn judge(target: Vec3, ring: Vec3, handle: Vec3) -> (bool, f64) {
        let error = distance(add(target, [0.0, 0.0, 0.1]), ring);
        let freed = 0.1 * f64::from(ring[2] > LIFTED) + 0.9 * tolerance(error, (0.0, 0.02), 0.2);
        (handle[2] > target[2], freed)
    }
}
