//! The window whose front pane slides along x.

use std::marker::PhantomData;

use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::mechanism::{JOINT, NO_ORIENTATION, approach, observe, stand};
use crate::env::EnvironmentError;
use crate::env::metaworld::geometry::{Vec3, add, distance};
use crate::env::metaworld::observation::RawObservation;
use crate::env::metaworld::physics::object_id;
use crate::env::metaworld::reward::hamacher;
use crate::env::metaworld::task::{Scene, Verdict};
use crate::env::metaworld::world::World;

pub(super) const MODEL: &str = "sawyer_xyz/sawyer_window_horizontal.xml";

/// The travel of the pane, m.
pub(super) const TRAVEL: f64 = 0.2;
/// How near along x the handle must come to the goal, m.
const SUCCESS_DISTANCE: f64 = 0.05;
/// How near to the handle earns the full reward for reaching it, m.
const HANDLE_RADIUS: f64 = 0.02;

/// How a window is moved.
pub(super) trait Rules: Send + 'static {
    /// The site at the side of the handle that is pushed.
    const HANDLE: &'static str;
    /// How far the pane is open initially, m.
    const START: f64;
    /// How far the pane should be open in the end, m.
    const END: f64;

    /// Where the handle's travel starts, given the positions of the window and its handle, m.
    fn beginning(stand: Vec3, handle: Vec3) -> Vec3;

    /// How well the gripper has reached the handle: 1 within `radius`, 0.1 at the initial distance.
    fn reached(distance: f64, radius: f64, initially: f64) -> f64;
}

/// The window, being opened or closed.
pub(super) struct Window<R> {
    window: usize,
    handle: usize,
    /// Where the handle is before the first step, m.
    handle_init: Vec3,
    /// Where the handle's travel starts, m.
    beginning: Vec3,
    target: Vec3,
    rules: PhantomData<R>,
}

impl<R: Rules> Window<R> {
    pub(super) fn find(model: &MjModel) -> Result<Box<dyn Scene>, EnvironmentError> {
        Ok(Box::new(Self {
            window: object_id(model, MjtObjBase::mjOBJ_BODY, "window")?,
            handle: object_id(model, MjtObjBase::mjOBJ_SITE, R::HANDLE)?,
            handle_init: [0.0; 3],
            beginning: [0.0; 3],
            target: [0.0; 3],
            rules: PhantomData,
        }))
    }
}

impl<R: Rules> Scene for Window<R> {
    fn arrange(&mut self, world: &mut World, placement: &[f64]) {
        world.move_body(self.window, stand(placement));
    }

    fn place(&mut self, world: &mut World, placement: &[f64]) {
        let stand = stand(placement);
        self.target = add(stand, [R::END, 0.0, 0.0]);
        world.mark_goal(self.target);
        // The window is still shut when this is computed.
        self.handle_init = add(world.site_pos(self.handle), [R::START, 0.0, 0.0]);
        self.beginning = R::beginning(stand, self.handle_init);
        world.set_qpos(JOINT, &[R::START]);
    }

    fn target(&self, _: &World) -> Vec3 {
        self.target
    }

    fn objects(&self, world: &World) -> [f64; 14] {
        observe(world.site_pos(self.handle), NO_ORIENTATION)
    }

    fn evaluate(&self, world: &World, observation: &RawObservation, _: &[f64; 4]) -> Verdict {
        let handle = observation.object();
        let to_target = (handle[0] - self.target[0]).abs();
        let initially = (self.beginning[0] - self.target[0]).abs();
        let placed = approach(to_target, SUCCESS_DISTANCE, initially);
        let reached = R::reached(
            distance(handle, world.tcp()),
            HANDLE_RADIUS,
            distance(self.handle_init, world.init_tcp()),
        );
        Verdict { reward: 10.0 * hamacher(reached, placed), success: to_target <= SUCCESS_DISTANCE }
    }
}
