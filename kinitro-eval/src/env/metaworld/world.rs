//! The Sawyer arm at its table: what all tasks share.

use std::sync::Arc;

use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::geometry::{Vec3, midpoint, norm, sub};
use super::physics::{Physics, object_id};
use crate::env::EnvironmentError;

/// Physics steps in one step of an environment.
const FRAME_SKIP: usize = 5;
/// How far the hand's target moves for an action of 1, m.
const ACTION_SCALE: f64 = 0.01;
/// Environment steps in which the hand goes to its initial place.
const HAND_RESET_STEPS: usize = 50;
/// The orientation the hand is held in, `[w, x, y, z]`; MuJoCo normalises it.
const HAND_QUAT: [f64; 4] = [1.0, 0.0, 1.0, 0.0];
/// Control of the two fingers that opens the gripper.
const OPEN: [f64; 2] = [-1.0, 1.0];

/// The box that the hand's target is kept in, m.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandBox {
    pub(super) low: Vec3,
    pub(super) high: Vec3,
}

impl HandBox {
    /// The box of most tasks.
    pub(super) const USUAL: Self = Self { low: [-0.5, 0.4, 0.05], high: [0.5, 1.0, 0.5] };
}

/// The displacement of the hand's target that an action asks for, and the control of the fingers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Command {
    displacement: Vec3,
    fingers: f64,
}

impl Command {
    /// From an action in double precision.
    pub(super) fn new(action: &[f64; 4]) -> Self {
        let displacement = [0, 1, 2].map(|i| action[i].clamp(-1.0, 1.0) * ACTION_SCALE);
        Self { displacement, fingers: action[3] }
    }

    /// From an action in single precision, in which the displacement is rounded before it is used.
    pub(super) fn new_f32(action: &[f32; 4]) -> Self {
        let scale = ACTION_SCALE as f32;
        let displacement = [0, 1, 2].map(|i| f64::from(action[i].clamp(-1.0, 1.0) * scale));
        Self { displacement, fingers: f64::from(action[3]) }
    }
}

/// The arm and what lies on its table.
pub(super) struct World {
    physics: Physics,
    /// The state in which the hand is one physics step away from its initial place, for tasks whose
    /// objects it cannot meet on the way. Getting there takes 249 of the 250 steps of a reset.
    nearly_reset: Option<MjData<Arc<MjModel>>>,
    hand_init: Vec3,
    hand_box: HandBox,
    init_tcp: Vec3,
    hand: usize,
    claws: [usize; 2],
    pads: [usize; 2],
    fingertips: [usize; 2],
    goal_site: usize,
}

impl World {
    /// A world in which the hand starts at `hand_init`. `objects_in_the_way` says that the reset of
    /// the hand may move or touch something, and must then be simulated each time.
    pub(super) fn new(
        model: Arc<MjModel>,
        hand_init: Vec3,
        hand_box: HandBox,
        objects_in_the_way: bool,
    ) -> Result<Self, EnvironmentError> {
        let body = |name| object_id(&model, MjtObjBase::mjOBJ_BODY, name);
        let site = |name| object_id(&model, MjtObjBase::mjOBJ_SITE, name);
        let mut world = Self {
            hand: body("hand")?,
            claws: [body("rightclaw")?, body("leftclaw")?],
            pads: [body("rightpad")?, body("leftpad")?],
            fingertips: [site("rightEndEffector")?, site("leftEndEffector")?],
            goal_site: site("goal")?,
            physics: Physics::new(Arc::clone(&model)),
            nearly_reset: None,
            hand_init,
            hand_box,
            init_tcp: [0.0; 3],
        };
        if !objects_in_the_way {
            let mut snapshot = MjData::new(Arc::clone(&model));
            world.physics.data_mut().reset();
            world.move_hand_to_init(HAND_RESET_STEPS * FRAME_SKIP - 1);
            world.physics.data().copy_to(&mut snapshot).map_err(simulation_error)?;
            world.nearly_reset = Some(snapshot);
        }
        Ok(world)
    }

    fn move_hand_to_init(&mut self, physics_steps: usize) {
        let hand_init = self.hand_init;
        let data = self.physics.data_mut();
        data.mocap_pos_mut()[0] = hand_init;
        data.mocap_quat_mut()[0] = HAND_QUAT;
        data.ctrl_mut().copy_from_slice(&OPEN);
        for _ in 0..physics_steps {
            data.step();
        }
    }

    /// Puts the hand where an episode begins. `arrange` makes the changes to the model that the
    /// objects' places ask for.
    ///
    /// Positions of bodies and sites are then those at the beginning of the last physics step,
    /// 2.5 ms old, just as the reference reads them.
    pub(super) fn reset(
        &mut self,
        arrange: impl FnOnce(&mut Self),
    ) -> Result<(), EnvironmentError> {
        self.physics.restore_model();
        if let Some(snapshot) = self.nearly_reset.take() {
            let copied = snapshot.copy_to(self.physics.data_mut());
            self.nearly_reset = Some(snapshot);
            copied.map_err(simulation_error)?;
            arrange(self);
            self.move_hand_to_init(1);
        } else {
            arrange(self);
            self.physics.data_mut().reset();
            self.move_hand_to_init(HAND_RESET_STEPS * FRAME_SKIP);
        }
        self.init_tcp = self.tcp();
        Ok(())
    }

    /// Multiplies friction and damping of the model as it was loaded.
    pub(super) fn scale_physics(&mut self, friction: f64, damping: f64) {
        self.physics.scale(friction, damping);
    }

    /// One step of the environment: the hand's target moves, and the physics follows for 12.5 ms.
    pub(super) fn step(&mut self, command: Command) -> Result<(), EnvironmentError> {
        let HandBox { low, high } = self.hand_box;
        let data = self.physics.data_mut();
        let target = data.mocap_pos()[0];
        data.mocap_pos_mut()[0] =
            [0, 1, 2].map(|i| (target[i] + command.displacement[i]).max(low[i]).min(high[i]));
        data.mocap_quat_mut()[0] = HAND_QUAT;
        data.ctrl_mut().copy_from_slice(&[command.fingers, -command.fingers]);
        for _ in 0..FRAME_SKIP {
            data.step();
        }
        // Positions of bodies, geoms and sites at the new state. A full forward pass would give the
        // same ones, and forces that nobody reads.
        data.kinematics();
        match self.physics.trouble() {
            None => Ok(()),
            Some(trouble) => Err(EnvironmentError::Simulation(trouble.to_owned())),
        }
    }

    /// Puts the free joint whose coordinates begin at `qpos[9]` at a place, at rest, and computes
    /// what follows from it. Its orientation stays.
    pub(super) fn place_free_object(&mut self, pos: Vec3) {
        let data = self.physics.data_mut();
        data.qpos_mut()[9..12].copy_from_slice(&pos);
        data.qvel_mut()[9..15].fill(0.0);
        data.forward();
    }

    /// Shows the goal marker at a place. It is only to be seen: nothing touches it.
    pub(super) fn mark_goal(&mut self, pos: Vec3) {
        self.physics.set_site_pos(self.goal_site, pos);
    }

    pub(super) fn physics(&self) -> &Physics {
        &self.physics
    }

    pub(super) fn physics_mut(&mut self) -> &mut Physics {
        &mut self.physics
    }

    /// Index of the body whose place is the hand's.
    pub(super) fn hand_body(&self) -> usize {
        self.hand
    }

    /// Where the hand is, m.
    pub(super) fn hand(&self) -> Vec3 {
        self.physics.data().xpos()[self.hand]
    }

    /// The point between the fingertips, m.
    pub(super) fn tcp(&self) -> Vec3 {
        let sites = self.physics.data().site_xpos();
        midpoint(sites[self.fingertips[0]], sites[self.fingertips[1]])
    }

    /// The point between the fingertips right after the reset of the hand, m.
    pub(super) fn init_tcp(&self) -> Vec3 {
        self.init_tcp
    }

    pub(super) fn right_pad(&self) -> Vec3 {
        self.physics.data().xpos()[self.pads[0]]
    }

    pub(super) fn left_pad(&self) -> Vec3 {
        self.physics.data().xpos()[self.pads[1]]
    }

    /// How far the gripper is open, from 0 to 1 (10 cm).
    pub(super) fn gripper_opening(&self) -> f64 {
        let bodies = self.physics.data().xpos();
        let apart = norm(sub(bodies[self.claws[0]], bodies[self.claws[1]]));
        (apart / 0.1).clamp(0.0, 1.0)
    }
}

fn simulation_error(error: MjDataError) -> EnvironmentError {
    EnvironmentError::Simulation(error.to_string())
}
