//! The Sawyer arm at its table: what all tasks share.

use std::sync::Arc;

use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_model::MjtObjBase;
use mujoco_rs::wrappers::mj_model::traits::ModelType;

use super::geometry::{Vec3, midpoint, norm, sub};
use super::physics::{Physics, object_id};
use super::task::Definition;
use crate::env::EnvironmentError;

/// The number of physics steps per environment step.
const FRAME_SKIP: usize = 5;
/// How far the hand's target moves for an action of 1, m.
const ACTION_SCALE: f64 = 0.01;
/// The number of environment steps in which the hand moves to its initial position.
const HAND_RESET_STEPS: usize = 50;
/// The orientation the hand is held in, `[w, x, y, z]`; MuJoCo normalises it.
const HAND_QUAT: [f64; 4] = [1.0, 0.0, 1.0, 0.0];
/// The control of the two fingers that opens the gripper.
const OPEN: [f64; 2] = [-1.0, 1.0];

/// The box that the hand's target is kept in, m.
#[derive(Debug, Clone, Copy)]
pub(super) struct HandBox {
    pub(super) low: Vec3,
    pub(super) high: Vec3,
}

impl HandBox {
    /// The box of most tasks.
    pub(super) const USUAL: Self = Self::from_low([-0.5, 0.4, 0.05]);
    /// The box of tasks whose hand may go below the table's top.
    pub(super) const DEEP: Self = Self::from_low([-0.5, 0.4, -0.15]);

    /// A box from its lower corner; the upper one is the same for all tasks.
    pub(super) const fn from_low(low: Vec3) -> Self {
        Self { low, high: [0.5, 1.0, 0.5] }
    }
}

/// Rounds a position to single precision, for where the reference does so.
pub(super) const fn rounded_to_f32([x, y, z]: Vec3) -> Vec3 {
    [x as f32 as f64, y as f32 as f64, z as f32 as f64]
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

    /// Moves the hand's target within its box, sets the fingers, and runs the physics for 12.5 ms.
    pub(super) fn carry_out<M: ModelType>(
        self,
        data: &mut MjData<M>,
        HandBox { low, high }: HandBox,
    ) {
        let target = data.mocap_pos()[0];
        data.mocap_pos_mut()[0] =
            [0, 1, 2].map(|i| (target[i] + self.displacement[i]).max(low[i]).min(high[i]));
        data.mocap_quat_mut()[0] = HAND_QUAT;
        data.ctrl_mut().copy_from_slice(&[self.fingers, -self.fingers]);
        for _ in 0..FRAME_SKIP {
            data.step();
        }
    }
}

/// The arm and the objects on its table.
pub(super) struct World {
    physics: Physics,
    /// The state in which the hand is one physics step away from its initial position, for tasks
    /// whose objects it cannot touch on the way. This saves 249 of the 250 physics steps of a
    /// reset.
    nearly_reset: Option<MjData<Arc<MjModel>>>,
    definition: &'static Definition,
    init_tcp: Vec3,
    hand: usize,
    claws: [usize; 2],
    pads: [usize; 2],
    fingertips: [usize; 2],
    goal_site: Option<usize>,
}

impl World {
    /// The world of a task before its first episode.
    pub(super) fn new(
        model: Arc<MjModel>,
        definition: &'static Definition,
    ) -> Result<Self, EnvironmentError> {
        let body = |name| object_id(&model, MjtObjBase::mjOBJ_BODY, name);
        let site = |name| object_id(&model, MjtObjBase::mjOBJ_SITE, name);
        let mut world = Self {
            hand: body("hand")?,
            claws: [body("rightclaw")?, body("leftclaw")?],
            pads: [body("rightpad")?, body("leftpad")?],
            fingertips: [site("rightEndEffector")?, site("leftEndEffector")?],
            goal_site: site("goal").ok(),
            physics: Physics::new(Arc::clone(&model)),
            nearly_reset: None,
            definition,
            init_tcp: [0.0; 3],
        };
        // If the reset may move or touch an object, it is simulated each time.
        if !definition.objects_in_the_way {
            let mut snapshot = MjData::new(Arc::clone(&model));
            world.physics.data_mut().reset();
            world.move_hand_to_init(HAND_RESET_STEPS * FRAME_SKIP - 1);
            world.physics.data().copy_to(&mut snapshot).map_err(simulation_error)?;
            world.nearly_reset = Some(snapshot);
        }
        Ok(world)
    }

    fn move_hand_to_init(&mut self, physics_steps: usize) {
        let hand_init = self.definition.hand_init;
        let data = self.physics.data_mut();
        data.mocap_pos_mut()[0] = hand_init;
        data.mocap_quat_mut()[0] = HAND_QUAT;
        data.ctrl_mut().copy_from_slice(&OPEN);
        for _ in 0..physics_steps {
            data.step();
        }
    }

    /// Moves the hand to its initial position. `arrange` makes the changes to the model that the
    /// objects' positions require.
    ///
    /// Afterwards, the positions of bodies and sites are those at the beginning of the last physics
    /// step, 2.5 ms old, just as the reference reads them.
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

    /// Multiplies the nominal friction and damping of the model.
    pub(super) fn scale_physics(&mut self, friction: f64, damping: f64) {
        self.physics.scale(friction, damping);
    }

    /// Takes one step of the environment.
    pub(super) fn step(&mut self, command: Command) -> Result<(), EnvironmentError> {
        let Definition { hand_box, reads_contact_forces, .. } = *self.definition;
        let data = self.physics.data_mut();
        command.carry_out(data, hand_box);
        // Updates the positions of bodies, geoms and sites. A full forward pass would compute the
        // same positions, plus forces that few tasks read.
        if reads_contact_forces {
            data.forward();
        } else {
            data.kinematics();
        }
        match self.physics.trouble() {
            None => Ok(()),
            Some(trouble) => Err(EnvironmentError::Simulation(trouble.to_owned())),
        }
    }

    /// Places the free joint whose coordinates begin at `qpos[9]` at a position, at rest, and
    /// updates the derived quantities. Its orientation is unchanged.
    pub(super) fn place_free_object(&mut self, pos: Vec3) {
        self.set_qpos(9, &pos);
        self.set_qvel(9, &[0.0; 6]);
        self.forward();
    }

    /// Sets generalised positions from index `start` on.
    pub(super) fn set_qpos(&mut self, start: usize, values: &[f64]) {
        self.physics.data_mut().qpos_mut()[start..start + values.len()].copy_from_slice(values);
    }

    /// Sets generalised velocities from index `start` on.
    pub(super) fn set_qvel(&mut self, start: usize, values: &[f64]) {
        self.physics.data_mut().qvel_mut()[start..start + values.len()].copy_from_slice(values);
    }

    /// Computes all quantities derived from positions and velocities.
    pub(super) fn forward(&mut self) {
        self.physics.data_mut().forward();
    }

    /// Runs this many physics steps of 2.5 ms with unchanged controls.
    pub(super) fn let_settle(&mut self, physics_steps: usize) {
        (0..physics_steps).for_each(|_| self.physics.data_mut().step());
    }

    /// Moves a body within its parent, m. This takes effect with the next step or
    /// [`forward`](Self::forward).
    pub(super) fn move_body(&mut self, body: usize, pos: Vec3) {
        self.physics.set_body_pos(body, pos);
    }

    /// Moves the goal marker, if the model has one. The marker is purely visual: nothing can touch
    /// it.
    pub(super) fn mark_goal(&mut self, pos: Vec3) {
        if let Some(site) = self.goal_site {
            self.physics.set_site_pos(site, pos);
        }
    }

    /// Moves a site within its body, m.
    pub(super) fn move_site(&mut self, site: usize, pos: Vec3) {
        self.physics.set_site_pos(site, pos);
    }

    /// Where a body is, m.
    pub(super) fn body_pos(&self, body: usize) -> Vec3 {
        self.physics.data().xpos()[body]
    }

    /// The orientation of a body, `[w, x, y, z]`.
    pub(super) fn body_quat(&self, body: usize) -> [f64; 4] {
        self.physics.data().xquat()[body]
    }

    /// The orientation of a body as a matrix, row by row.
    pub(super) fn body_matrix(&self, body: usize) -> &[f64; 9] {
        &self.physics.data().xmat()[body]
    }

    /// Where a geom is, m.
    pub(super) fn geom_pos(&self, geom: usize) -> Vec3 {
        self.physics.data().geom_xpos()[geom]
    }

    /// The orientation of a geom as a matrix, row by row.
    pub(super) fn geom_matrix(&self, geom: usize) -> &[f64; 9] {
        &self.physics.data().geom_xmat()[geom]
    }

    /// Where a site is, m.
    pub(super) fn site_pos(&self, site: usize) -> Vec3 {
        self.physics.data().site_xpos()[site]
    }

    /// The orientation of a site as a matrix, row by row.
    pub(super) fn site_matrix(&self, site: usize) -> &[f64; 9] {
        &self.physics.data().site_xmat()[site]
    }

    /// The normal force between two geoms, N, summed over their contacts.
    pub(super) fn contact_force(&self, a: usize, b: usize) -> f64 {
        let data = self.physics.data();
        let pair = [a as i32, b as i32];
        let of_pair = |geoms: [i32; 2]| geoms == pair || geoms == [pair[1], pair[0]];
        let contacts = data.contact().iter().enumerate();
        let touching = contacts.filter(|(_, contact)| of_pair(contact.geom));
        // The first component is along the normal.
        touching.map(|(index, _)| data.contact_force(index)[0]).sum()
    }

    /// A generalised position.
    pub(super) fn qpos(&self, index: usize) -> f64 {
        self.physics.data().qpos()[index]
    }

    pub(super) fn physics(&self) -> &Physics {
        &self.physics
    }

    pub(super) fn physics_mut(&mut self) -> &mut Physics {
        &mut self.physics
    }

    /// The index of the body whose position is the hand's.
    pub(super) fn hand_body(&self) -> usize {
        self.hand
    }

    /// Where the hand is, m.
    pub(super) fn hand(&self) -> Vec3 {
        self.body_pos(self.hand)
    }

    /// The point between the fingertips, m.
    pub(super) fn tcp(&self) -> Vec3 {
        midpoint(self.site_pos(self.fingertips[0]), self.site_pos(self.fingertips[1]))
    }

    /// The point between the fingertips right after the reset of the hand, m.
    pub(super) fn init_tcp(&self) -> Vec3 {
        self.init_tcp
    }

    pub(super) fn right_pad(&self) -> Vec3 {
        self.body_pos(self.pads[0])
    }

    pub(super) fn left_pad(&self) -> Vec3 {
        self.body_pos(self.pads[1])
    }

    /// How far the gripper is open, from 0 to 1 (10 cm).
    pub(super) fn gripper_opening(&self) -> f64 {
        let apart = norm(sub(self.body_pos(self.claws[0]), self.body_pos(self.claws[1])));
        (apart / 0.1).clamp(0.0, 1.0)
    }
}

fn simulation_error(error: MjDataError) -> EnvironmentError {
    EnvironmentError::Simulation(error.to_string())
}
