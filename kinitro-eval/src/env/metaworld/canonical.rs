//! The environment that a robot policy acts in.

use std::sync::Arc;

use kinitro_core::{Action, ActionSpec, ChannelSpec, Channels, EnvId, Image, Observation, Seed};
use mujoco_rs::prelude::MjModel;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::observation::RawObservation;
use super::render::{Painter, Pictures};
use super::simulation::Simulation;
use super::task::{Definition, RawController};
use super::world::Command;
use super::{CAMERAS, PICTURE, Parameters, env_id};
use crate::env::{
    CameraSpec, Controller, Environment, EnvironmentError, EnvironmentSpec, Scenario, Transition,
};

/// The specification of a task. This needs no simulator.
pub(super) fn spec(definition: &Definition) -> EnvironmentSpec {
    let world = "in the world frame (x right, y away from the base, z up)";
    let hand = |what: &str| format!("{what} of the hand {world}");
    let observation = vec![
        ChannelSpec::new("ee_pos", 3, "m", &hand("position")),
        ChannelSpec::new("ee_quat", 4, "", &hand("orientation [x, y, z, w]")),
        ChannelSpec::new("ee_vel_lin", 3, "m/s", &hand("linear velocity")),
        ChannelSpec::new("ee_vel_ang", 3, "rad/s", &hand("angular velocity")),
        ChannelSpec::new("gripper", 1, "", "0 open, 1 closed").bounded(0.0, 1.0),
    ];
    let twist = "motion of the hand in the world frame: the first three numbers move its target \
                 by up to 1 cm a step along x, y and z; the last three are accepted and ignored, \
                 since the hand of this arm keeps its orientation";
    let action = ActionSpec::new([
        ChannelSpec::new("ee_twist", 6, "", twist).bounded(-1.0, 1.0),
        ChannelSpec::new("gripper", 1, "", "0 opens, 1 closes").bounded(0.0, 1.0),
    ]);
    let (height, width) = PICTURE;
    EnvironmentSpec::new(env_id(definition.name), definition.description, action)
        .with_observation(observation)
        .with_cameras(CAMERAS.map(|name| CameraSpec::new(name, height, width)))
        .with_step_seconds(0.0125)
        .with_max_steps(500)
}

/// A MetaWorld task behind the robot interface: proprioception and pictures, never the state of an
/// object or the goal.
pub(super) struct CanonicalEnvironment {
    spec: EnvironmentSpec,
    simulation: Simulation,
    painter: Painter,
}

impl CanonicalEnvironment {
    pub(super) fn new(
        definition: &'static Definition,
        model: Arc<MjModel>,
        pictures: Pictures,
    ) -> Result<Self, EnvironmentError> {
        let painter = Painter::new(pictures, &model);
        let simulation = Simulation::new(definition, model)?;
        Ok(Self { spec: spec(definition), simulation, painter })
    }

    /// The proprioception of the robot.
    fn observation(&mut self) -> Observation {
        let world = self.simulation.world_mut();
        let hand = world.hand_body();
        let data = world.physics_mut().data_mut();
        // Computes the velocities of bodies, which stepping leaves one physics step behind.
        data.com_pos();
        data.com_vel();
        let [w, x, y, z] = data.xquat()[hand];
        let velocity = data.object_velocity(MjtObjBase::mjOBJ_XBODY, hand, false);
        let mut proprio = Channels::new();
        proprio.insert("ee_pos", world.hand());
        proprio.insert("ee_quat", [x, y, z, w]);
        proprio.insert("ee_vel_lin", &velocity[3..]);
        proprio.insert("ee_vel_ang", &velocity[..3]);
        proprio.insert("gripper", [1.0 - world.gripper_opening()]);
        Observation { proprio, ..Observation::default() }
    }

    fn misfit(&self, parameters: &Parameters) -> Option<String> {
        let Parameters { placement, friction_scale, damping_scale } = parameters;
        for (name, &scale) in [("friction", friction_scale), ("damping", damping_scale)] {
            if !(scale.is_finite() && scale > 0.0) {
                return Some(format!("its {name} scale is {scale}, not a positive number"));
            }
        }
        self.simulation.definition().space.misfit(placement)
    }
}

impl Environment for CanonicalEnvironment {
    fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        let env_id = self.spec.id.clone();
        let parameters = Parameters::of(self.simulation.definition(), &env_id, seed);
        Scenario::new(env_id, seed, parameters)
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        let misfit =
            |reason: String| EnvironmentError::Scenario { env_id: self.spec.id.clone(), reason };
        if scenario.env_id != self.spec.id {
            return Err(misfit(format!("it is a scenario of `{}`", scenario.env_id)));
        }
        let parameters: Parameters = scenario.parameters()?;
        if let Some(reason) = self.misfit(&parameters) {
            return Err(misfit(reason));
        }
        let Parameters { placement, friction_scale, damping_scale } = parameters;
        self.simulation.reset(&placement)?;
        // The hand is moved to its start in the nominal world, so that every episode begins alike.
        // The scaled physics apply from the first step on.
        self.simulation.world_mut().scale_physics(friction_scale, damping_scale);
        Ok(self.observation())
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        self.spec.action.check(action)?;
        let channel = |name: &str| action.continuous.get(name).map(|values| values.to_vec());
        let (Some(twist), Some(gripper)) = (channel("ee_twist"), channel("gripper")) else {
            unreachable!("the check above asks for both channels");
        };
        let grip = 2.0 * gripper[0].clamp(0.0, 1.0) - 1.0;
        let raw = [twist[0], twist[1], twist[2], grip];
        let (_, verdict) = self.simulation.step(Command::new(&raw), &raw)?;
        let observation = self.observation();
        Ok(Transition::solved_if(verdict.success, observation, verdict.reward))
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        self.spec.camera(camera)?;
        if !self.simulation.started() {
            return Err(EnvironmentError::NotReset);
        }
        self.painter.picture(self.simulation.world_mut().physics_mut(), camera)
    }

    fn full_state(&self) -> Option<Vec<f64>> {
        self.simulation.started().then(|| self.simulation.current().as_array().to_vec())
    }
}

/// A task's scripted controller, behind the robot interface.
pub(super) struct CanonicalController(pub(super) Box<dyn RawController>, pub(super) EnvId);

impl Controller for CanonicalController {
    fn reset(&mut self) {
        self.0.reset();
    }

    fn act(&mut self, state: &[f64]) -> Action {
        let Ok(observation) = RawObservation::try_from(state) else {
            unreachable!("the state of `{}` has 39 numbers, not {}", self.1, state.len());
        };
        let [x, y, z, grip] = self.0.act(&observation).map(|number| number.clamp(-1.0, 1.0));
        Action::new()
            .with("ee_twist", [x, y, z, 0.0, 0.0, 0.0])
            .with("gripper", [f64::midpoint(grip, 1.0)])
    }
}
