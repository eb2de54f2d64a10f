//! MetaWorld V3: a Sawyer arm at a table, simulated with MuJoCo.
//!
//! Every environment has two faces over one simulator. The canonical face, which [`MetaWorld`]
//! makes for a [`Registry`](crate::env::Registry), shows a policy what a robot would sense. The raw
//! face, [`RawEnvironment`], is that of the Python package: with the same MuJoCo library, C library
//! and kind of processor, its states and observations equal the package's bit for bit, and its
//! rewards agree within 1e-12 ([`parity`] checks that on your machine).
//!
//! Source: Farama's `metaworld` 3.1.1 (MIT). Its model files are downloaded and not part of this
//! crate; see [`assets`].

pub mod assets;
mod canonical;
mod expert;
mod geometry;
mod groups;
mod handling;
mod observation;
pub mod parity;
mod physics;
mod raw;
mod render;
mod reward;
mod simulation;
mod task;
mod tasks;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use kinitro_core::{EnvId, Seed};
use mujoco_rs::prelude::MjModel;
use serde::{Deserialize, Serialize};

pub use observation::RawObservation;
#[cfg(feature = "bench")]
pub(crate) use raw::BarePhysics;
pub use raw::{RawEnvironment, RawTransition};
pub use render::Pictures;

use self::canonical::{CanonicalController, CanonicalEnvironment};
use self::simulation::Simulation;
use self::task::Definition;
use crate::env::{
    Controller, Environment, EnvironmentError, EnvironmentFamily, EnvironmentSpec, SeededRng,
    nearest,
};

/// The name of this family: the first half of its environments' ids.
pub const FAMILY: &str = "metaworld";

/// The cameras that pictures can be taken from.
const CAMERAS: [&str; 2] = ["corner", "corner2"];

/// The height and width of a picture, pixels.
const PICTURE: (usize, usize) = (84, 84);

fn env_id(task: &str) -> EnvId {
    EnvId::new(FAMILY, task).expect("the names in the table of tasks are well formed")
}

/// The family `metaworld`. Models are compiled once and shared by all environments made from it.
#[derive(Debug)]
pub struct MetaWorld {
    assets: Option<PathBuf>,
    pictures: Pictures,
    goal_visible: bool,
    models: Mutex<BTreeMap<&'static str, Arc<MjModel>>>,
}

impl Default for MetaWorld {
    fn default() -> Self {
        Self {
            assets: None,
            pictures: Pictures::default(),
            goal_visible: true,
            models: Mutex::default(),
        }
    }
}

impl MetaWorld {
    /// The family with its model files in this folder instead of the [default one](assets::folder).
    pub fn with_assets(folder: impl Into<PathBuf>) -> Self {
        Self { assets: Some(folder.into()), ..Self::default() }
    }

    /// How pictures are drawn; [`Pictures::Fast`] by default.
    #[must_use]
    pub fn pictures(mut self, pictures: Pictures) -> Self {
        self.pictures = pictures;
        self
    }

    /// Whether pictures show the goal marker, as they do in the Python package and by default.
    #[must_use]
    pub fn goal_visible(mut self, visible: bool) -> Self {
        self.goal_visible = visible;
        self
    }

    /// The raw face of a task.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names, or
    /// [`EnvironmentError::Assets`] when the model files are missing or damaged.
    pub fn make_raw(&self, task: &str) -> Result<RawEnvironment, EnvironmentError> {
        let definition = definition(task)?;
        Ok(RawEnvironment::new(Simulation::new(definition, self.model(definition)?)?))
    }

    /// The compiled model of a task as it is before any episode, to measure the bare physics.
    ///
    /// # Errors
    /// As for [`make_raw`](Self::make_raw).
    pub fn compiled_model(&self, task: &str) -> Result<Arc<MjModel>, EnvironmentError> {
        self.model(definition(task)?)
    }

    fn assets_folder(&self) -> Result<PathBuf, EnvironmentError> {
        match &self.assets {
            Some(folder) => Ok(assets::check(folder).map(|()| folder.clone())?),
            None => Ok(assets::find()?),
        }
    }

    fn model(&self, definition: &Definition) -> Result<Arc<MjModel>, EnvironmentError> {
        // Holding the lock while compiling keeps several workers from compiling the same model.
        let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = models.get(definition.model) {
            return Ok(Arc::clone(model));
        }
        let path = self.assets_folder()?.join(definition.model);
        let model =
            Arc::new(physics::load_model(&path, PICTURE, self.pictures, self.goal_visible)?);
        models.insert(definition.model, Arc::clone(&model));
        Ok(model)
    }
}

/// The parameters of a MetaWorld [`Scenario`](crate::env::Scenario).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Parameters {
    /// The numbers that place objects and goal, m: the Python package's random vector. What each
    /// number means depends on the task.
    pub placement: Vec<f64>,
    /// The factor on the nominal friction coefficients, 0.8 to 1.2.
    pub friction_scale: f64,
    /// The factor on the nominal joint damping, 0.9 to 1.1.
    pub damping_scale: f64,
}

impl Parameters {
    /// Draws the parameters of a seed's scenario without making an environment. `task` is the task
    /// name, for instance `reach-v3`.
    ///
    /// # Errors
    /// [`EnvironmentError::UnknownEnvironment`] with the nearest names.
    pub fn draw(task: &str, seed: Seed) -> Result<Self, EnvironmentError> {
        let definition = definition(task)?;
        Ok(Self::of(definition, &env_id(definition.name), seed))
    }

    /// These objects and goal in the nominal world.
    pub fn nominal(placement: impl Into<Vec<f64>>) -> Self {
        Self { placement: placement.into(), friction_scale: 1.0, damping_scale: 1.0 }
    }

    fn of(definition: &Definition, env_id: &EnvId, seed: Seed) -> Self {
        let mut rng = SeededRng::new("task", env_id, seed);
        let placement = definition.space.draw(&mut rng);
        let friction_scale = rng.uniform(0.8, 1.2);
        let damping_scale = rng.uniform(0.9, 1.1);
        Self { placement, friction_scale, damping_scale }
    }
}

fn definition(task: &str) -> Result<&'static Definition, EnvironmentError> {
    tasks::ALL.iter().copied().find(|definition| definition.name == task).ok_or_else(|| {
        EnvironmentError::UnknownEnvironment {
            name: format!("{FAMILY}/{task}"),
            nearest: nearest(task, tasks::ALL.iter().map(|definition| definition.name))
                .into_iter()
                .map(|name| format!("{FAMILY}/{name}"))
                .collect(),
        }
    })
}

impl EnvironmentFamily for MetaWorld {
    fn name(&self) -> &str {
        FAMILY
    }

    fn tasks(&self) -> Vec<String> {
        tasks::ALL.iter().map(|definition| definition.name.to_owned()).collect()
    }

    fn aliases(&self) -> Vec<(String, Vec<String>)> {
        let owned = |tasks: &[&str]| tasks.iter().map(|&task| task.to_owned()).collect();
        let listed = groups::ALIASES.iter().map(|(name, tasks)| ((*name).to_owned(), owned(tasks)));
        listed.chain([(groups::ALL.to_owned(), self.tasks())]).collect()
    }

    fn spec(&self, task: &str) -> Result<EnvironmentSpec, EnvironmentError> {
        Ok(canonical::spec(definition(task)?))
    }

    fn make(&self, task: &str) -> Result<Box<dyn Environment>, EnvironmentError> {
        let definition = definition(task)?;
        let model = self.model(definition)?;
        Ok(Box::new(CanonicalEnvironment::new(definition, model, self.pictures)?))
    }

    fn expert(&self, task: &str) -> Option<Box<dyn Controller>> {
        let definition = definition(task).ok()?;
        let expert = definition.expert?;
        Some(Box::new(CanonicalController(expert(), env_id(definition.name))))
    }

    fn provenance(&self) -> Result<BTreeMap<String, String>, EnvironmentError> {
        let pins = assets::Pins::get();
        let folder = self.assets_folder()?;
        let mut provenance = BTreeMap::from([
            ("mujoco".to_owned(), pins.mujoco.version.clone()),
            ("metaworld_assets".to_owned(), pins.metaworld.version.clone()),
            ("metaworld_assets_sha256".to_owned(), assets::digest(&folder)?),
            ("pictures".to_owned(), self.pictures.provenance()),
            ("goal_visible".to_owned(), self.goal_visible.to_string()),
        ]);
        if let Some(digest) = assets::loaded_mujoco_digest() {
            provenance.insert("mujoco_library_sha256".to_owned(), digest);
        }
        Ok(provenance)
    }
}
