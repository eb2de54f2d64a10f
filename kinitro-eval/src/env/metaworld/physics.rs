//! The physics of one world: a MuJoCo model that can be modified between episodes, and its state.
//!
//! This is the project's only module with `unsafe` code: mujoco-rs requires the caller to guarantee
//! that the sizes of a model in use do not change, and that the row of a weld holds numbers valid
//! to MuJoCo.
#![allow(unsafe_code, reason = "it wraps what mujoco-rs leaves to its caller")]

use std::path::Path;
use std::sync::{Arc, Once};

use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_model::{MjtEq, MjtObjBase};

use super::assets;
use super::render::Pictures;
use crate::env::EnvironmentError;

/// Weld of the mocap body to the hand: anchor, relative position, relative orientation, torque
/// scale. MetaWorld overwrites the compiled model's values with these.
const WELD: [f64; 11] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 5.0];

/// Parts of the names of the sites that show where the goal is.
const GOAL_MARKERS: [&str; 2] = ["goal", "pegTop"];

/// Loads a model the way MetaWorld does.
///
/// `size` is the height and width of the pictures to render, in pixels.
pub(super) fn load_model(
    path: &Path,
    size: (usize, usize),
    pictures: Pictures,
    goal_visible: bool,
) -> Result<MjModel, EnvironmentError> {
    route_warnings();
    let mut model = MjModel::from_xml(path).map_err(|error| assets::damaged(path, error))?;

    let welds: Vec<usize> =
        (0..model.eq_type().len()).filter(|&i| model.eq_type()[i] == MjtEq::mjEQ_WELD).collect();
    // SAFETY: the rows are plain numbers of a weld; indices and types are unchanged. The columns
    // after these eleven keep the values from the model's compiler.
    let rows = unsafe { model.eq_data_mut() };
    for weld in welds {
        rows[weld][..WELD.len()].copy_from_slice(&WELD);
    }

    let visual = model.vis_mut();
    // A buffer no larger than the picture is faster to clear and read.
    visual.global.offheight = size.0 as i32;
    visual.global.offwidth = size.1 as i32;
    if pictures == Pictures::Fast {
        visual.quality.shadowsize = 0;
        visual.quality.offsamples = 0;
    }
    if !goal_visible {
        let name = |site| model.id_to_name(MjtObjBase::mjOBJ_SITE, site).unwrap_or_default();
        let is_marker = |site: &usize| GOAL_MARKERS.iter().any(|part| name(*site).contains(part));
        let markers: Vec<usize> = (0..model.site_rgba().len()).filter(is_marker).collect();
        for site in markers {
            model.site_rgba_mut()[site][3] = 0.0;
        }
    }
    Ok(model)
}

/// Sends MuJoCo's warnings to the log of this process instead of a file in the current folder.
fn route_warnings() {
    static LOG_HOOK: Once = Once::new();
    // SAFETY: MuJoCo's globals are written before the first model is loaded, and none of our code
    // uses MuJoCo before it has a model; the `Once` blocks every other thread that loads one.
    LOG_HOOK.call_once(|| unsafe { install_logging_hook() });
}

/// The index of a named object.
pub(super) fn object_id(
    model: &MjModel,
    kind: MjtObjBase,
    name: &str,
) -> Result<usize, EnvironmentError> {
    model.name_to_id(kind, name).ok_or_else(|| {
        assets::of_another_version(format!("the model has no {kind:?} named `{name}`"))
    })
}

/// Determines which parts of a model are drawn together, and which of them reflect others. It has
/// no effect on the physics.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DrawGroups {
    /// The group of each geom, 0 to 5.
    pub(super) geoms: Vec<i32>,
    /// The group of each site.
    pub(super) sites: Vec<i32>,
    /// The reflectance of each material.
    pub(super) reflectance: Vec<f32>,
}

/// A model that no other world shares, and its state.
pub(super) struct Physics {
    data: MjData<Box<MjModel>>,
    nominal: Arc<MjModel>,
}

impl Physics {
    /// A world in the model's initial state.
    pub(super) fn new(nominal: Arc<MjModel>) -> Self {
        Self { data: MjData::new(Box::new(MjModel::clone(&nominal))), nominal }
    }

    /// The model as loaded, shared by all of its worlds.
    pub(super) fn nominal(&self) -> &Arc<MjModel> {
        &self.nominal
    }

    pub(super) fn data(&self) -> &MjData<Box<MjModel>> {
        &self.data
    }

    pub(super) fn data_mut(&mut self) -> &mut MjData<Box<MjModel>> {
        &mut self.data
    }

    fn model_mut(&mut self) -> &mut MjModel {
        // SAFETY: the reference never leaves this module, and the methods below only write numbers
        // into the arrays of positions, friction, damping, groups and reflectance, all of which may
        // change between steps. The model is never replaced, and no size, index or address changes.
        unsafe { self.data.model_mut() }
    }

    /// Moves a body within its parent, metres.
    pub(super) fn set_body_pos(&mut self, body: usize, pos: [f64; 3]) {
        self.model_mut().body_pos_mut()[body] = pos;
    }

    /// Moves a site within its body, metres. Its position in the world is updated from its body's
    /// position as last computed. A site that was compiled to coincide with its body stays there.
    pub(super) fn set_site_pos(&mut self, site: usize, pos: [f64; 3]) {
        let model = self.model_mut();
        model.site_pos_mut()[site] = pos;
        let frame = model.site_sameframe()[site];
        if matches!(frame, MjtSameFrame::mjSAMEFRAME_BODY | MjtSameFrame::mjSAMEFRAME_INERTIA) {
            return;
        }
        let body = model.site_bodyid()[site] as usize;
        let (origin, m) = (self.data.xpos()[body], self.data.xmat()[body]);
        self.data.site_xpos_mut()[site] = [0, 1, 2].map(|axis| {
            let row = &m[3 * axis..3 * axis + 3];
            row[0] * pos[0] + row[1] * pos[1] + row[2] * pos[2] + origin[axis]
        });
    }

    /// Undoes all changes to positions, friction and damping.
    pub(super) fn restore_model(&mut self) {
        let nominal = Arc::clone(&self.nominal);
        let model = self.model_mut();
        model.body_pos_mut().copy_from_slice(nominal.body_pos());
        model.site_pos_mut().copy_from_slice(nominal.site_pos());
        model.geom_friction_mut().copy_from_slice(nominal.geom_friction());
        model.dof_damping_mut().copy_from_slice(nominal.dof_damping());
    }

    /// Sets all friction coefficients and all joint damping to multiples of their nominal values.
    pub(super) fn scale(&mut self, friction: f64, damping: f64) {
        let nominal = Arc::clone(&self.nominal);
        let model = self.model_mut();
        for (scaled, original) in model.geom_friction_mut().iter_mut().zip(nominal.geom_friction())
        {
            *scaled = original.map(|coefficient| coefficient * friction);
        }
        for (scaled, original) in model.dof_damping_mut().iter_mut().zip(nominal.dof_damping()) {
            *scaled = original * damping;
        }
    }

    /// Chooses what is drawn together.
    ///
    /// # Panics
    /// When the groups belong to another model.
    pub(super) fn set_draw_groups(&mut self, groups: &DrawGroups) {
        let model = self.model_mut();
        model.geom_group_mut().copy_from_slice(&groups.geoms);
        model.site_group_mut().copy_from_slice(&groups.sites);
        model.mat_reflectance_mut().copy_from_slice(&groups.reflectance);
    }

    /// Undoes [`set_draw_groups`](Self::set_draw_groups).
    pub(super) fn restore_draw_groups(&mut self) {
        let nominal = Arc::clone(&self.nominal);
        let model = self.model_mut();
        model.geom_group_mut().copy_from_slice(nominal.geom_group());
        model.site_group_mut().copy_from_slice(nominal.site_group());
        model.mat_reflectance_mut().copy_from_slice(nominal.mat_reflectance());
    }

    /// MuJoCo's first warning since the state was last reset. The state cannot be trusted after one.
    pub(super) fn trouble(&self) -> Option<&'static str> {
        // In the order of `mjtWarning`; the array's length is checked at compile time.
        const TEXTS: [&str; MjtWarning::mjNWARNING as usize] = [
            "the inertia matrix is singular",
            "too many contacts for the buffer",
            "too many constraints for the buffer",
            "a position is not a number or too large",
            "a velocity is not a number or too large",
            "an acceleration is not a number or too large",
            "a control is not a number or too large",
        ];
        let mut warnings = self.data.warning().iter().zip(TEXTS);
        warnings.find(|(warning, _)| warning.number > 0).map(|(_, text)| text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BALL: &str =
        "<mujoco><worldbody><body><freejoint/><geom size='.1'/></body></worldbody></mujoco>";

    #[test]
    fn a_state_that_is_no_longer_one_is_told() {
        let told = |spoil: fn(&mut MjData<Box<MjModel>>)| {
            route_warnings();
            let mut physics = Physics::new(Arc::new(MjModel::from_xml_string(BALL).unwrap()));
            physics.data_mut().step();
            assert_eq!(physics.trouble(), None);
            spoil(physics.data_mut());
            physics.data_mut().step();
            physics.trouble().unwrap_or("nothing")
        };
        assert!(told(|data| data.qpos_mut()[0] = f64::NAN).contains("position"));
        assert!(told(|data| data.qvel_mut()[0] = f64::INFINITY).contains("velocity"));
        assert!(told(|data| data.qfrc_applied_mut()[0] = 1e30).contains("acceleration"));
    }
}
